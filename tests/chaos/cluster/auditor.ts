import type { SimulatorProcess, TollhouseProcess } from "@tollhouse/testkit";
import { expect } from "vitest";
import {
  atRest,
  costOf,
  expectCountersAreTheFold,
  expectVerifies,
  limits,
  nano,
  pairUp,
  recordedCalls,
  sum,
  type LimitAnswer,
  type RecordedCall,
} from "../audit.ts";
import type { AskedCall } from "./cluster-load.ts";

/** A call may hold what it may cost until the counters have heard of its end, which is told them behind the answer. */
const TOLD_WITHIN_MS = 1_500;

export interface Audited {
  readonly recorded: readonly RecordedCall[];
  readonly admitted: number;
  readonly refused: number;
  /** 503: nobody could say whether it fits. */
  readonly unavailable: number;
  /** Answered whole, and at what they held in the ledger: their gateway was killed before it had written what they made. */
  readonly unwritten: number;
}

export interface AuditOptions {
  /** Refusals are held against what can have been held meanwhile; false where ends could not be told for a while. */
  readonly refusals?: boolean;
  /** Nano-dollars by which a budget may have been passed: what gateways were allowed to spend uncounted. */
  readonly beyond?: bigint;
  readonly kills?: readonly Kill[];
}

export interface Kill {
  readonly gateway: number;
  readonly atMs: number;
}

/** A killed gateway may have been kept from its processor for as long between the last byte of an answer and its outcome. */
const KILLED_WITHIN_MS = 10_000;

/**
 * Judges what was done to several gateways from outside of all of them: answers to clients, the provider's bill, the ledger's own bytes,
 * and the counters as each gateway reads them. To be asked when nothing runs; waits for the last to be recorded.
 */
export async function audit(
  gateways: readonly TollhouseProcess[],
  simulator: SimulatorProcess,
  calls: readonly AskedCall[],
  { refusals = true, beyond = 0n, kills = [] }: AuditOptions = {},
): Promise<Audited> {
  const { recorded, found } = await auditEnds(gateways, simulator, calls, { beyond, kills });
  for (const gateway of gateways) await expectCountersAreTheFold(gateway);
  if (refusals) expect(phantoms(calls, recorded, found)).toEqual([]);
  await expectVerifies(gateways[0] as TollhouseProcess);
  const count = (status: number): number => calls.filter((call) => call.status === status).length;
  const unwritten = wrongEnds(calls, recorded).length;
  return { recorded, admitted: count(200), refused: count(429), unavailable: count(503), unwritten };
}

/** What does not depend on which windows are the present ones. */
export async function auditEnds(
  gateways: readonly TollhouseProcess[],
  simulator: SimulatorProcess,
  calls: readonly AskedCall[],
  { beyond = 0n, kills = [] }: Pick<AuditOptions, "beyond" | "kills"> = {},
): Promise<{ readonly recorded: readonly RecordedCall[]; readonly found: readonly LimitAnswer[] }> {
  for (const gateway of gateways) {
    await atRest(gateway);
    // One that nobody asked since its store was away finds out with the first question that the store is back.
    await expect.poll(() => isAnswered(gateway), { timeout: 60_000, interval: 100 }).toBe(true);
  }
  const [first] = gateways as [TollhouseProcess];
  await expect.poll(() => held(first), { timeout: 60_000, interval: 100 }).toEqual([]);
  const recorded = await recordedCalls(first);
  expectOneEndEach(recorded, simulator);
  expect(wrongEnds(calls, recorded, kills)).toEqual([]);
  const found = await limits(first);
  expectNoOverspend(found, recorded, beyond);
  return { recorded, found };
}

async function isAnswered(gateway: TollhouseProcess): Promise<boolean> {
  return limits(gateway).then(
    () => true,
    () => false,
  );
}

async function held(gateway: TollhouseProcess): Promise<string[]> {
  const found = await limits(gateway);
  return found
    .filter(({ state }) => Number(state.reserved) !== 0)
    .map(({ scope, state }) => `${scope} ${state.reserved}`);
}

/** Against the provider's own bill: none lost, none twice; what was told is exact, and what was not is never below. */
function expectOneEndEach(recorded: readonly RecordedCall[], simulator: SimulatorProcess): void {
  for (const { recorded: call, billed } of pairUp(recorded, simulator.bill())) {
    const dollars = BigInt(billed.classes["output"] ?? 0) * 1_000_000_000n;
    const name = `${billed.callId} ${call.outcome} ${call.usage_source} ${call.reason_code}`;
    if (call.outcome === "settled" && call.usage_source === "reported") expect(costOf(call), name).toBe(dollars);
    if (call.usage_source === "estimated") expect(costOf(call), name).toBeGreaterThanOrEqual(dollars);
    if (call.outcome === "released") expect(dollars, name).toBe(0n);
  }
}

