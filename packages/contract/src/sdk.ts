import { z } from "zod";
import { DIMENSION_VALUE_LENGTH_MAX, DIMENSIONS, isDimensionValue, type Dimension } from "./dimensions.ts";
import { ENDPOINTS, type Endpoint } from "./facts.ts";
import { limitAmountSchema } from "./limits.ts";

/** Bodies of `/sdk/check`, `/sdk/record`, `/sdk/log`, `/evaluate` and `/usage`, as they are once their spelling is ours. */

export const SDK_BOUNDS = {
  ttlSeconds: 24 * 3_600,
  ttlSecondsDefault: 600,
  tokens: 1_000_000_000,
  records: 1_000,
  nameLength: 256,
  idempotencyKeyLength: 255,
} as const;

export type SaidDimensions = { [D in Dimension]?: string | undefined };

export interface SdkCheck extends SaidDimensions {
  provider: string;
  model: string;
  endpoint?: Endpoint | undefined;
  /** Counted by the caller; else `input`. */
  input_tokens?: number | undefined;
  /** A prompt, messages, or whatever else becomes input: its texts are counted, and nothing of it is kept. */
  input?: unknown;
  max_output_tokens?: number | undefined;
  /** US dollars: reserved in place of Tollhouse's own estimate. */
  estimated_cost?: string | undefined;
  service_tier?: string | undefined;
  reserve: boolean;
  ttl_seconds: number;
}

export interface SdkRecord extends SaidDimensions {
  /** `dec_…`: the check that this call was made under. */
  decision_id?: string | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  endpoint?: Endpoint | undefined;
  /** The provider's usage object as it came, or Tollhouse's own classes; null = the provider did not say. */
  usage?: Record<string, unknown> | null | undefined;
  /** The provider's whole answer: usage, model, tier and id are read from it. */
  response?: unknown;
  request?: unknown;
  /** HTTP status of the provider's answer. */
  status?: number | undefined;
  service_tier?: string | undefined;
  response_id?: string | undefined;
  latency_ms?: number | undefined;
  /** RFC 3339: when it was used. */
  timestamp?: string | undefined;
  idempotency_key?: string | undefined;
}

const name = z
  .string({ error: "expected a text" })
  .max(SDK_BOUNDS.nameLength, { error: `expected at most ${SDK_BOUNDS.nameLength} characters` })
  .refine(isDimensionValue, { error: "expected a text without control characters" });
const tokens = z
  .number({ error: "expected a whole number of tokens" })
  .int({ error: "expected a whole number of tokens" })
  .max(SDK_BOUNDS.tokens, { error: `expected at most ${SDK_BOUNDS.tokens}` });
const dimension = z
  .string({ error: "expected a text" })
  .refine(isDimensionValue, {
    error: `expected 1 to ${DIMENSION_VALUE_LENGTH_MAX} characters without control characters`,
  })
  .optional();
const dimensions = Object.fromEntries(DIMENSIONS.map((each) => [each, dimension]));
const call = {
  provider: name,
  model: name,
  endpoint: z.enum(ENDPOINTS).optional(),
  service_tier: name.optional(),
};

export const sdkCheckSchema: z.ZodType<SdkCheck> = z
  .strictObject({
    ...call,
    ...dimensions,
    input_tokens: tokens.min(0, { error: "expected 0 or above" }).optional(),
    input: z.unknown().optional(),
    max_output_tokens: tokens.min(1, { error: "expected 1 or above" }).optional(),
    estimated_cost: limitAmountSchema.optional(),
    reserve: z.boolean({ error: "expected true or false" }).default(false),
    ttl_seconds: z
      .number({ error: "expected a whole number of seconds" })
      .int({ error: "expected a whole number of seconds" })
      .min(1, { error: "expected 1 or above" })
      .max(SDK_BOUNDS.ttlSeconds, { error: `expected at most ${SDK_BOUNDS.ttlSeconds}` })
      .default(SDK_BOUNDS.ttlSecondsDefault),
  })
  .superRefine((check, context) => {
    if ((check.input_tokens === undefined) === (check.input === undefined))
      context.addIssue({
        code: "custom",
        path: ["input_tokens"],
        message: "expected either input_tokens or input (the prompt or messages, to be counted)",
      });
  });

/** Without the payload of `/sdk/log`. */
const recordFields = {
  ...dimensions,
  decision_id: z
    .string()
    .regex(/^dec_[0-9a-f]{32}$/, { error: "expected the decision_id of a check" })
    .optional(),
  provider: call.provider.optional(),
  model: call.model.optional(),
  endpoint: call.endpoint,
  service_tier: call.service_tier,
  usage: z.record(z.string(), z.unknown(), { error: "expected the provider's usage object, or null" }).nullish(),
  response: z.unknown().optional(),
  response_id: name.optional(),
  status: z
    .number({ error: "expected an HTTP status" })
    .int({ error: "expected an HTTP status" })
    .min(100, { error: "expected an HTTP status" })
    .max(599, { error: "expected an HTTP status" })
    .optional(),
  latency_ms: z
    .number({ error: "expected milliseconds" })
    .min(0, { error: "expected 0 or above" })
    .max(24 * 3_600_000, { error: "expected less than a day" })
    .optional(),
  timestamp: z.iso.datetime({ offset: true, error: "expected a time such as 2026-11-21T06:30:00Z" }).optional(),
  idempotency_key: z
    .string({ error: "expected a text" })
    .max(SDK_BOUNDS.idempotencyKeyLength, { error: `expected at most ${SDK_BOUNDS.idempotencyKeyLength} characters` })
    .refine(isDimensionValue, { error: "expected a text without control characters" })
    .optional(),
};

export const sdkRecordSchema: z.ZodType<SdkRecord> = z.strictObject(recordFields);
export const sdkLogSchema: z.ZodType<SdkRecord> = z.strictObject({ ...recordFields, request: z.unknown().optional() });
