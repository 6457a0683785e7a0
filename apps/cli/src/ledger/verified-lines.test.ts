import type { LedgerVerified } from "@tollhouse/contract/control-client";
import { expect, test } from "vitest";
import { terminalFor } from "../cli-fixture.ts";
import { Run } from "../run.ts";
import { verifiedLines } from "./verified-lines.ts";

const FOUND: LedgerVerified = {
  result: "PASS",
  tail: "NOT PROVEN",
  proven_to: null,
  entries: 4821,
  checkpoints: 5,
  purged: 0,
  first_bad_sequence: null,
  problem: null,
};
test.each([
  ["nothing was purged", 0, ["projection   every column is what the bytes say"]],
  [
    "details were purged",
    1204,
    [
      "projection   every column that is left is what the bytes say",
      "retention    details of 1,204 entries were purged, as the chain says",
    ],
  ],
  ["nobody counted", null, ["projection   every column that is left is what the bytes say"]],
] as const)("of a chain that passes where %s", (_, purged, said) => {
  const run = new Run(terminalFor("http://127.0.0.1:9").terminal, {});
  const lines = verifiedLines(run, { where: "here", found: { ...FOUND, purged }, by: "server", isPinned: false });
  expect(lines.filter((line) => /^(projection|retention)/.test(line))).toEqual(said);
});
