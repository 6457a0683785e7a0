import { USAGE_SOURCES } from "@tollhouse/contract";
import { USAGE_GROUPS, type CallAnswer, type UsageGroup, type UsageReport } from "@tollhouse/store";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import {
  decisionParams,
  dimensions,
  dollars,
  filterText,
  hash,
  instant,
  nextCursor,
  pageLimit,
  sequence,
  sequenceCursor,
  time,
  usage,
} from "./fields.ts";

const EXPECTED_GROUPS = `a list of ${USAGE_GROUPS.join(", ")}, with commas between them`;

const usageQuery = z
  .strictObject({
    from: instant,
    to: instant,
    environment: filterText(64),
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
  })
  .refine(({ from, to }) => (from ?? 0) <= (to ?? Infinity), {
    path: ["to"],
    error: "expected a time not before from",
  });

const count = z.int().min(0);
const sums = { calls: count, blocked: count, input_tokens: count, output_tokens: count, cost: dollars };
const groups = Object.fromEntries(USAGE_GROUPS.map((name) => [name, z.string().nullable().optional()]));
const usageReport: z.ZodType<UsageReport> = z
  .strictObject({ rows: z.array(z.strictObject({ ...groups, ...sums })), total: z.strictObject(sums) })
  .meta({ id: "UsageReport" });

export const getUsage = endpoint({
  operationId: "getUsage",
  method: "GET",
  path: "/api/v1/usage",
  tag: "reports",
  summary: "What was spent and used, in sum and by any combination of groups, up to the moment of the question.",
  keys: true,
  query: usageQuery,
  status: 200,
  answer: usageReport,
  errors: [],
  example: {
    query: { group_by: "model,session", from: "2026-11-01T00:00:00Z" },
    answer: {
      rows: [
        {
          model: "gpt-4o-mini",
          session: "run-42",
          calls: 3,
          blocked: 1,
          input_tokens: 120,
          output_tokens: 64,
          cost: "0.000056400",
        },
      ],
      total: { calls: 3, blocked: 1, input_tokens: 120, output_tokens: 64, cost: "0.000056400" },
    },
  },
});

export const CALL_OUTCOMES = ["settled", "released", "blocked"] as const;

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

export const listCalls = endpoint({
  operationId: "listCalls",
  method: "GET",
  path: "/api/v1/calls",
  tag: "reports",
  summary: "Calls, newest first.",
  keys: true,
  query: z.strictObject({
    limit: pageLimit,
    cursor: sequenceCursor,
    environment: filterText(64),
    session: filterText(256),
    user: filterText(256),
    model: filterText(256),
    outcome: z.enum(CALL_OUTCOMES).optional(),
  }),
  status: 200,
  answer: z.strictObject({ calls: z.array(call), next_cursor: nextCursor }) as z.ZodType<{
    readonly calls: readonly CallAnswer[];
    readonly next_cursor: string | null;
  }>,
  errors: [],
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
  errors: ["NOT_FOUND"],
  example: { params: { id: EXAMPLE_DECISION }, answer: SAMPLE },
});
