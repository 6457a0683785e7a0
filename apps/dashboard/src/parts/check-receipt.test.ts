/// <reference types="node" />
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkReceipt } from "./check-receipt.ts";

interface Vectors {
  readonly key: string;
  readonly receipts: readonly { readonly name: string; readonly receipt: string; readonly accepted: boolean }[];
}
const FILE = new URL("../../../../packages/contract/vectors/ledger-verify.json", import.meta.url);
const { key, receipts } = JSON.parse(readFileSync(FILE, "utf8")) as Vectors;

test.each(receipts)("by what a browser lends a page, the receipt $name is accepted: $accepted", async (vector) => {
  const checked = await checkReceipt(vector.receipt, [key]).then(
    () => true,
    () => false,
  );
  expect(checked).toBe(vector.accepted);
});

test("a signature that is not good is no proof, though all else holds", async () => {
  const good = receipts.find(({ accepted }) => accepted)?.receipt ?? "";
  const line = good.trimEnd().split("\n").at(-1) ?? "";
  const turned = line.replace(/.(?=.{8}$)/, (digit) => (digit === "A" ? "B" : "A"));
  await expect(checkReceipt(good.replace(line, turned), [key])).rejects.toThrow("is not good");
});
