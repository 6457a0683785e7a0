import { payloadLoggingSchema, type PayloadLoggingAnswer } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { decisionParams, dollars, nextCursor, pageLimit, time } from "./fields.ts";

const ID = "dec_0197a5c2b3d47e8f9a0b1c2d3e4f5a6b";

/** A check that holds, or held, an amount: `GET /api/v1/checks`. */
export interface ReservedCheck {
  readonly decision: string;
  readonly provider: string;
  readonly model: string;
  readonly reserved: string;
  readonly checked_at: string;
  readonly expires_at: string;
}

const check: z.ZodType<ReservedCheck> = z
  .strictObject({
    decision: z.string(),
    provider: z.string(),
    model: z.string(),
    reserved: dollars,
    checked_at: time,
    expires_at: time,
  })
  .meta({ id: "ReservedCheck" });

export const listChecks = endpoint({
  operationId: "listChecks",
  method: "GET",
  path: "/api/v1/checks",
  tag: "sdk",
  summary:
    "Checks that held an amount and were never recorded (`unconfirmed`), or that hold one now (`open`); the newest first.",
  keys: true,
  query: environmentQuery.extend({
    state: z.enum(["unconfirmed", "open"]).default("unconfirmed"),
    limit: pageLimit,
    cursor: z
      .string()
      .regex(/^dec_[0-9a-f]{32}$/, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ checks: z.array(check).readonly(), next_cursor: nextCursor }),
  errors: [],
  example: {
    answer: {
      checks: [
        {
          decision: ID,
          provider: "openai",
          model: "gpt-4o-mini",
          reserved: "0.000630000",
          checked_at: "2026-11-21T06:30:00.000Z",
          expires_at: "2026-11-21T06:40:00.000Z",
        },
      ],
      next_cursor: null,
    },
  },
});

const logging: z.ZodType<PayloadLoggingAnswer> = z
  .strictObject({
    environment: z.string(),
    enabled: z.boolean(),
    retention_days: z.int(),
    version: z.int().min(0).meta({ description: "0: never set." }),
  })
  .meta({ id: "PayloadLogging" });
const SAMPLE = { environment: "prod", enabled: true, retention_days: 30, version: 1 };

export const getPayloadLogging = endpoint({
  operationId: "getPayloadLogging",
  method: "GET",
  path: "/api/v1/payload-logging",
  tag: "sdk",
  summary: "Whether texts of requests and answers that `/sdk/log` is sent are kept.",
  keys: true,
  query: environmentQuery,
  status: 200,
  answer: logging,
  etag: true,
  errors: [],
  example: { answer: { ...SAMPLE, enabled: false, version: 0 } },
});

export const updatePayloadLogging = endpoint({
  operationId: "updatePayloadLogging",
  method: "PUT",
  path: "/api/v1/payload-logging",
  tag: "sdk",
  summary: "Switch the keeping of texts on or off. What is kept already is kept until its own time is over.",
  query: environmentQuery,
  body: payloadLoggingSchema.meta({ id: "PayloadLoggingUpdate" }),
  status: 200,
  answer: logging,
  etag: true,
  ifMatch: true,
  errors: ["PRECONDITION_FAILED", "VERSION_CONFLICT", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: { enabled: true, retention_days: 30 }, answer: SAMPLE },
});

export const getPayload = endpoint({
  operationId: "getPayload",
  method: "GET",
  path: "/api/v1/payloads/{id}",
  tag: "sdk",
  summary: "The texts of one call, where they were kept.",
  params: decisionParams,
  query: environmentQuery,
  status: 200,
  answer: z
    .strictObject({ request: z.unknown(), response: z.unknown(), stored_at: time, expires_at: time })
    .meta({ id: "Payload" }),
  errors: ["NOT_FOUND"],
  example: {
    params: { id: ID },
    answer: {
      request: { messages: [{ role: "user", content: "Hi" }] },
      response: { choices: [{ message: { role: "assistant", content: "Hello" } }] },
      stored_at: "2026-11-21T06:30:01.000Z",
      expires_at: "2026-12-21T06:30:01.000Z",
    },
  },
});

export const CHECK_ENDPOINTS: readonly Endpoint[] = [listChecks, getPayloadLogging, updatePayloadLogging, getPayload];
