import {
  KEY_PERMISSIONS,
  keyCreateSchema,
  keyRotateSchema,
  keyUpdateSchema,
  SETTABLE,
  type KeyAnswer,
  type KeyMade,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { dimensions, nextCursor, pageLimit, time } from "./fields.ts";

const fields = {
  id: z.string(),
  name: z.string(),
  environment: z.string(),
  permissions: z.array(z.enum(KEY_PERMISSIONS)),
  fixed: dimensions,
  settable: z.array(z.enum(SETTABLE)).nullable(),
  models: z.array(z.string()).nullable(),
  requests_per_minute: z.int().nullable(),
  tokens_per_minute: z.int().nullable(),
  expires_at: time.nullable(),
  version: z.int().min(1),
  created_at: time,
  revoked_at: time.nullable(),
  last_used_at: time.nullable(),
  previous_valid_until: time.nullable(),
};
const key: z.ZodType<KeyAnswer> = z.strictObject(fields).meta({ id: "Key" });
const made: z.ZodType<KeyMade> = z
  .strictObject({ ...fields, key: z.string().meta({ description: "Shown now, and never again." }) })
  .meta({ id: "KeyMade" });

const params = z.strictObject({ id: z.string().max(64) });
const ID = "key_8fJ2mQx7LrT0wZbK";
const SAMPLE = {
  id: ID,
  name: "search backend",
  environment: "prod",
  permissions: ["call"],
  fixed: { service: "search" },
  settable: null,
  models: ["gpt-4o*"],
  requests_per_minute: 600,
  tokens_per_minute: null,
  expires_at: null,
  version: 1,
  created_at: "2026-11-21T06:30:00.000Z",
  revoked_at: null,
  last_used_at: null,
  previous_valid_until: null,
};
const SHOWN = "th_prod_8fJ2mQx7LrT0wZbK_…";
const each = { tag: "keys", keys: true, params, query: environmentQuery } as const;

export const createKey = endpoint({
  operationId: "createKey",
  method: "POST",
  path: "/api/v1/keys",
  tag: "keys",
  summary: "Issue a key. Its secret is in this answer only.",
  keys: true,
  query: environmentQuery,
  body: keyCreateSchema.meta({ id: "KeyCreate" }),
  status: 201,
  answer: made,
  etag: true,
  errors: ["SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    body: {
      name: "search backend",
      permissions: ["call"],
      fixed: { service: "search" },
      models: ["gpt-4o*"],
      requests_per_minute: 600,
    },
    answer: { ...SAMPLE, key: SHOWN },
  },
});

export const listKeys = endpoint({
  operationId: "listKeys",
  method: "GET",
  path: "/api/v1/keys",
  tag: "keys",
  summary: "Keys of an environment, without their secrets.",
  keys: true,
  query: environmentQuery.extend({
    limit: pageLimit,
    cursor: z
      .string()
      .regex(/^key_[0-9A-Za-z]{16}$/, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ keys: z.array(key).readonly(), next_cursor: nextCursor }),
  errors: [],
  example: { answer: { keys: [SAMPLE], next_cursor: null } },
});

export const getKey = endpoint({
  ...each,
  operationId: "getKey",
  method: "GET",
  path: "/api/v1/keys/{id}",
  summary: "A key, without its secret.",
  status: 200,
  answer: key,
  etag: true,
  errors: ["NOT_FOUND"],
  example: { params: { id: ID }, answer: SAMPLE },
});

export const updateKey = endpoint({
  ...each,
  operationId: "updateKey",
  method: "PUT",
  path: "/api/v1/keys/{id}",
  summary:
    "Change what a key may do. A lost update is refused: say the version that was read, in the body (409) or as If-Match (412).",
  body: keyUpdateSchema.meta({ id: "KeyUpdate" }),
  status: 200,
  answer: key,
  etag: true,
  ifMatch: true,
  errors: [
    "NOT_FOUND",
    "ALREADY_REVOKED",
    "VERSION_CONFLICT",
    "PRECONDITION_FAILED",
    "SPOOL_UNAVAILABLE",
    "REQUEST_TOO_LARGE",
  ],
  example: {
    params: { id: ID },
    body: { requests_per_minute: 1_200, version: 1 },
    answer: { ...SAMPLE, requests_per_minute: 1_200, version: 2 },
  },
});

export const rotateKey = endpoint({
  ...each,
  operationId: "rotateKey",
  method: "POST",
  path: "/api/v1/keys/{id}/rotate",
  summary: "Give a key a new secret; the one of now stays valid for the overlap.",
  body: keyRotateSchema.meta({ id: "KeyRotate" }),
  bodyOptional: true,
  status: 200,
  answer: made,
  etag: true,
  ifMatch: true,
  errors: ["NOT_FOUND", "ALREADY_REVOKED", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    params: { id: ID },
    body: { overlap_seconds: 3_600 },
    answer: { ...SAMPLE, version: 3, previous_valid_until: "2026-11-21T07:30:00.000Z", key: SHOWN },
  },
});

export const revokeKey = endpoint({
  ...each,
  operationId: "revokeKey",
  method: "DELETE",
  path: "/api/v1/keys/{id}",
  summary: "Revoke a key, for good and at once.",
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE"],
  example: { params: { id: ID } },
});
