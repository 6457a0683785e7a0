import { isDimensionValue } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { dollars, time } from "./fields.ts";
import { limit } from "./limits.ts";
import { sums } from "./reports.ts";

const summed = z.strictObject(sums).meta({ id: "UsageSums" });
const name = z.string().nullable();
const forecast = z
  .strictObject({
    cost: dollars.meta({ description: "What the month will have cost." }),
    per_day: dollars,
    days: z.int().min(1).meta({ description: "Full days before today that `per_day` is of: at most seven." }),
  })
  .meta({
    id: "Forecast",
    description: "What was spent this month, and for the rest of it as much a day as on the last full days.",
  });
const fields = {
  environment: z.string(),
  today: summed,
  today_since: time,
  month: summed,
  month_since: time,
  forecast: forecast.nullable().meta({ description: "null = there is no full day to reckon from yet." }),
  all_time: summed,
  top_models: z.array(z.strictObject({ model: name, ...sums })).meta({ description: "Of the month, by cost." }),
  top_features: z.array(z.strictObject({ feature: name, ...sums })).meta({ description: "Of the month, by cost." }),
  limits: z.array(limit).meta({ description: "Made for this scope itself, each with its state now." }),
};
const userPlan = name.meta({ description: "The plan that the user was put on; null = on none." });
const nearest = z
  .array(limit)
  .readonly()
  .meta({ description: "Budgets that were made in this environment and are used: the fullest first." });
const summary = z
  .strictObject({ ...fields, nearest })
  .meta({ id: "Summary", description: "Days and months are UTC's." });
const userSummary = z.strictObject({ user: z.string(), plan: userPlan, ...fields }).meta({ id: "UserSummary" });
export type Summary = z.infer<typeof summary>;
export type UserSummary = z.infer<typeof userSummary>;

const TODAY = {
  calls: 3,
  blocked: 1,
  released: 0,
  cost_unknown: 0,
  input_tokens: 120,
  output_tokens: 64,
  cost: "0.000056400",
};
const SAMPLE = {
  environment: "prod",
  today: TODAY,
  today_since: "2026-11-21T00:00:00.000Z",
  month: TODAY,
  month_since: "2026-11-01T00:00:00.000Z",
  forecast: { cost: "0.000592200", per_day: "0.000056400", days: 7 },
  all_time: TODAY,
  top_models: [{ model: "gpt-4o-mini", ...TODAY }],
  top_features: [{ feature: null, ...TODAY }],
  limits: [],
};

export const getSummary = endpoint({
  operationId: "getSummary",
  method: "GET",
  path: "/api/v1/summary",
  tag: "reports",
  summary: "What an environment spends: today, this month, ever; on which models and features; the limits of its org.",
  keys: true,
  query: environmentQuery,
  status: 200,
  answer: summary,
  errors: [],
  example: { answer: { ...SAMPLE, nearest: [] } },
});

export const getUserSummary = endpoint({
  operationId: "getUserSummary",
  method: "GET",
  path: "/api/v1/users/{id}/summary",
  tag: "reports",
  summary: "The same of one user, by the readable id or by the pseudonym that reports show.",
  keys: true,
  params: z.strictObject({
    id: z
      .string()
      .refine(isDimensionValue, { error: "expected 1 to 256 characters, none of them a control character" }),
  }),
  query: environmentQuery,
  status: 200,
  answer: userSummary,
  errors: ["NOT_FOUND"],
  example: { params: { id: "user-42" }, answer: { user: "user-42", plan: "pro", ...SAMPLE } },
});
