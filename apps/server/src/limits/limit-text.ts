import { parseScope, type LimitAnswer, type LimitCreate, type Measure } from "@tollhouse/contract";
import { parseUsd, parseWhole, type Limit, type LimitSnapshot } from "@tollhouse/engine";
import { randomUUIDv7 } from "node:crypto";
import { Problem } from "../control/problem.ts";
import { formatMeasure } from "../gateway/refusal.ts";

export function newLimit(input: LimitCreate): Limit {
  return {
    id: `lim_${randomUUIDv7().replaceAll("-", "")}`,
    scope: input.scope,
    measure: input.measure,
    amount: parseAmount(input.measure, input.amount),
    window: input.window,
    timeZone: input.time_zone ?? "UTC",
    mode: input.mode,
    version: 1,
    derived: false,
  };
}

/** The default budget that a session has again without its own limit; null = it has another, or the limit was no such one. */
export function fallbackOf(old: Limit, without: LimitSnapshot): Limit | null {
  const scope = parseScope(old.scope);
  if (scope?.kind !== "session" || old.measure !== "usd") return null;
  const call = { dimensions: { session: scope.value }, model: "", provider: "", key: null };
  return without.match(call).find((limit) => limit.derived) ?? null;
}

/** A user id is erasable, and an entry is not: the ledger names such a limit by its id, the table of limits its user. */
export function ledgerText(limit: Limit): string {
  return JSON.stringify({ ...describe(limit), ...(limit.scope.startsWith("user:") && { scope: "user" }) });
}

export function describe(limit: Limit): Omit<LimitAnswer, "state"> {
  return {
    id: limit.id,
    scope: limit.scope,
    measure: limit.measure,
    amount: formatMeasure(limit.amount, limit.measure),
    window: limit.window,
    time_zone: limit.timeZone,
    mode: limit.mode,
    version: limit.version,
  };
}

export function parseAmount(measure: Measure, text: string): bigint {
  try {
    return measure === "usd" ? parseUsd(text) : parseWhole(text);
  } catch {
    const expected = measure === "usd" ? "dollars with at most nine places" : `a whole number of ${measure}`;
    throw new Problem("REQUEST_INVALID", `amount: expected ${expected}`, [
      { field: "amount", problem: `expected ${expected}` },
    ]);
  }
}
