import { sessionFreezeSchema, sessionNameSchema } from "@tollhouse/contract";
import { z } from "zod";
import type { SessionAnswer } from "../../blocks/session-service.ts";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { blockFields } from "./blocks.ts";
import { amount, dollars, filterText, nextCursor, time } from "./fields.ts";

const count = z.int().min(0);
const { id, reason, operator, created_at, expires_at } = blockFields;
const fields = {
  session: z.string(),
  state: z.enum(["active", "frozen"]),
  frozen: z.strictObject({ id, reason, operator, created_at, expires_at }).nullable(),
  budgets: z
    .array(
      z.strictObject({
        limit_id: z.string(),
        amount: dollars,
        window: z.string(),
        mode: z.string(),
        default: z.boolean().meta({ description: "From DEFAULT_BUDGET: the one that a reset starts anew." }),
        settled: amount,
        reserved: amount,
        remaining: amount,
        resets_at: time.nullable(),
      }),
    )
    .readonly(),
};
const session: z.ZodType<SessionAnswer> = z.strictObject(fields).meta({ id: "Session" });
const frozen: z.ZodType<SessionAnswer & { ended_calls: number }> = z
  .strictObject({ ...fields, ended_calls: count.meta({ description: "Running calls that it ended." }) })
  .meta({ id: "SessionFrozen" });

const use = { calls: count, blocked: count, input_tokens: count, output_tokens: count, cost: dollars };
const listed = z.strictObject({
  sessions: z.array(
    z.strictObject({
      ...fields,
      ...use,
      last_hour: time.meta({ description: "Start of the newest hour it was seen in." }),
    }),
  ),
  total: count.nullable().meta({ description: "Of all pages. null = not counted again, on a later page." }),
  next_cursor: nextCursor,
});
export type SessionListed = z.infer<typeof listed>;
const stats = z
  .strictObject({
    hours: count,
    sessions: count,
    frozen_sessions: count,
    kill_switches: count,
    blocks: count,
    running_calls: count,
    ...use,
  })
  .meta({ id: "Stats" });
export type StatsAnswer = z.infer<typeof stats>;

function whole(max: number, otherwise: number): z.ZodDefault<z.ZodCoercedNumber> {
  const error = `expected a whole number from 1 to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(1, { error }).max(max, { error }).default(otherwise);
}
const hours = whole(8_784, 24).meta({ description: "How far to look back." });

const params = z.strictObject({ id: sessionNameSchema });
const SAMPLE = {
  session: "run-7",
  state: "active",
  frozen: null,
  budgets: [
    {
      limit_id: "dlm_0a1b2c3d4e5f60718293a4b5c6d7e8f9",
      amount: "10.000000000",
      window: "lifetime",
      mode: "hard",
      default: true,
      settled: "0.000056400",
      reserved: "0.000000000",
      remaining: "9.999943600",
      resets_at: null,
    },
  ],
};
const FROZEN = {
  id: "frz_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b",
  reason: "loops",
  operator: "admin-key",
  created_at: "2026-11-21T06:30:00.000Z",
  expires_at: "2026-11-21T07:30:00.000Z",
};
const START = { ...SAMPLE.budgets[0], settled: "0.000000000", remaining: "10.000000000" };
const USE = { calls: 3, blocked: 1, input_tokens: 120, output_tokens: 64, cost: "0.000056400" };

const sessions = { tag: "sessions", keys: true, query: environmentQuery, status: 200 } as const;
const one = { ...sessions, params } as const;
const RESET_SUMMARY =
  "Start the default budget of a session anew: an entry of the ledger takes back what it has settled.";

export const getSession = endpoint({
  ...one,
  operationId: "getSession",
  method: "GET",
  path: "/api/v1/sessions/{id}",
  summary: "A session: whether it is frozen, and its budgets.",
  answer: session,
  errors: [],
  example: { params: { id: "run-7" }, answer: SAMPLE },
});

export const freezeSession = endpoint({
  ...one,
  operationId: "freezeSession",
  method: "POST",
  path: "/api/v1/sessions/{id}/freeze",
  summary: "Freeze a session: new calls are refused, running ones are ended.",
  body: sessionFreezeSchema.meta({ id: "SessionFreeze" }),
  bodyOptional: true,
  answer: frozen,
  errors: ["SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    params: { id: "run-7" },
    body: { reason: "loops", expires_in: 3_600 },
    answer: { ...SAMPLE, state: "frozen", frozen: FROZEN, ended_calls: 1 },
  },
});

export const unfreezeSession = endpoint({
  ...one,
  operationId: "unfreezeSession",
  method: "POST",
  path: "/api/v1/sessions/{id}/unfreeze",
  summary: "Unfreeze a session. One that is not frozen stays as it is.",
  answer: session,
  errors: ["SPOOL_UNAVAILABLE"],
  example: { params: { id: "run-7" }, answer: SAMPLE },
});

export const resetSession = endpoint({
  ...one,
  operationId: "resetSession",
  method: "POST",
  path: "/api/v1/sessions/{id}/reset",
  summary: RESET_SUMMARY,
  answer: session,
  errors: ["SPOOL_UNAVAILABLE"],
  example: { params: { id: "run-7" }, answer: { ...SAMPLE, budgets: [START] } },
});

export const unfreezeSessionOfDashboard = endpoint({
  ...unfreezeSession,
  operationId: "unfreezeSessionOfDashboard",
  path: "/api/dashboard/session/{id}/unfreeze",
});

export const resetSessionOfDashboard = endpoint({
  ...resetSession,
  operationId: "resetSessionOfDashboard",
  path: "/api/dashboard/session/{id}/reset",
});

export const listSessions = endpoint({
  ...sessions,
  operationId: "listSessions",
  method: "GET",
  path: "/api/dashboard/sessions",
  summary: "Sessions seen of late, the last used first, with what they did, their state and their budgets.",
  query: environmentQuery.extend({ hours, limit: whole(1_000, 100), cursor: filterText(266) }),
  answer: listed,
  errors: [],
  example: {
    query: { hours: "24", limit: "100" },
    answer: { sessions: [{ ...SAMPLE, ...USE, last_hour: "2026-11-21T06:00:00.000Z" }], total: 1, next_cursor: null },
  },
});

export const getStats = endpoint({
  ...sessions,
  operationId: "getStats",
  method: "GET",
  path: "/api/dashboard/stats",
  summary: "What an environment did of late, and what is stopped in it now.",
  query: environmentQuery.extend({ hours }),
  answer: stats,
  errors: [],
  example: {
    query: { hours: "24" },
    answer: { hours: 24, sessions: 1, frozen_sessions: 0, kill_switches: 1, blocks: 0, running_calls: 2, ...USE },
  },
});

export const SESSION_ENDPOINTS: readonly Endpoint[] = [
  getSession,
  freezeSession,
  unfreezeSession,
  resetSession,
  listSessions,
  getStats,
  unfreezeSessionOfDashboard,
  resetSessionOfDashboard,
];