/**
 * Whoever got a whole answer has an entry of exactly that; whoever was refused by a limit has none but `blocked`. An answer does not wait for
 * its outcome to be written: of a gateway that was killed in between, a call stands at what it held.
 */
export function wrongEnds(
  calls: readonly AskedCall[],
  recorded: readonly RecordedCall[],
  kills: readonly Kill[] = [],
): string[] {
  const ends = endsByName(recorded);
  return calls.flatMap((one) => {
    const { ask, status, end, reason } = one;
    const call = ends.get(ask.id);
    const whole = status === 200 && end === "whole" && reason === null;
    if (whole && !isSettledAt(ask.made, call) && !(isKilled(one, kills) && isSettledAt(ask.most, call, "estimated")))
      return [`${ask.id}: answered ${ask.made}, and ${call?.outcome} at ${call?.cost}, ${call?.usage_source}`];
    return status === 429 && call !== undefined ? [`${ask.id}: refused, and ${call.outcome}`] : [];
  });
}

function isSettledAt(dollars: number, call: RecordedCall | undefined, source = call?.usage_source): boolean {
  if (call?.outcome !== "settled" || call.usage_source !== source) return false;
  return costOf(call) === BigInt(dollars) * 1_000_000_000n;
}

/** In the last moments of the process that it was asked of. */
function isKilled({ gateway, askedMs, answeredMs }: AskedCall, kills: readonly Kill[]): boolean {
  return kills.some((kill) => {
    return kill.gateway === gateway && askedMs <= kill.atMs && answeredMs >= kill.atMs - KILLED_WITHIN_MS;
  });
}

/** Settled is within the amount, and is the sum of the entries of its scope. */
function expectNoOverspend(found: readonly LimitAnswer[], recorded: readonly RecordedCall[], beyond: bigint): void {
  for (const { scope, measure, mode, window, amount, state } of found) {
    if (mode === "hard") expect(nano(state.settled), scope).toBeLessThanOrEqual(nano(amount) + beyond);
    const [dimension = "", value] = scope.split(":");
    if (measure !== "usd" || window !== "lifetime") continue;
    const some = recorded.filter((call) => dimension === "org" || call.dimensions[dimension] === value);
    expect(nano(state.settled), scope).toBe(sum(some.map(costOf)));
  }
}

/**
 * Refusals that cannot be right: at no moment between question and answer can so much have been used and held that it did not fit. A call
 * counts as all that it may cost from its question on, until its end is known; one that broke, or was refused for want of the counters,
 * to the end of time.
 */
export function phantoms(
  calls: readonly AskedCall[],
  recorded: readonly RecordedCall[],
  found: readonly LimitAnswer[],
): string[] {
  const ends = endsByName(recorded);
  return found.flatMap((limit) => {
    if (limit.measure !== "usd" || limit.window !== "lifetime") return [];
    const [dimension = "", value] = limit.scope.split(":");
    const takers = calls
      .filter((call) => call.status !== 429 && (dimension === "org" || call.ask.dimensions[dimension] === value))
      .map((call) => taking(call, ends.get(call.ask.id)));
    const refused = calls.filter((call) => call.refusal?.limit === limit.id);
    return refused.flatMap((call) => {
      const { left, needed } = call.refusal as NonNullable<AskedCall["refusal"]>;
      if (left >= needed) return [`${call.ask.id}: refused, though it says that ${needed} fits into ${left}`];
      const most = mostTaken(takers, call.askedMs, call.answeredMs);
      return most + needed > Number(limit.amount)
        ? []
        : [`${call.ask.id}: ${needed} refused by ${limit.scope}, where at most ${most} of ${limit.amount} was taken`];
    });
  });
}

interface Taking {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly most: number;
  /** From `untilMs` on. */
  readonly after: number;
}

function taking(call: AskedCall, recorded: RecordedCall | undefined): Taking {
  const { ask, askedMs, answeredMs, status, end } = call;
  const known = status === 200 && end === "whole";
  const after = recorded === undefined ? 0 : Number(costOf(recorded)) / 1e9;
  return {
    fromMs: askedMs,
    untilMs: known ? answeredMs + TOLD_WITHIN_MS : Infinity,
    most: Math.max(ask.most, after),
    after,
  };
}

/** It changes only where a taking begins, so the start and these moments are all to look at. */
function mostTaken(takers: readonly Taking[], fromMs: number, toMs: number): number {
  const moments = [fromMs, ...takers.map((one) => one.fromMs).filter((ms) => ms > fromMs && ms <= toMs)];
  return Math.max(
    ...moments.map((ms) =>
      takers.reduce((taken, one) => taken + (one.fromMs > ms ? 0 : ms <= one.untilMs ? one.most : one.after), 0),
    ),
  );
}

function endsByName(recorded: readonly RecordedCall[]): ReadonlyMap<string, RecordedCall> {
  const ends = recorded.filter((call) => call.outcome !== "blocked");
  return new Map(ends.map((call) => [call.dimensions["agent"] ?? call.decision, call]));
}
