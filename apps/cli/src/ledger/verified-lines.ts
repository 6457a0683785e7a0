import type { LedgerVerified } from "@tollhouse/contract/control-client";
import type { Run } from "../run.ts";
import { count } from "../terminal/amounts.ts";
import { styled } from "../terminal/terminal.ts";
import type { OfflineVerified } from "./offline.ts";

/** One walk over a chain, and what it had to walk with. */
export interface Walk {
  readonly where: string;
  readonly found: LedgerVerified | OfflineVerified;
  /** The server has the keys of the MACs and the columns that are derived from the bytes; whoever reads an export has neither. */
  readonly by: "server" | "reader";
  readonly isPinned: boolean;
}

type Facts = readonly (readonly [name: string, value: string])[];

const SOUND: { readonly [B in Walk["by"]]: Facts } = {
  server: [
    ["chain", "intact: each hash follows from the one before it"],
    ["MACs", "good"],
  ],
  reader: [
    ["chain", "intact: each hash follows from the one before it"],
    ["MACs", "not looked at: their keys are the operator's"],
  ],
};

/** Of what failed, only where and why: behind the first bad entry nothing is judged. */
export function verifiedLines(run: Run, walk: Walk): string[] {
  const { where, found, by } = walk;
  const passed = found.result === "PASS";
  return [
    ...run.facts([
      ["checked", where],
      ["entries", `${count(found.entries)}${passed ? ", without a gap" : " looked at"}`],
      ...(passed ? SOUND[by] : []),
      ...(passed && "purged" in found ? projectionOf(found.purged) : []),
      ["checkpoints", `${count(found.checkpoints)} with a good signature and root`],
      ...("witnessed_to" in found && found.witnessed_to !== null
        ? ([["witnessed", `up to entry ${count(found.witnessed_to)}`]] as const)
        : []),
      ...(found.first_bad_sequence === null ? [] : ([["first bad", `sequence ${found.first_bad_sequence}`]] as const)),
      ...(found.problem === null ? [] : ([["problem", found.problem]] as const)),
      ["tail", tailOf(walk)],
    ]),
    styled(run.terminal, passed ? ["green", "bold"] : ["red", "bold"], found.result),
  ];
}

/** Null: a server of the release before, which does not say. */
function projectionOf(purged: number | null): Facts {
  if (purged === 0) return [["projection", "every column is what the bytes say"]];
  const left = ["projection", "every column that is left is what the bytes say"] as const;
  return purged === null
    ? [left]
    : [left, ["retention", `details of ${count(purged)} entries were purged, as the chain says`]];
}

function tailOf({ found, isPinned }: Walk): string {
  if (found.tail === "PROVEN") return `PROVEN up to ${count(found.proven_to)}`;
  return isPinned ? "TAIL NOT PROVEN" : "TAIL NOT PROVEN (--pin shows that nothing was cut off)";
}
