import type { FastifyInstance } from "fastify";
import { formatNano, parseUsd, windowAt } from "@tollhouse/engine";
import {
  usageReport,
  type UsageFilter,
  type UsageGroup,
  type UsageReport,
  type UsageRow,
  type UsageSums,
} from "@tollhouse/store";
import { limitsOfScope } from "../../limits/limit-page.ts";
import type { LimitService } from "../../limits/limit-service.ts";
import { NearestBudgets } from "../../limits/nearest-budgets.ts";
import type { Place } from "../../place.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { getSummary, getUserSummary, type UserSummary } from "../endpoints/summary.ts";
import { FORECAST_DAYS, monthForecast } from "../month-forecast.ts";
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
const DAY_MS = 86_400_000;
const NOTHING: UsageSums = {
  calls: 0,
  blocked: 0,
  released: 0,
  cost_unknown: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost: formatNano(0n),
};
type OwnSummary = Omit<UserSummary, "user" | "plan">;

/** What the org of an environment, or one user, spends. */
export function summaryRoutes(parts: SummaryParts): (app: FastifyInstance) => void {
  const budgets = new NearestBudgets();
  return (app) => {
    serve(app, getSummary, async ({ query, request: { access } }) => {
      const place = placeOf(access, query.environment);
      const db = parts.reports.dbOf(place.tenant);
      const [{ summary }, nearest] = await Promise.all([
        summaryOf(parts, place, {}, "org"),
        parts.reports.caughtUp().then(() => budgets.answers(db, parts.limitsOf(place), place, parts.now())),
      ]);
      return { ...summary, nearest };
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
): Promise<{ readonly summary: OwnSummary; readonly shown: string | null }> {
  const { reports } = parts;
  const { tenant, environment } = place;
  const limits = parts.limitsOf(place);
  await reports.caughtUp();
  const nowMs = parts.now();
  const day = windowAt("day", "UTC", nowMs);
  const month = windowAt("month", "UTC", nowMs);
  const filter = { ...of, environment: [environment] };
  const usage = (fromMs: number, groupBy: readonly UsageGroup[], toMs = Infinity): Promise<UsageReport> =>
    usageReport(reports.dbOf(tenant), reports.keys, {
      tenant,
      fromMs,
      toMs,
      groupBy,
      filter,
      order: "cost",
      limit: TOP,
    });
  const [ever, models, features, days] = await Promise.all([
    usage(0, of.user === undefined ? [] : ["user"]),
    usage(month.startMs, ["model"]),
    usage(month.startMs, ["feature"]),
    usage(day.startMs - FORECAST_DAYS * DAY_MS, ["day"], day.endMs),
  ]);
  const today = days.rows.find((row) => startOf(row) === day.startMs);
  const before = days.rows.filter((row) => startOf(row) < day.startMs);
  const summary = {
    environment,
    today: today === undefined ? NOTHING : sumsOf(today),
    today_since: new Date(day.startMs).toISOString(),
    month: models.total,
    month_since: new Date(month.startMs).toISOString(),
    forecast: forecastOf({ month: models.total.cost, days: before, nowMs, day, monthEndMs: month.endMs }),
    all_time: ever.total,
    top_models: models.rows.map((row) => ({ ...row, model: row.model ?? null })),
    top_features: features.rows.map((row) => ({ ...row, feature: row.feature ?? null })),
    limits: [...(await limits.answers(limitsOfScope(limits, scope)))],
  };
  return { summary, shown: shownUser(ever.rows) };
}

interface ForecastAsked {
  readonly month: string;
  readonly days: readonly UsageRow[];
  readonly nowMs: number;
  readonly day: { readonly startMs: number };
  readonly monthEndMs: number;
}

function forecastOf({ month, days, nowMs, day, monthEndMs }: ForecastAsked): OwnSummary["forecast"] {
  const forecast = monthForecast({
    monthNano: parseUsd(month),
    days: days.map((row) => ({ startMs: startOf(row), nano: parseUsd(row.cost) })),
    nowMs,
    todayMs: day.startMs,
    monthEndMs,
  });
  if (forecast === null) return null;
  const { costNano, perDayNano, days: count } = forecast;
  return { cost: formatNano(costNano), per_day: formatNano(perDayNano), days: count };
}

function startOf({ day }: UsageRow): number {
  return Date.parse(day ?? "");
}

function sumsOf({ day: _day, ...sums }: UsageRow): UsageSums {
  return sums;
}

function shownUser(rows: readonly UsageRow[]): string | null {
  return rows[0]?.user ?? null;
}
