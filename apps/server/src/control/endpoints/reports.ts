import { CODES, timeZoneSchema, USAGE_SOURCES, type ReasonCode } from "@tollhouse/contract";
import { parseUsd } from "@tollhouse/engine";
import {
  CALL_OUTCOMES,
  USAGE_AXES,
  USAGE_GROUPS,
  USAGE_ORDERS,
  type CallAnswer,
  type CallsPage,
  type UsageAxis,
  type UsageGroup,
  type UsageReport,
} from "@tollhouse/store";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { FORMATS } from "../exports.ts";
import {
  decisionParams,
  dimensions,
  dollars,
  hash,
  instant,
  nextCursor,
  sequence,
  time,
  usage,
  valuesOf,
} from "./fields.ts";

const EXPECTED_GROUPS = `a list of ${USAGE_GROUPS.join(", ")}, with commas between them`;

/** Each axis filters by any of its values. */
const filters = Object.fromEntries(USAGE_AXES.map((axis) => [axis, valuesOf(256)])) as {
  readonly [A in UsageAxis]: ReturnType<typeof valuesOf>;
};

const range = { from: instant, to: instant };
const inOrder = {
  check: ({ from, to }: { from?: number | undefined; to?: number | undefined }): boolean =>
    (from ?? 0) <= (to ?? Infinity),
  because: { path: ["to"], error: "expected a time not before from" },
};
const format = z.enum(FORMATS).optional().meta({
  description:
    "`csv`, `ndjson` or `parquet` streams every row there is (or `limit` of them), also by `Accept: text/csv`, `application/x-ndjson` or `application/vnd.apache.parquet`.",
});
const cursor = z.string().max(8_192).optional();

function rowsAtMost(max: number, otherwise: number, unless: string): z.ZodType<number | undefined> {
  const error = `expected a whole number from 1 to ${max}`;
  return z.coerce
    .number({ error })
    .int({ error })
    .min(1, { error })
    .max(max, { error })
    .optional()
    .meta({ description: `Rows at most; ${otherwise} unless it is said${unless}.` });
}

const usageQuery = z
  .strictObject({
    ...range,
    group_by: z
      .string()
      .optional()
      .transform((text, context) => {
        const groups = text === undefined || text === "" ? [] : text.split(",").map((name) => name.trim());
        const known = groups.filter((name): name is UsageGroup => (USAGE_GROUPS as readonly string[]).includes(name));
        if (known.length === groups.length && new Set(known).size === known.length) return known;
        context.addIssue({ code: "custom", message: `expected ${EXPECTED_GROUPS}` });
        return z.NEVER;
      })
      .meta({ description: EXPECTED_GROUPS }),
    time_zone: timeZoneSchema.optional().meta({ description: "IANA, for days and months; UTC unless it is said." }),
    order: z.enum(USAGE_ORDERS).optional().meta({
      description:
        "Most `cost`, `calls` or `tokens` first: with a `limit`, a top list. Or by `group`. By time and then by cost unless it is said.",
    }),
    limit: rowsAtMost(10_000, 1_000, ""),
    cursor,
    format,
    ...filters,
  })
  .refine(inOrder.check, inOrder.because)
  .refine(
    (query) => query.time_zone === undefined || query.group_by.some((group) => group === "day" || group === "month"),
    {
      path: ["time_zone"],
      error: "expected only with group_by day or month",
    },
  );
export type UsageQuery = z.infer<typeof usageQuery>;

const count = z.int().min(0);
export const sums = {
  calls: count,
  blocked: count,
  released: count.meta({ description: "Of the calls: those that ended without a cost." }),
  cost_unknown: count.meta({ description: "Of the calls: those without a known price, whose cost is in no sum." }),
  input_tokens: count,
  output_tokens: count,
  cost: dollars,
};
const groups = Object.fromEntries(USAGE_GROUPS.map((name) => [name, z.string().nullable().optional()]));
const usageReport = z
  .strictObject({
    rows: z.array(z.strictObject({ ...groups, ...sums })),
    total: z.strictObject(sums).meta({ description: "Of everything asked for, whichever page this is." }),
    next_cursor: nextCursor,
  })
  .meta({ id: "UsageReport" }) as unknown as z.ZodType<UsageReport>;

const SAMPLE_SUMS = {
  calls: 3,
  blocked: 1,
  released: 0,
  cost_unknown: 0,
  input_tokens: 120,
  output_tokens: 64,
  cost: "0.000056400",
};

