import type { FastifyInstance } from "fastify";
import { windowAt } from "@tollhouse/engine";
import { usageReport, type UsageFilter, type UsageGroup, type UsageReport, type UsageRow } from "@tollhouse/store";
import { limitsOfScope } from "../../limits/limit-page.ts";
import type { LimitService } from "../../limits/limit-service.ts";
import type { Place } from "../../place.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { getSummary, getUserSummary, type Summary } from "../endpoints/summary.ts";
import { Problem } from "../problem.ts";
import type { ReportParts } from "./usage.ts";

export interface SummaryParts {
  readonly reports: ReportParts;
  readonly limitsOf: (place: Place) => LimitService;
  /** Of a user by the readable id; null = on none. */
  readonly planOf: (place: Place, user: string) => string | null;
  now(): number;
}

const TOP = 10;

/** What the org of an environment, or one user, spends. */
export function summaryRoutes(parts: SummaryParts): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, getSummary, async ({ query, request: { access } }) => {
      const place = placeOf(access, query.environment);
      return (await summaryOf(parts, place, {}, "org")).summary;
    });
    serve(app, getUserSummary, async ({ params: { id }, query, request: { access } }) => {
      const place = placeOf(access, query.environment);
      const { summary, shown } = await summaryOf(parts, place, { user: [id] }, `user:${id}`);
      // Somebody unknown has not spent nothing: there is nobody.
      if (shown === null && summary.limits.length === 0)
        throw new Problem("NOT_FOUND", `No call of such a user was recorded in ${place.environment}`);
      return { user: shown ?? id, plan: parts.planOf(place, id), ...summary };
    });
  };
}

async function summaryOf(
  parts: SummaryParts,
  place: Place,
  of: UsageFilter,
  scope: string,
): Promise<{ readonly summary: Summary; readonly shown: string | null }> {
  const { reports } = parts;
  const { tenant, environment } = place;
  const limits = parts.limitsOf(place);
  await reports.caughtUp();
  const nowMs = parts.now();
  const day = windowAt("day", "UTC", nowMs);
  const month = windowAt("month", "UTC", nowMs);
  const filter = { ...of, environment: [environment] };
  const usage = (fromMs: number, groupBy: readonly UsageGroup[]): Promise<UsageReport> =>
    usageReport(reports.dbOf(tenant), reports.keys, {
      tenant,
      fromMs,
      toMs: Infinity,
      groupBy,
      filter,
      order: "cost",
      limit: TOP,
    });
  const [ever, today, models, features] = await Promise.all([
    usage(0, of.user === undefined ? [] : ["user"]),
    usage(day.startMs, []),
    usage(month.startMs, ["model"]),
    usage(month.startMs, ["feature"]),
  ]);
  const summary = {
    environment,
    today: today.total,
    today_since: new Date(day.startMs).toISOString(),
    month: models.total,
    month_since: new Date(month.startMs).toISOString(),
    all_time: ever.total,
    top_models: models.rows.map((row) => ({ ...row, model: row.model ?? null })),
    top_features: features.rows.map((row) => ({ ...row, feature: row.feature ?? null })),
    limits: [...(await limits.answers(limitsOfScope(limits, scope)))],
  };
  return { summary, shown: shownUser(ever.rows) };
}

function shownUser(rows: readonly UsageRow[]): string | null {
  return rows[0]?.user ?? null;
}
