import {
  CODES,
  MEASURES,
  MODES,
  SDK_BOUNDS,
  sdkCheckSchema,
  sdkLogSchema,
  sdkRecordSchema,
  USAGE_SOURCES,
  WINDOWS,
  type ReasonCode,
} from "@tollhouse/contract";
import { z, type ZodType } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { amount, dollars, time, usage } from "./fields.ts";

// Described here, answered by apps/server/src/sdk: the document gives each field the name it has there; camelCase and the names of other
// SDKs are read too.

const DECISION = "dec_0197a5c2b3d47e8f9a0b1c2d3e4f5a6b";

const checked = {
  allowed: z.boolean(),
  decision_id: z.string(),
  reason_code: z.enum(Object.keys(CODES) as [ReasonCode, ...ReasonCode[]]).nullable(),
  message: z.string().nullable(),
  estimate: z.strictObject({
    cost: dollars.nullable().meta({ description: "Null: no price is known." }),
    input_tokens: z.int(),
    output_tokens: z.int(),
  }),
  limit: z
    .strictObject({
      id: z.string(),
      scope: z.string(),
      measure: z.enum(MEASURES),
      window: z.enum(WINDOWS),
      mode: z.enum(MODES),
    })
    .nullable()
    .meta({ description: "The limit that refused; of an allowed check the one with the least left." }),
  limit_state: z
    .strictObject({
      limit: amount,
      settled: amount,
      reserved: amount,
      remaining: amount,
      resets_at: time.nullable(),
    })
    .nullable(),
  retry_after: z.int().nullable().meta({ description: "Seconds." }),
  reservation: z
    .strictObject({ id: z.string(), amount: dollars, tokens: z.int(), expires_at: time })
    .nullable()
    .meta({ description: "What is held until the usage is recorded; null: nothing." }),
  ignored: z.array(z.string()).meta({ description: "Dimensions that the key does not let its holder set." }),
};
const check = z.strictObject(checked).meta({ id: "SdkCheckAnswer" });
const evaluation = z
  .strictObject({ decision: z.enum(["allow", "block"]), reason: z.string().nullable(), ...checked })
  .meta({ id: "SdkEvaluation" });

const recorded = z
  .strictObject({
    recorded: z.literal(true),
    decision_id: z.string(),
    outcome: z.enum(["settled", "released"]),
    cost: dollars.nullable().meta({ description: "Null: no price is known." }),
    usage: usage.nullable(),
    usage_source: z.enum(USAGE_SOURCES),
    doubt: z.string().nullable(),
    confirmed: z
      .boolean()
      .nullable()
      .meta({ description: "Did it end a check that was still open? Null: it names none." }),
    payload: z.enum(["stored", "not_stored"]),
    ignored: z.array(z.string()),
  })
  .meta({ id: "SdkRecordAnswer" });
const batchAnswer = z
  .strictObject({
    recorded: z.int(),
    failed: z.int(),
    results: z
      .array(z.looseObject({ index: z.int(), recorded: z.boolean() }))
      .meta({ description: "Of each record: its answer, or `error`, a problem." }),
  })
  .meta({ id: "SdkBatchAnswer" });

function orBatch(record: ZodType, id: string): ZodType {
  const records = z.array(record).min(1).max(SDK_BOUNDS.records);
  return z.union([record, z.strictObject({ records }).meta({ id })]);
}

