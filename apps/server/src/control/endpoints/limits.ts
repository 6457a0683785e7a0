import {
  limitAmountSchema,
  limitCreateSchema,
  limitUpdateSchema,
  MEASURES,
  MODES,
  parseScope,
  SCOPE_KINDS,
  WINDOWS,
  type LimitAnswer,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { amount, nextCursor, time } from "./fields.ts";

export const limitState = z
  .strictObject({ settled: amount, reserved: amount, remaining: amount, resets_at: time.nullable() })
  .meta({ id: "LimitState", description: "The counter of a limit in its window; `resets_at` null = never." });

export const limit: z.ZodType<LimitAnswer> = z
  .strictObject({
    id: z.string(),
    scope: z.string().meta({ description: "`org`, or a dimension with a value: `session:run-42`" }),
    measure: z.enum(MEASURES),
    amount: limitAmountSchema,
    window: z.enum(WINDOWS),
    time_zone: z.string(),
    mode: z.enum(MODES),
    version: z.int().min(1),
    state: limitState,
  })
  .meta({ id: "Limit" });

const create = limitCreateSchema.meta({ id: "LimitCreate" });
const update = limitUpdateSchema.meta({ id: "LimitUpdate" });
const params = z.strictObject({ id: z.string().max(64) });
const ID = "lim_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b";
const SAMPLE = {
  id: ID,
  scope: "session:run-42",
  measure: "usd",
  amount: "25.000000000",
  window: "lifetime",
  time_zone: "UTC",
  mode: "hard",
  version: 1,
  state: { settled: "0.000000000", reserved: "0.000000000", remaining: "25.000000000", resets_at: null },
};

const EXPECTED_ROWS = "expected a whole number from 1 to 1000";
const scopeAsked = z.string().refine((text) => parseScope(text) !== null, {
  error: "expected `org` or `<dimension>:<value>`, such as `session:run-42`",
});
const scopesAsked = z
  .union([scopeAsked, z.array(scopeAsked).max(100, { error: "expected at most 100 scopes" })])
  .transform((asked) => (typeof asked === "string" ? [asked] : asked))
  .optional();

export const createLimit = endpoint({
  operationId: "createLimit",
  method: "POST",
  path: "/api/v1/limits",
  tag: "limits",
  summary: "Make a limit. It counts what its scope has used in the window already.",
  keys: true,
  query: environmentQuery,
  body: create,
  status: 201,
  answer: limit,
  etag: true,
  errors: ["LIMITS_UNAVAILABLE", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    body: { scope: "session:run-42", measure: "usd", amount: "25.00", window: "lifetime", mode: "hard" },
    answer: SAMPLE,
  },
});

export const listLimits = endpoint({
  operationId: "listLimits",
  method: "GET",
  path: "/api/v1/limits",
  tag: "limits",
  summary:
    "Limits that were made, by id, each with its state now; all of them, or those of the scopes, the kind of scope or the measure named.",
  keys: true,
  query: environmentQuery.extend({
    scope: scopesAsked,
    measure: z.enum(MEASURES).optional(),
    scope_kind: z
      .enum(["org", ...SCOPE_KINDS])
      .optional()
      .meta({ description: "Of this kind of scope, whatever its value." }),
    limit: z.coerce.number({ error: EXPECTED_ROWS }).int().min(1).max(1000, { error: EXPECTED_ROWS }).default(1000),
    cursor: z
      .string()
      .regex(/^lim_[0-9a-zA-Z]{1,60}$/, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ limits: z.array(limit).readonly(), next_cursor: nextCursor }),
  errors: [],
  example: { query: { scope: "session:run-42" }, answer: { limits: [SAMPLE], next_cursor: null } },
});

export const getLimit = endpoint({
  operationId: "getLimit",
  method: "GET",
  path: "/api/v1/limits/{id}",
  tag: "limits",
  summary: "A limit with its state now.",
  keys: true,
  params,
  query: environmentQuery,
  status: 200,
  answer: limit,
  etag: true,
  errors: ["NOT_FOUND"],
  example: { params: { id: ID }, answer: SAMPLE },
});

export const updateLimit = endpoint({
  operationId: "updateLimit",
  method: "PUT",
  path: "/api/v1/limits/{id}",
  tag: "limits",
  summary:
    "Change amount or mode. A lost update is refused: say the version that was read, in the body (409) or as If-Match (412).",
  keys: true,
  params,
  query: environmentQuery,
  body: update,
  status: 200,
  answer: limit,
  etag: true,
  ifMatch: true,
  errors: ["NOT_FOUND", "VERSION_CONFLICT", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    params: { id: ID },
    body: { amount: "40.00", version: 1 },
    answer: {
      ...SAMPLE,
      amount: "40.000000000",
      version: 2,
      state: { ...SAMPLE.state, remaining: "40.000000000" },
    },
  },
});

export const deleteLimit = endpoint({
  operationId: "deleteLimit",
  method: "DELETE",
  path: "/api/v1/limits/{id}",
  tag: "limits",
  summary: "Remove a limit. A session falls back to the default budget, which counts what it has spent.",
  keys: true,
  params,
  query: environmentQuery,
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "LIMITS_UNAVAILABLE", "SPOOL_UNAVAILABLE"],
  example: { params: { id: ID } },
});
