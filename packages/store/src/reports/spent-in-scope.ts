import { parseScope } from "@tollhouse/contract";
import type { Measure } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import { assertEndsHaveDetails } from "../retention/details-purged.ts";
import { hourRange } from "./hour-range.ts";

export interface ScopeSpend {
  /** Nano-dollars. */
  readonly usd: bigint;
  readonly tokens: bigint;
  /** Settled calls; released ones used nothing. */
  readonly requests: bigint;
}

export interface ScopeRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly environment: string;
  readonly scope: string;
  /** Half-open, by the time a call was decided; `toMs` may be Infinity. */
  readonly fromMs: number;
  readonly toMs: number;
}

type SpentRow = { readonly [M in Measure]: string } & { readonly purged_us: bigint | null };

/**
 * What a scope used in a window, exact to the nano-dollar as far as the recorder has come (`recorder.drained()` first): a new
 * limit is seeded with it. Throws RangeError naming `scope`, `from` or `to`; DetailsPurged where the window begins or ends inside an hour of
 * which only the sums are left (the windows of now do not: at least one whole month has its details).
 */
export async function spendOfScope(db: Queryable, keys: LedgerKeys, request: ScopeRequest): Promise<ScopeSpend> {
  const { tenant, environment, fromMs, toMs } = request;
  const scope = parseScope(request.scope);
  if (!scope) throw new RangeError("scope: expected `org` or `<dimension>:<value>`");
  const { hours, before, after } = hourRange(fromMs, toMs);
  const value = scope.kind === "org" ? "org" : scope.value;
  const lookup = scope.kind === "user" ? keys.userLookup(tenant, scope.value) : null;
  const values = [tenant, environment, scope.kind, value, lookup, ...hours, ...before, ...after];
  const [row] = (await db.query<SpentRow>(sql("spent-in-scope"), values)).rows;
  if (!row) throw new Error("the sum of a scope came back without a row");
  if (scope.kind !== "org") assertEndsHaveDetails([before, after], row.purged_us);
  return { usd: BigInt(row.usd), tokens: BigInt(row.tokens), requests: BigInt(row.requests) };
}

/** One measure of `spendOfScope`, in the unit of a limit with that measure. */
export async function spentInScope(
  db: Queryable,
  keys: LedgerKeys,
  request: ScopeRequest & { readonly measure: Measure },
): Promise<bigint> {
  return (await spendOfScope(db, keys, request))[request.measure];
}
