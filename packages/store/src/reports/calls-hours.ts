import type { Queryable } from "../database/database.ts";
import { isParty } from "./usage-axes.ts";
import { filterText, StatementValues, type ResolvedFilter } from "./usage-filter.ts";

export const HOUR_US = 3_600_000_000n;

/**
 * The hours in which the roll-ups know calls of this filter, from the first of them to the end of the last: the ledger outside need not
 * be read. Null = there are none. What only the ledger knows (a reason, a cost) narrows nothing.
 */
export async function hoursWith(
  db: Queryable,
  tenant: string,
  filter: ResolvedFilter,
  hours: readonly [from: bigint, to: bigint],
): Promise<readonly [bigint, bigint] | null> {
  // A single party's days would do as well; the hours of everything are three times as many as either.
  const known = filter.filter(({ axis }) => !isParty(axis));
  const values = new StatementValues();
  const [from, to] = hours;
  const text = `SELECT min(hour) AS first, max(hour) + 1 AS end FROM usage_by_workload
WHERE tenant = ${values.add(tenant)} AND hour >= ${values.add(from)} AND hour < ${values.add(to)}${filterText(known, values)}`;
  const { rows } = await db.query<{ first: bigint | null; end: bigint | null }>(text, values.list);
  const { first = null, end = null } = rows[0] ?? {};
  return first === null || end === null ? null : [first, end];
}
