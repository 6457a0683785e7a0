import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "../ledger/ledger-keys.ts";
import { columnOf, USAGE_AXES, type UsageAxis } from "./usage-axes.ts";

/**
 * Which calls, by axis: those with any of the values; an empty text stands for calls that have none. Users by their readable id, or by
 * the pseudonym that a report shows. An axis that is not named filters nothing.
 */
export type UsageFilter = { readonly [A in UsageAxis]?: readonly string[] | undefined };

/** A filter whose users are pseudonyms, as the tables have them. */
export type ResolvedFilter = readonly {
  readonly axis: UsageAxis;
  readonly values: readonly (string | Buffer)[];
  readonly orNone: boolean;
}[];

/** Numbers the values of a statement that is put together. */
export class StatementValues {
  readonly list: unknown[] = [];

  /** `$3`: where the value stands. */
  add(value: unknown): string {
    this.list.push(value);
    return `$${this.list.length}`;
  }
}

/** Finds the pseudonyms of the users that a filter names; of one who is not known there is none, and so nothing matches. */
export async function resolveFilter(
  db: Queryable,
  keys: LedgerKeys,
  tenant: string,
  filter: UsageFilter,
): Promise<ResolvedFilter> {
  const resolved = [];
  for (const axis of USAGE_AXES) {
    const asked = filter[axis];
    if (asked === undefined || asked.length === 0) continue;
    const named = asked.filter((value) => value !== "");
    const values = axis === "user" ? await pseudonymsOf(db, keys, tenant, named) : named;
    resolved.push({ axis, values, orNone: named.length < asked.length });
  }
  return resolved;
}

/** Pseudonyms of users by their readable ids, or by what a report shows for them. */
export async function pseudonymsOf(
  db: Queryable,
  keys: LedgerKeys,
  tenant: string,
  users: readonly string[],
): Promise<Buffer[]> {
  const shown = users.filter((user) => /^[0-9a-f]{64}$/.test(user)).map((user) => Buffer.from(user, "hex"));
  if (users.length === 0) return shown;
  const lookups = users.map((user) => keys.userLookup(tenant, user));
  const { rows } = await db.query<{ readonly pseudonym: Buffer }>(sql("users-by-lookup"), [
    lookups.map(() => tenant),
    lookups,
  ]);
  return [...rows.map((row) => row.pseudonym), ...shown];
}

/** `AND …` for each axis of the filter, against the columns of any of the usage tables. */
export function filterText(filter: ResolvedFilter, values: StatementValues): string {
  return filter
    .map(({ axis, values: wanted, orNone }) => {
      const column = columnOf(axis);
      if (orNone && wanted.length === 0) return ` AND ${column} IS NULL`;
      const any = `${column} = ANY (${values.add(wanted)}::${axis === "user" ? "bytea" : "text"}[])`;
      return orNone ? ` AND (${any} OR ${column} IS NULL)` : ` AND ${any}`;
    })
    .join("");
}
