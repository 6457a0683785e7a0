import type { Usage } from "@tollhouse/contract";
import type { Amounts } from "@tollhouse/engine";
import { OpenCalls } from "./open-calls.ts";
import type { OpenCall, RecorderState } from "./open-calls.ts";
import { comparePositions } from "./position.ts";
import { readSpool } from "./read-spool.ts";
import type { OutcomeRecord } from "./records.ts";
import type { Spool } from "./spool.ts";

export const RECOVERED_DOUBT = "node stopped before the outcome";

export interface RecoverReport {
  /** Calls that were open when the node stopped, to be ended by `settleRecovered` before another call is admitted. */
  readonly calls: readonly OpenCall[];
  /** Checks of SDKs that are still open: Tollhouse sent nothing for them, so they go on holding until they are recorded or expire. */
  readonly checks: readonly OpenCall[];
}

/** Counts what a call held where counters are at hand, and answers those of limits that came into force since its intent. */
export type CountRecovered = (call: OpenCall, held: Amounts) => OutcomeRecord["late"];

/** Decisions of these calls whose entries are in the ledger: `recordedCalls`. */
export type RecordedCalls = (calls: readonly OpenCall[]) => Promise<ReadonlySet<string>>;

/**
 * Finds what a stopped process left open. Run before serving and before the recorder starts.
 *
 * `state`: `loadRecorderState(db, spool.node)`.
 */
export async function recoverSpool(
  spool: Spool,
  state: RecorderState,
  nowMs: number,
  recordedCalls: RecordedCalls,
): Promise<RecoverReport> {
  // A power cut may have taken what was not synced yet, and the database has it: places up to there are taken.
  if (comparePositions(state.done, spool.end()) > 0) spool.moveBehind(state.done);
  // What another node ended has its entry; where the spool has the truth of it, the recorder amends that.
  const left = [...(await openCallsOf(spool, state, nowMs)).all()].filter((call) => call.endedElsewhere !== true);
  // And it may have taken the end alone of a call that the database has ended. That is counted with the ledger, so it is ended here without
  // being counted: the recorder finds its entry, and makes no second one.
  const recorded = left.length === 0 ? new Set<string>() : await recordedCalls(left);
  await settleRecovered(
    spool,
    left.filter(({ intent }) => recorded.has(intent.decision)),
    nowMs,
  );
  const open = left.filter(({ intent }) => !recorded.has(intent.decision));
  return {
    calls: open.filter(({ intent }) => intent.expiresMs === undefined),
    checks: open.filter(({ intent }) => intent.expiresMs !== undefined),
  };
}

/**
 * Ends them: bytes may have been sent and billed, so each is settled at what was held, as `estimated` and in doubt; reconciliation
 * corrects it. Run before serving. Being killed in it ends every call once all the same: what it appended is seen by the next start.
 * All of it is counted and appended in one turn; resolves with the outcomes when they survive another kill.
 */
export async function settleRecovered(
  spool: Spool,
  calls: readonly OpenCall[],
  nowMs: number,
  count: CountRecovered = () => [],
): Promise<readonly OutcomeRecord[]> {
  const outcomes = calls.map((call) => {
    const held = { usd: call.reservedUsd, tokens: call.reservedTokens, requests: 1n };
    return recoveredOutcome(call, held, nowMs, count(call, held));
  });
  await Promise.all(outcomes.map((outcome) => spool.append(outcome)));
  return outcomes;
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

function recoveredOutcome(call: OpenCall, held: Amounts, nowMs: number, late: OutcomeRecord["late"]): OutcomeRecord {
  const { intent } = call;
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
    late,
    latencyMs: Math.max(0, nowMs - intent.timeMs),
  };
}

/** How the held tokens would have split is not known; they count as output, the class that was still growing. */
function heldUsage(tokens: bigint): Usage {
  return tokens === 0n ? {} : { output: Number(tokens) };
}
