import type { Measure, ScopeKind } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { assertEndsHaveDetails, PurgedDetails } from "../retention/details-purged.ts";
import { hourRange } from "../reports/hour-range.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

export interface ValueSpend {
  /** Of a user the lookup, in hex: readable ids may not be kept. Empty for `org`. */
  readonly value: string;
  /** Number of the quarter of an hour since 1970; 0 where sums are of the whole range. */
  readonly quarter: number;
  readonly used: { readonly [M in Measure]: bigint };
}

export interface SpendRequest extends LimitPlace {
  readonly kind: ScopeKind;
  /** Half-open, by the time a call was decided; `toMs` may be Infinity. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly byQuarter: boolean;
}

interface SpendRow {
  readonly value: string | null;
  readonly lookup: Buffer | null;
  readonly quarter: bigint;
  readonly usd: string;
  readonly tokens: string;
  readonly requests: string;
}

/**
 * What every value of a scope used in a range, exact to the nano-dollar as far as the recorder has come. Throws DetailsPurged where that takes
 * single calls whose details were purged.
 */
export async function spendByValue(db: Queryable, request: SpendRequest): Promise<ValueSpend[]> {
  const { tenant, environment, kind, fromMs, toMs, byQuarter } = request;
  const { hours, before, after } = byQuarter ? inOnePiece(fromMs, toMs) : hourRange(fromMs, toMs);
  if (kind !== "org")
    assertEndsHaveDetails([before, after], (await PurgedDetails.of(db, tenant, [environment])).latestUs);
  const values = [tenant, environment, kind, ...hours, ...before, ...after, byQuarter];
  const { rows } = await db.query<SpendRow>(sql("spent-by-value"), values);
  return rows.map(({ value, lookup, quarter, usd, tokens, requests }) => ({
    value: kind === "user" ? (lookup as Buffer).toString("hex") : (value as string),
    quarter: Number(quarter),
    used: { usd: BigInt(usd), tokens: BigInt(tokens), requests: BigInt(requests) },
  }));
}

/** The roll-up knows whole hours alone. */
function inOnePiece(fromMs: number, toMs: number): ReturnType<typeof hourRange> {
  const us = (ms: number): bigint => BigInt(ms) * 1000n;
  return { hours: [0n, 0n], before: [us(fromMs), us(toMs)], after: [0n, 0n] };
}
