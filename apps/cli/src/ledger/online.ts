import type { LedgerVerified } from "@tollhouse/contract/control-client";
import type { Run } from "../run.ts";
import { Progress } from "../terminal/progress.ts";

/** Entries a request: about a second's work, so that a bar moves and no request runs into a time limit. */
const PART = 100_000;

export interface Range {
  readonly from: number;
  readonly to: number | "latest";
  /** The note of a checkpoint that was kept. */
  readonly pin: string | null;
}

/**
 * The server walks its chain, part by part. A part ends at a signed checkpoint, whose root binds everything before it: what lies between two
 * parts is covered as it would be in one walk.
 */
export async function verifyOnline(run: Run, range: Range, part = PART): Promise<LedgerVerified> {
  const last = range.to === "latest" ? await newestSize(run) : range.to;
  const pinSize = range.pin === null ? null : Number(range.pin.split("\n")[1]);
  const progress = new Progress(run.terminal, "entries");
  let sum: LedgerVerified | null = null;
  try {
    for (let from = range.from; ;) {
      const end = await endOfPart(run, from + part - 1, from, last);
      const to = end >= last ? range.to : end;
      const isPinned = pinSize !== null && pinSize >= from && (to === range.to || pinSize <= end);
      const body = { from, to, ...(isPinned && range.pin !== null && { pin: range.pin }) };
      sum = added(sum, await run.api.call("verifyLedger", { body }));
      // The last part goes on to what was recorded meanwhile.
      progress.at(sum.entries, Math.max(sum.entries, last - range.from + 1));
      if (sum.result === "FAIL" || to === range.to) return sum;
      from = end + 1;
    }
  } finally {
    progress.end();
  }
}

async function newestSize(run: Run): Promise<number> {
  const { checkpoints } = await run.api.call("listCheckpoints", { query: { limit: 1 } });
  return checkpoints[0]?.size ?? 0;
}

/** The last checkpoint that leaves the part at its size; everything that is left where there is none. */
async function endOfPart(run: Run, most: number, from: number, last: number): Promise<number> {
  if (most >= last) return last;
  const { checkpoints } = await run.api.call("listCheckpoints", { query: { limit: 1, cursor: String(most + 1) } });
  const size = checkpoints[0]?.size ?? 0;
  return size >= from ? size : last;
}

function added(before: LedgerVerified | null, part: LedgerVerified): LedgerVerified {
  if (before === null) return part;
  return {
    ...part,
    entries: before.entries + part.entries,
    checkpoints: before.checkpoints + part.checkpoints,
    tail: before.tail === "PROVEN" ? before.tail : part.tail,
    proven_to: before.proven_to ?? part.proven_to,
  };
}
