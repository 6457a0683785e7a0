import type { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import {
  allCalls,
  DetailsPurged,
  listCalls,
  USAGE_AXES,
  usageReport,
  usageRows,
  type CallAnswer,
  type CallsFilter,
  type CallsPage,
  type Database,
  type LedgerKeys,
  type UsageFilter,
  type UsageReport,
  type UsageRequest,
  type UsageRow,
} from "@tollhouse/store";
import { environmentOf, type Access } from "../access.ts";
import { serve, type Asked } from "../endpoint.ts";
import { getUsage, listCalls as listCallsEndpoint, type CallsQuery, type UsageQuery } from "../endpoints/reports.ts";
import { Exports, formatOf, type Take } from "../exports.ts";
import { CALL_COLUMNS, usageColumns } from "../report-columns.ts";
import { asProblem } from "../report-problem.ts";

export interface ReportParts {
  /** Resolves when calls that ended before now can be read, or after a short while: a report never waits for an outage. */
  readonly caughtUp: () => Promise<void>;
  /** A tenant's view of the database: nothing asked through it reaches another tenant's rows. */
  readonly dbOf: (tenant: string) => Database;
  readonly keys: LedgerKeys;
}

/** What was spent, and the calls that spent it, up to the moment of the question. */
export function usageRoutes(parts: ReportParts): (app: FastifyInstance) => void {
  const exports = new Exports();
  return (app) => {
    serve(app, getUsage, (asked) => asProblem(usage(parts, exports, asked)));
    serve(app, listCallsEndpoint, (asked) => asProblem(calls(parts, exports, asked)));
  };
}

async function usage(
  { caughtUp, dbOf, keys }: ReportParts,
  exports: Exports,
  { query, request, reply }: Asked<unknown, UsageQuery, unknown>,
): Promise<UsageReport | Readable> {
  const { from = 0, to = Infinity, group_by: groupBy, time_zone: timeZone, order, limit, cursor } = query;
  // Told apart by environment, all of them are asked for; otherwise a sum over dev and prod would mislead.
  const otherwise = groupBy.includes("environment") ? null : "prod";
  const asked: UsageRequest = {
    tenant: request.access.tenant,
    fromMs: from,
    toMs: to,
    groupBy,
    filter: filterOf(request.access, query, otherwise),
    order: order ?? null,
    ...(timeZone !== undefined && { timeZone }),
  };
  const format = formatOf(query.format, request.headers.accept);
  const db = dbOf(asked.tenant);
  await caughtUp();
  // A page, where a part is asked for: of a part, the file has as many rows as the answer.
  const page = { ...asked, ...(limit !== undefined && { limit }), ...(cursor !== undefined && { cursor }) };
  if (format === "json") return usageReport(db, keys, page);
  const file = { format, name: "usage", columns: usageColumns(groupBy) };
  const part = limit !== undefined || cursor !== undefined;
  return exports.send<UsageRow>(reply, file, async (take) =>
    part ? take((await usageReport(db, keys, page)).rows) : usageRows(db, keys, asked, take),
  );
}

async function calls(
  { caughtUp, dbOf, keys }: ReportParts,
  exports: Exports,
  { query, request, reply }: Asked<unknown, CallsQuery, unknown>,
): Promise<CallsPage | Readable> {
  const { from, to, limit, cursor, outcome, reason_code: reasons, min_cost: costMin } = query;
  const asked: CallsFilter = {
    tenant: request.access.tenant,
    filter: filterOf(request.access, query, null),
    fromMs: from,
    toMs: to,
    outcome,
    reasons,
    costMin,
  };
  const format = formatOf(query.format, request.headers.accept);
  const db = dbOf(asked.tenant);
  await caughtUp();
  const page = { ...asked, limit: limit ?? CALLS_PAGE, cursor: cursor ?? null };
  if (format === "json") return listCalls(db, keys, page);
  const file = { format, name: "calls", columns: CALL_COLUMNS };
  return exports.send<CallAnswer>(reply, file, async (take) =>
    limit !== undefined || cursor !== undefined
      ? take(wholePage(await listCalls(db, keys, page)))
      : takeAll(allCalls(db, keys, asked), take),
  );
}

const CALLS_PAGE = 100;

/** A file has no place to say that more was asked for than there is. */
function wholePage({ calls, next_cursor, purged_before }: CallsPage): readonly CallAnswer[] {
  if (next_cursor === null && purged_before !== undefined)
    throw new DetailsPurged("from", BigInt(Date.parse(purged_before)) * 1000n);
  return calls;
}

async function takeAll<R>(pages: AsyncIterable<readonly R[]>, take: Take<R>): Promise<void> {
  for await (const page of pages) await take(page);
}

/** `otherwise`: the environment that is meant where none is named; null = all of them. A key sees its own, and asking for another is refused. */
function filterOf(access: Access, query: UsageQuery | CallsQuery, otherwise: string | null): UsageFilter {
  const own = (asked: string | undefined): string[] | undefined => {
    const environment = environmentOf(access, asked, otherwise);
    return environment === null ? undefined : [environment];
  };
  const asked = query.environment;
  const environment = asked === undefined ? own(undefined) : asked.flatMap((name) => own(name) ?? []);
  const filter = Object.fromEntries(USAGE_AXES.map((axis) => [axis, query[axis]])) as UsageFilter;
  return { ...filter, environment };
}
