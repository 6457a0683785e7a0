import { columnOf, isParty, type UsageTime } from "./usage-axes.ts";
import { StatementValues } from "./usage-filter.ts";
import { isOfSessions, sessionsText, type LivesWanted } from "./usage-of-sessions.ts";
import type { RowOrder, RowPlace } from "./usage-order.ts";
import { SOMETHING, sourceText, SUMS, type SourceRequest } from "./usage-source.ts";

// Put together, and not in sql/: one statement for every combination of groups would group by fourteen columns, most of them empty, from
// the longest table, which took four times as long. Its text is made of constants; what was asked for goes in as values.

export interface UsageStatement extends Omit<SourceRequest, "axes"> {
  readonly order: RowOrder;
  /** Hours at which the days and the months begin. */
  readonly starts: { readonly day: readonly bigint[]; readonly month: readonly bigint[] };
}

export interface PageAsked {
  readonly limit: number;
  readonly after: RowPlace | null;
}

/** One page with the total of everything asked for beside each row: one statement, so both are of one instant. */
export function reportText(statement: UsageStatement, page: PageAsked, values: StatementValues): string {
  const { order } = statement;
  const grouped = order.times.length + order.axes.length > 0;
  // Of a few groups the total is their sum; of a hundred thousand users it is sooner found without them.
  const from =
    grouped && !order.axes.some(isParty)
      ? "grouped"
      : `(${sourceText({ ...statement, axes: [], periods: "months" }, values)}) AS everything`;
  const total = `SELECT ${SUMS.map((name) => `sum_whole(${name}) AS total_${name}`).join(", ")} FROM ${from}`;
  if (!grouped) return `SELECT total.*, false AS present FROM (${total}) AS total`;
  const behind = page.after === null ? "true" : order.after(page.after, values);
  const tail = `ORDER BY ${order.orderBy()} LIMIT ${values.add(page.limit)}`;
  const wanted = { where: ` AND ${behind}`, tail: ` ${tail}` };
  return `WITH grouped AS (${groupedText(statement, values, wanted)}),
total AS (${total}),
page AS (
  SELECT *, ${order.measure} AS measure, true AS present FROM grouped WHERE ${behind} ${tail}
)
SELECT total.*, page.*${shownUser(order)}
FROM total LEFT JOIN page ON true${usersJoin(statement, values)}
ORDER BY ${order.orderBy()}`;
}

/** All rows, for a cursor. Without a group: the one row of everything. */
export function rowsText(statement: UsageStatement, values: StatementValues): string {
  const { order } = statement;
  if (order.times.length + order.axes.length === 0)
    return `SELECT ${SUMS.map((name) => `sum_whole(${name}) AS ${name}`).join(", ")}
FROM (${sourceText({ ...statement, axes: [] }, values)}) AS everything`;
  return `SELECT page.*${shownUser(order)}
FROM (${groupedText(statement, values)}) AS page${usersJoin(statement, values)}
ORDER BY ${order.orderBy()}`;
}

function groupedText(statement: UsageStatement, values: StatementValues, wanted?: LivesWanted): string {
  if (isOfSessions(statement)) return sessionsText(statement, values, wanted);
  const { order, starts } = statement;
  const startOf = (time: UsageTime): string => {
    if (time === "hour") return "hour";
    const at = `${values.add(starts[time])}::bigint[]`;
    return `(${at})[width_bucket(hour, ${at})]`;
  };
  const times = order.times.map((time) => `${startOf(time)} AS at_${time}`);
  const columns = [...times, ...order.axes.map(columnOf)];
  const sums = SUMS.map((name) => `sum_whole(${name}) AS ${name}`);
  return `SELECT ${[...columns, ...sums].join(", ")}
FROM (${sourceText({ ...statement, axes: order.axes }, values)}) AS source
GROUP BY ${columns.map((_, i) => i + 1).join(", ")} HAVING ${SOMETHING}`;
}

/** The readable id, where it is kept. */
function shownUser(order: RowOrder): string {
  return order.axes.includes("user") ? ", coalesce(u.readable, encode(user_pseudonym, 'hex')) AS shown_user" : "";
}

function usersJoin({ order, tenant }: UsageStatement, values: StatementValues): string {
  if (!order.axes.includes("user")) return "";
  return ` LEFT JOIN users AS u ON u.tenant = ${values.add(tenant)} AND u.pseudonym = user_pseudonym`;
}
