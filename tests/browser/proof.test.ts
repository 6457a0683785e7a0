import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ran } from "../../apps/cli/src/cli-fixture.ts";
import { shot } from "./looks.ts";
import { dashboardTests } from "./started-dashboard.ts";

const dashboard = dashboardTests();

async function firstDecision(): Promise<string> {
  const { calls } = await dashboard.world.control<{ calls: readonly { decision: string }[] }>("GET", "/api/v1/calls");
  return calls[0]?.decision ?? "";
}

test("the ledger: walked now, with a checkpoint that was kept; receipt, checkpoint and export are files to take along", async () => {
  const decision = await firstDecision();
  const page = await dashboard.signedIn("viewer", { at: `/ledger?receipt=${decision}` });
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByRole("status").filter({ hasText: "PASS" }).waitFor();
  await page.getByText("only a checkpoint can show that was kept elsewhere").waitFor();

  const receipts = page.getByRole("region", { name: "Receipt of a call" });
  const [receipt] = await Promise.all([
    page.waitForEvent("download"),
    receipts.getByRole("button", { name: "Download the receipt" }).click(),
  ]);
  const { key } = await dashboard.world.control<{ key: string }>("GET", "/api/v1/ledger/public-key");
  // As the page says, with nothing but the file and the key.
  const verified = await ran("http://127.0.0.1:9", ["ledger", "verify", await receipt.path(), "--key", key, "--json"]);
  expect(JSON.parse(verified.out)).toMatchObject({ result: "PASS", decision });

  // Asking for the receipt signed one.
  await page.reload();
  const [note] = await Promise.all([
    page.waitForEvent("download"),
    page
      .getByRole("button", { name: /^Download the checkpoint of/ })
      .first()
      .click(),
  ]);
  await page.getByRole("button", { name: "I kept a checkpoint" }).click();
  await page.getByLabel("Its text").fill(await readFile(await note.path(), "utf8"));
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText("none of the first").waitFor();
  await shot(page, "ledger");

  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("region", { name: "Export" }).getByRole("link", { name: "Download" }).click(),
  ]);
  const lines = (await readFile(await file.path(), "utf8")).trimEnd().split("\n");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ end: true });
  await page.getByRole("region", { name: "Export" }).getByText("CSV", { exact: true }).click();
  const [table] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("region", { name: "Export" }).getByRole("link", { name: "Download" }).click(),
  ]);
  const rows = (await readFile(await table.path(), "utf8")).trimEnd().split(/\r?\n/);
  expect([rows[0]?.startsWith("sequence,time,type"), rows.length > 10]).toEqual([true, true]);
});

test("a checkpoint of another chain is no proof, and the page says so", async () => {
  const page = await dashboard.signedIn("viewer", { at: "/ledger", expects: /400/ });
  await page.getByRole("button", { name: "I kept a checkpoint" }).click();
  await page.getByLabel("Its text").fill("no checkpoint");
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByRole("alert").waitFor();
  expect(await page.getByRole("status").filter({ hasText: "PASS" }).count()).toBe(0);
});

test("the audit: who changed what, before and after, found by the action in the address", async () => {
  const limit = { scope: "team:ops", measure: "usd", amount: "25.00", window: "month", mode: "hard" };
  const { id } = await dashboard.world.control<{ id: string }>("POST", "/api/v1/limits", limit);
  await dashboard.world.control("PUT", `/api/v1/limits/${id}`, { amount: "40.00" });
  await dashboard.world.recorded();
  const page = await dashboard.signedIn("viewer", { at: "/audit" });
  await page.getByRole("combobox", { name: "What" }).fill("limit.update");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  const row = page.getByRole("row").filter({ hasText: id });
  await row.getByText("amount: 25.00 → 40.00").waitFor();
  expect(await page.getByRole("row").count()).toBe(2);
  expect(page.url()).toContain("action=limit.update");
  await row.getByRole("button", { name: /^Details/ }).click();
  const details = page.getByRole("dialog", { name: "limit.update" });
  await details
    .getByRole("row", { name: /amount/ })
    .getByText("40.000000000")
    .waitFor();
  await shot(page, "audit-details");
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByText("limit.create").first().waitFor();
  await shot(page, "audit");
});