const ASKED = {
  provider: "openai",
  model: "gpt-4o-mini",
  session: "run-42",
  input_tokens: 100,
  max_output_tokens: 100,
};
const CHECKED = {
  allowed: true,
  decision_id: DECISION,
  reason_code: null,
  message: null,
  estimate: { cost: "0.000075000", input_tokens: 100, output_tokens: 100 },
  limit: {
    id: "lim_0197a5c2b3d47e8f9a0b1c2d3e4f5a6b",
    scope: "session:run-42",
    measure: "usd" as const,
    window: "lifetime" as const,
    mode: "hard" as const,
  },
  limit_state: {
    limit: "25.000000000",
    settled: "0.000000000",
    reserved: "0.000075000",
    remaining: "24.999925000",
    resets_at: null,
  },
  retry_after: null,
  reservation: {
    id: "res_0197a5c2b3d47e8f9a0b1c2d3e4f5a6b",
    amount: "0.000075000",
    tokens: 200,
    expires_at: "2026-11-21T06:40:00.000Z",
  },
  ignored: [],
};
const USED = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
const SAID = { decision_id: DECISION, provider: "openai", model: "gpt-4o-mini", usage: USED };
const RECORDED = {
  recorded: true as const,
  decision_id: DECISION,
  outcome: "settled" as const,
  cost: "0.000045000",
  usage: { input: 100, output: 50 },
  usage_source: "reported" as const,
  doubt: null,
  confirmed: true,
  payload: "not_stored" as const,
  ignored: [],
};

const each = { method: "POST", tag: "sdk", status: 200 } as const;
const checking = { ...each, caller: "call", errors: ["IDENTITY_REQUIRED", "OVERLOADED", "SPOOL_UNAVAILABLE"] } as const;
const recording = {
  ...each,
  caller: "record",
  answer: z.union([recorded, batchAnswer]),
  errors: ["IDENTITY_REQUIRED", "IDEMPOTENCY_CONFLICT", "SPOOL_UNAVAILABLE", "LIMITS_UNAVAILABLE", "REQUEST_TOO_LARGE"],
} as const;

const sdkCheck = endpoint({
  ...checking,
  operationId: "sdkCheck",
  path: "/sdk/check",
  summary:
    "May this call be made? With `reserve` the amount is held until the usage is recorded, or `ttl_seconds` have passed.",
  body: sdkCheckSchema.meta({ id: "SdkCheck" }),
  answer: check,
  example: { body: { ...ASKED, reserve: true }, answer: CHECKED },
});

const sdkRecord = endpoint({
  ...recording,
  operationId: "sdkRecord",
  path: "/sdk/record",
  summary:
    "Record what a call used, alone or up to 1,000 at once; with an `Idempotency-Key` (of a batch: `idempotency_key`) it is recorded once.",
  body: orBatch(sdkRecordSchema.meta({ id: "SdkRecord" }), "SdkRecordBatch"),
  example: { body: SAID, answer: RECORDED },
});

const sdkLog = endpoint({
  ...recording,
  operationId: "sdkLog",
  path: "/sdk/log",
  summary:
    "Record a call with its texts: `request` and `response` are kept where the environment has that switched on, and else dropped.",
  body: orBatch(sdkLogSchema.meta({ id: "SdkLog" }), "SdkLogBatch"),
  example: {
    body: {
      provider: "openai",
      model: "gpt-4o-mini",
      request: { messages: [{ role: "user", content: "Hi" }] },
      response: { choices: [{ message: { role: "assistant", content: "Hello" } }], usage: USED },
    },
    answer: { ...RECORDED, confirmed: null },
  },
});

const evaluate = endpoint({
  ...checking,
  operationId: "evaluate",
  path: "/evaluate",
  summary: "As `/sdk/check`, with `decision` and `reason` in the answer.",
  body: sdkCheckSchema.meta({ id: "SdkCheck" }),
  answer: evaluation,
  example: { body: ASKED, answer: { decision: "allow" as const, reason: null, ...CHECKED, reservation: null } },
});

const usageOf = endpoint({
  ...recording,
  operationId: "recordUsage",
  path: "/usage",
  summary:
    "As `/sdk/record`; counts such as `prompt_tokens` and `completion_tokens` may stand beside the other fields.",
  body: orBatch(sdkRecordSchema.meta({ id: "SdkRecord" }), "SdkRecordBatch"),
  example: { body: SAID, answer: RECORDED },
});

export const SDK_ENDPOINTS: readonly Endpoint[] = [sdkCheck, sdkRecord, sdkLog, evaluate, usageOf];