export const getUsage = endpoint({
  operationId: "getUsage",
  method: "GET",
  path: "/api/v1/usage",
  tag: "reports",
  summary:
    "What was spent and used, in sum and by any combination of groups, up to the moment of the question. A filter may be given several times: any of its values; an empty one is for calls without.",
  keys: true,
  query: usageQuery,
  status: 200,
  answer: usageReport,
  exports: true,
  errors: ["RATE_LIMITED", "DETAILS_PURGED"],
  example: {
    query: { group_by: "model,session", from: "2026-11-01T00:00:00Z", order: "cost", limit: "10" },
    answer: {
      rows: [{ model: "gpt-4o-mini", session: "run-42", ...SAMPLE_SUMS }],
      total: SAMPLE_SUMS,
      next_cursor: null,
    },
  },
});

const call: z.ZodType<CallAnswer> = z
  .strictObject({
    decision: z.string(),
    sequence,
    time,
    environment: z.string().nullable(),
    provider: z.string().nullable(),
    model: z.string().nullable(),
    endpoint: z.string().nullable(),
    key: z.string().nullable(),
    dimensions,
    outcome: z.enum(CALL_OUTCOMES),
    reason_code: z.string().nullable(),
    status: z.int().nullable(),
    usage: usage.nullable(),
    usage_source: z.enum(USAGE_SOURCES).nullable() as z.ZodType<string | null>,
    cost: dollars.nullable().meta({ description: "null = no price is known: never a silent zero" }),
    latency_ms: z.int().nullable(),
    doubt: z.string().nullable(),
    entry_hash: hash,
  })
  .meta({ id: "Call" });

export const EXAMPLE_DECISION = "dec_019aa3b0c1d27e4f8a5b6c7d8e9f0a1c";
const SAMPLE = {
  decision: EXAMPLE_DECISION,
  sequence: 17,
  time: "2026-11-21T06:30:00.000Z",
  environment: "prod",
  provider: "openai",
  model: "gpt-4o-mini",
  endpoint: "chat_completions",
  key: null,
  dimensions: { session: "run-42" },
  outcome: "settled",
  reason_code: null,
  status: 200,
  usage: { input: 100, input_cache_read: 20, output: 64 },
  usage_source: "reported",
  cost: "0.000054900",
  latency_ms: 812,
  doubt: null,
  entry_hash: "5f".repeat(32),
};

const costMin = z
  .string()
  .transform((text, context) => {
    try {
      return parseUsd(text);
    } catch {
      context.addIssue({ code: "custom", message: "expected dollars with at most nine places, such as 0.05" });
      return z.NEVER;
    }
  })
  .optional()
  .meta({ description: "Dollars. Calls whose cost is not known are left out." });

const callsQuery = z
  .strictObject({
    ...range,
    limit: rowsAtMost(1_000, 100, ", and all of them in an export"),
    cursor: z
      .string()
      .regex(/^\d{1,18}-[1-9]\d{0,17}$/, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
    outcome: z.enum(CALL_OUTCOMES).optional(),
    reason_code: valuesOf(64, Object.keys(CODES) as ReasonCode[]),
    min_cost: costMin,
    format,
    ...filters,
  })
  .refine(inOrder.check, inOrder.because);
export type CallsQuery = z.infer<typeof callsQuery>;

export const listCalls = endpoint({
  operationId: "listCalls",
  method: "GET",
  path: "/api/v1/calls",
  tag: "reports",
  summary:
    "Calls, newest first by when they were decided. A page may be short, or empty, while there is a `next_cursor`: that is how far it looked.",
  keys: true,
  query: callsQuery,
  status: 200,
  answer: z.strictObject({
    calls: z.array(call),
    next_cursor: nextCursor,
    purged_before: time.optional().meta({
      description:
        "There where more was asked for: of one environment at least, calls before it are in no list any more.",
    }),
  }) as z.ZodType<CallsPage>,
  exports: true,
  errors: ["RATE_LIMITED", "DETAILS_PURGED"],
  example: { query: { limit: "100", session: "run-42" }, answer: { calls: [SAMPLE], next_cursor: null } },
});

export const getCall = endpoint({
  operationId: "getCall",
  method: "GET",
  path: "/api/v1/calls/{id}",
  tag: "reports",
  summary: "One call, by its decision, as the list of calls has it.",
  keys: true,
  params: decisionParams,
  status: 200,
  answer: call,
  errors: ["NOT_FOUND", "DETAILS_PURGED"],
  example: { params: { id: EXAMPLE_DECISION }, answer: SAMPLE },
});
