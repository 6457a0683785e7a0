import { policyCreateSchema, policyVersionSchema, type PolicyDocument } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { nextCursor, pageLimit, time } from "./fields.ts";

const policy = policyVersionSchema.meta({ id: "Policy", description: "The version that is in force." });
const document = policyCreateSchema.meta({ id: "PolicyDocument" });
const version = z
  .strictObject({ version: z.int().min(1), created_at: time, policy: policyVersionSchema.nullable() })
  .meta({ id: "PolicyVersion", description: "`policy` null: with this version it was deleted." });
const params = z.strictObject({ id: z.string().max(80) });

const ID = "pol_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b";
const DOCUMENT: PolicyDocument = {
  name: "small models for everybody",
  attach: "default",
  priority: 0,
  mode: "enforce",
  models: { allow: ["gpt-4o*", "claude-*"] },
  caps: { cost: "0.50" },
  limits: [{ measure: "usd", amount: "5.00", window: "day", mode: "hard", scope: "user" }],
  on_exceed: { action: "downgrade", model: "gpt-4o-mini" },
};
const SAMPLE = { ...DOCUMENT, id: ID, version: 1, created_at: "2026-11-21T06:30:00.000Z" };
const CHANGED: PolicyDocument = { ...DOCUMENT, caps: { cost: "0.75" } };
const each = { tag: "policies", keys: true, params, query: environmentQuery } as const;

export const createPolicy = endpoint({
  operationId: "createPolicy",
  method: "POST",
  path: "/api/v1/policies",
  tag: "policies",
  summary: "Make a policy. Its limits count what their scopes have used in the window already.",
  keys: true,
  query: environmentQuery,
  body: document,
  status: 201,
  answer: policy,
  etag: true,
  errors: ["LIMITS_UNAVAILABLE", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: DOCUMENT, answer: SAMPLE },
});

export const listPolicies = endpoint({
  operationId: "listPolicies",
  method: "GET",
  path: "/api/v1/policies",
  tag: "policies",
  summary: "Policies of an environment.",
  keys: true,
  query: environmentQuery.extend({
    limit: pageLimit,
    cursor: z
      .string()
      .regex(/^pol_[0-9A-Za-z_-]{1,64}$/, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ policies: z.array(policy).readonly(), next_cursor: nextCursor }),
  errors: [],
  example: { answer: { policies: [SAMPLE], next_cursor: null } },
});

export const getPolicy = endpoint({
  ...each,
  operationId: "getPolicy",
  method: "GET",
  path: "/api/v1/policies/{id}",
  summary: "A policy as it is in force.",
  status: 200,
  answer: policy,
  etag: true,
  errors: ["NOT_FOUND"],
  example: { params: { id: ID }, answer: SAMPLE },
});

export const updatePolicy = endpoint({
  ...each,
  operationId: "updatePolicy",
  method: "PUT",
  path: "/api/v1/policies/{id}",
  summary: "Make the next version: the whole document anew. With If-Match, a lost update is refused (412).",
  body: document,
  status: 200,
  answer: policy,
  etag: true,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "LIMITS_UNAVAILABLE", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { params: { id: ID }, body: CHANGED, answer: { ...SAMPLE, ...CHANGED, version: 2 } },
});

export const listPolicyVersions = endpoint({
  ...each,
  operationId: "listPolicyVersions",
  method: "GET",
  path: "/api/v1/policies/{id}/versions",
  summary: "Every version of a policy, the newest first; of one that was deleted too.",
  query: environmentQuery.extend({
    limit: pageLimit,
    cursor: z.coerce
      .number({ error: "expected the next_cursor of an earlier answer" })
      .int()
      .min(1)
      .max(2_147_483_646)
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ versions: z.array(version).readonly(), next_cursor: nextCursor }),
  errors: ["NOT_FOUND"],
  example: {
    params: { id: ID },
    answer: { versions: [{ version: 1, created_at: SAMPLE.created_at, policy: SAMPLE }], next_cursor: null },
  },
});

export const deletePolicy = endpoint({
  ...each,
  operationId: "deletePolicy",
  method: "DELETE",
  path: "/api/v1/policies/{id}",
  summary: "Delete a policy. Its versions stay.",
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE"],
  example: { params: { id: ID } },
});

export const POLICY_ENDPOINTS: readonly Endpoint[] = [
  createPolicy,
  listPolicies,
  getPolicy,
  updatePolicy,
  listPolicyVersions,
  deletePolicy,
];
