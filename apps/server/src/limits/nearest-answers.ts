import type { LimitAnswer } from "@tollhouse/contract";
import { parseUsd } from "@tollhouse/engine";
import { nearestLimits, type Database } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { LimitService } from "./limit-service.ts";

const ROWS = 8;
/** What the sums find may be of a window that has just ended, or held up by calls that run: so more are looked at than are told. */
const LOOKED_AT = 24;

/** Budgets that were made and are used, the fullest first, each with its state now. */
export async function nearestAnswers(
  db: Database,
  service: LimitService,
  place: Place,
  nowMs: number,
): Promise<readonly LimitAnswer[]> {
  const answers = await service.answers(await nearestLimits(db, { ...place, nowMs, rows: LOOKED_AT }));
  return answers
    .map((limit) => ({ limit, amount: parseUsd(limit.amount), used: usedOf(limit) }))
    .filter(({ used }) => used > 0n)
    .toSorted((a, b) => compare(b.used * a.amount, a.used * b.amount))
    .slice(0, ROWS)
    .map(({ limit }) => limit);
}

function usedOf({ state }: LimitAnswer): bigint {
  return parseUsd(state.settled) + parseUsd(state.reserved);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
