import type { Usage } from "@tollhouse/contract";
import { OpenCalls } from "./open-calls.ts";
import type { OpenCall, RecorderState } from "./open-calls.ts";
import { comparePositions } from "./position.ts";
import { readSpool } from "./read-spool.ts";
import type { OutcomeRecord } from "./records.ts";
import type { Spool } from "./spool.ts";

export const RECOVERED_DOUBT = "node stopped before the outcome";

export interface RecoverReport {
  /** Calls that were open when the node stopped, and are settled now at what was held. */
  readonly settled: number;
  /** Held by them, nano-dollars. */
  readonly settledUsd: bigint;
  /** The counters they were settled on, for a counter store that is rebuilt beside the recorder. */
  readonly outcomes: readonly OutcomeRecord[];
  /** Checks of SDKs that are still open: Tollhouse sent nothing for them, so they go on holding until they are recorded or expire. */
  readonly checks: readonly OpenCall[];
}

/**
 * Ends every call that a stopped process left open: bytes may have been sent and billed, so it is settled at what was held, as
 * `estimated` and in doubt; reconciliation corrects it. Run before serving and before the recorder starts. Running it twice,
 * or being killed in it, ends every call once: what it appended is seen by the next run.
 *
 * `state`: `loadRecorderState(db, spool.node)`. Resolves when the outcomes survive another kill.
 */
export async function recoverSpool(spool: Spool, state: RecorderState, nowMs: number): Promise<RecoverReport> {
  // A power cut may have taken what was not synced yet, and the database has it: places up to there are taken.
  if (comparePositions(state.done, spool.end()) > 0) spool.moveBehind(state.done);
  const open = await openCallsOf(spool, state, nowMs);
  const outcomes: OutcomeRecord[] = [];
  let settledUsd = 0n;
  const writes: Promise<void>[] = [];
  const checks: OpenCall[] = [];
  for (const call of open.all()) {
    if (call.intent.expiresMs !== undefined) {
      checks.push(call);
      continue;
    }
    const outcome = recoveredOutcome(call, nowMs);
    outcomes.push(outcome);
    settledUsd += call.reservedUsd;
    writes.push(spool.append(outcome));
  }
  await Promise.all(writes);
  return { settled: outcomes.length, settledUsd, outcomes, checks };
}

async function openCallsOf({ dir, disk }: Spool, state: RecorderState, nowMs: number): Promise<OpenCalls> {
  const open = new OpenCalls(state, nowMs);
  for await (const frame of readSpool(dir, state.start, disk)) {
    const { record } = frame;
    if (record.t === "intent") open.intent(frame, record, nowMs);
    else if (record.t === "extend") open.extend(frame, record);
    else if (record.t === "outcome") open.outcome(record);
    else if (record.t === "usage" && record.ends) open.end(record.decision);
  }
  return open;
}

function recoveredOutcome(call: OpenCall, nowMs: number): OutcomeRecord {
  const { intent } = call;
  const held = { usd: call.reservedUsd, tokens: call.reservedTokens, requests: 1n };
  return {
    t: "outcome",
    decision: intent.decision,
    timeMs: nowMs,
    end: "settled",
    status: null,
    reason: null,
    usage: heldUsage(call.reservedTokens),
    source: "estimated",
    cost: intent.priceVersion === null ? null : String(call.reservedUsd),
    servedModel: null,
    tier: null,
    providerId: null,
    doubt: RECOVERED_DOUBT,
    deltas: intent.counters.map((counter) => String(held[counter.measure])),
    late: [],
    latencyMs: Math.max(0, nowMs - intent.timeMs),
  };
}

/** How the held tokens would have split is not known; they count as output, the class that was still growing. */
function heldUsage(tokens: bigint): Usage {
  return tokens === 0n ? {} : { output: Number(tokens) };
}
