import { columnOf } from "./usage-axes.ts";
import { filterText, type StatementValues } from "./usage-filter.ts";
import type { RowOrder } from "./usage-order.ts";
import { SOMETHING, sourceText, SUMS, type SourceRequest } from "./usage-source.ts";

/**
 * So many sessions that stick out of the range are summed each by its index; of more, all hours of the range are read. A tenth of a millisecond
 * each, where the hours of ten million entries take a second.
 */
const ONE_BY_ONE = 10_000;
const NOTHING = [0n, 0n] as const;

/** What is wanted of the lives that lie inside: they are the most by far, and the page takes its first few of them, which several processes can find. */
export interface LivesWanted {
  /** ` AND …`, or nothing. */
  readonly where: string;
  /** ` ORDER BY … LIMIT …`, or nothing. */
  readonly tail: string;
}
const EVERYTHING: LivesWanted = { where: "", tail: "" };

export interface SessionsAsked extends Omit<SourceRequest, "axes"> {
  readonly order: RowOrder;
}

/** Does each row of the answer stand for one life of a session? Of several environments together it may be two. */
export function isOfSessions({ order: { times, axes }, filter }: SessionsAsked): boolean {
  const isKnown = (axis: string): boolean => axis === "session" || axis === "environment";
  const asked = filter.find(({ axis }) => axis === "environment");
  const isOfOne = asked !== undefined && asked.values.length + Number(asked.orNone) === 1;
  return (
    times.length === 0 &&
    axes.includes("session") &&
    axes.every(isKnown) &&
    // Those that are named are sooner found by their index.
    filter.every(({ axis, orNone }) => axis === "environment" || (axis === "session" && orNone)) &&
    (isOfOne || axes.includes("environment"))
  );
}

// Neither way is left to the planner: it takes first and last hours for independent of each other, and expects a hundred times as many sessions to
// stick out as do. "IS TRUE" keeps what is looked for in a table of its own, where a join may walk it once for each hour.
/**
 * `SELECT <axes>, <sums>`, a row each. Sessions that lie in the whole hours of the range are taken as they stand; those that stick out of them
 * are summed of their hours and of the ends of the range. Calls without a session lived for a day each.
 */
export function sessionsText(asked: SessionsAsked, values: StatementValues, page = EVERYTHING): string {
  const { order, filter, tenant, range } = asked;
  const [tenantAt, from, to] = [tenant, ...range.hours].map((value) => values.add(value)) as [string, string, string];
  const columns = order.axes.map(columnOf);
  const of = (table: string, names: readonly string[]): string => names.map((name) => `${table}.${name}`).join(", ");
  const grouped = [...columns, ...SUMS.map((name) => `sum_whole(${name}) AS ${name}`)].join(", ");
  const all = [...columns, ...SUMS].join(", ");
  const filters = filterText(filter, values);
  const lives = `usage_of_sessions WHERE tenant = ${tenantAt} AND session IS NOT NULL${filters}`;
  const none = { axis: "session", values: [], orNone: true } as const;
  const without = { ...asked, filter: [...filter.filter(({ axis }) => axis !== "session"), none] };
  const source = (request: SessionsAsked): string =>
    `SELECT ${all} FROM (${sourceText({ ...request, axes: order.axes, periods: "days" }, values)}) AS source`;
  return `(SELECT ${all} FROM ${lives} AND first_hour >= ${from} AND last_hour < ${to}${page.where}${page.tail})
UNION ALL
SELECT ${grouped} FROM (
  WITH out AS MATERIALIZED (
    SELECT environment, session FROM ${lives} AND first_hour < ${to} AND last_hour >= ${from} AND (first_hour < ${from} OR last_hour >= ${to})
  ), few AS MATERIALIZED (SELECT count(*) <= ${ONE_BY_ONE} AS so FROM out)
  SELECT ${of("out", columns)}, ${of("used", SUMS)} FROM out
  CROSS JOIN LATERAL (
    SELECT ${of("u", SUMS)} FROM usage_hourly AS u
    WHERE u.tenant = ${tenantAt} AND u.session = out.session AND u.environment IS NOT DISTINCT FROM out.environment AND u.hour >= ${from} AND u.hour < ${to}
    OFFSET 0
  ) AS used
  WHERE (SELECT so FROM few)
  UNION ALL
  SELECT ${all} FROM usage_hourly
  WHERE NOT (SELECT so FROM few) AND tenant = ${tenantAt} AND session IS NOT NULL AND hour >= ${from} AND hour < ${to}${filters}
    AND ((coalesce(environment, ''), session) IN (SELECT coalesce(environment, ''), session FROM out)) IS TRUE
  UNION ALL
  ${source({ ...without, range: { ...range, before: NOTHING, after: NOTHING } })}
  UNION ALL
  ${source({ ...asked, range: { ...range, hours: NOTHING } })}
) AS pieces
GROUP BY ${columns.join(", ")} HAVING ${SOMETHING}`;
}
