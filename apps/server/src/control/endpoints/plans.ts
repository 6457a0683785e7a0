import { planAssignSchema, planNameSchema, planPutSchema, type PlanAnswer, type PlanAssign } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { nextCursor, pageLimit } from "./fields.ts";
import { environmentQuery } from "../routes/environment-asked.ts";

const plan: z.ZodType<PlanAnswer> = z
  .strictObject({ name: z.string(), description: z.string(), version: z.int().min(1) })
  .meta({ id: "Plan", description: "A name that policies attach to, and that users and customers are put on." });
const assigned: z.ZodType<PlanAssign> = z.strictObject({ plan: z.string() }).meta({ id: "PlanAssigned" });

const params = z.strictObject({ name: planNameSchema });
const holderParams = z.strictObject({ id: planNameSchema });
const SAMPLE = { name: "free", description: "for those who try", version: 1 };
const each = { tag: "plans", keys: true, params, query: environmentQuery } as const;
const PUT = planPutSchema.meta({ id: "PlanPut" });
const ASSIGN = planAssignSchema.meta({ id: "PlanAssign" });

export const putPlan = endpoint({
  ...each,
  operationId: "putPlan",
  method: "PUT",
  path: "/api/v1/plans/{name}",
  summary: "Make or describe a plan. What it allows is in the policies attached to it.",
  body: PUT,
  status: 200,
  answer: plan,
  etag: true,
  ifMatch: true,
  errors: ["PRECONDITION_FAILED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { params: { name: "free" }, body: { description: "for those who try" }, answer: SAMPLE },
});

export const listPlans = endpoint({
  operationId: "listPlans",
  method: "GET",
  path: "/api/v1/plans",
  tag: "plans",
  summary: "Plans of an environment, by name.",
  keys: true,
  query: environmentQuery.extend({
    limit: pageLimit,
    cursor: z
      .string()
      .regex(/^plan:[^\p{Cc}]{1,256}$/u, { error: "expected the next_cursor of an earlier answer" })
      .optional(),
  }),
  status: 200,
  answer: z.strictObject({ plans: z.array(plan), next_cursor: nextCursor }),
  errors: [],
  example: { answer: { plans: [SAMPLE], next_cursor: null } },
});

export const getPlan = endpoint({
  ...each,
  operationId: "getPlan",
  method: "GET",
  path: "/api/v1/plans/{name}",
  summary: "A plan.",
  status: 200,
  answer: plan,
  etag: true,
  errors: ["NOT_FOUND"],
  example: { params: { name: "free" }, answer: SAMPLE },
});

const onUser = { ...each, params: holderParams, path: "/api/v1/users/{id}/plan" } as const;
const onCustomer = { ...each, params: holderParams, path: "/api/v1/customers/{id}/plan" } as const;
const ON_FREE = { body: { plan: "free" }, answer: { plan: "free" } };

export const assignUserPlan = endpoint({
  ...onUser,
  operationId: "assignUserPlan",
  method: "PUT",
  summary: "Put a user on a plan, from the next call on. It goes before the customer's plan and x-tollhouse-plan.",
  body: ASSIGN,
  status: 200,
  answer: assigned,
  errors: ["SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { params: { id: "alice" }, ...ON_FREE },
});

export const getUserPlan = endpoint({
  ...onUser,
  operationId: "getUserPlan",
  method: "GET",
  summary: "The plan that a user was put on.",
  status: 200,
  answer: assigned,
  errors: ["NOT_FOUND"],
  example: { params: { id: "alice" }, answer: { plan: "free" } },
});

export const unassignUserPlan = endpoint({
  ...onUser,
  operationId: "unassignUserPlan",
  method: "DELETE",
  summary: "Take a user off their plan.",
  status: 204,
  errors: ["NOT_FOUND", "SPOOL_UNAVAILABLE"],
  example: { params: { id: "alice" } },
});

export const assignCustomerPlan = endpoint({
  ...onCustomer,
  operationId: "assignCustomerPlan",
  method: "PUT",
  summary: "Put a customer on a plan, from the next call on. It goes before x-tollhouse-plan.",
  body: ASSIGN,
  status: 200,
  answer: assigned,
  errors: ["SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { params: { id: "acme" }, ...ON_FREE },
});

export const getCustomerPlan = endpoint({
  ...onCustomer,
  operationId: "getCustomerPlan",
  method: "GET",
  summary: "The plan that a customer was put on.",
  status: 200,
  answer: assigned,
  errors: ["NOT_FOUND"],
  example: { params: { id: "acme" }, answer: { plan: "free" } },
});

export const unassignCustomerPlan = endpoint({
  ...onCustomer,
  operationId: "unassignCustomerPlan",
  method: "DELETE",
  summary: "Take a customer off their plan.",
  status: 204,
  errors: ["NOT_FOUND", "SPOOL_UNAVAILABLE"],
  example: { params: { id: "acme" } },
});

export const deletePlan = endpoint({
  ...each,
  operationId: "deletePlan",
  method: "DELETE",
  path: "/api/v1/plans/{name}",
  summary: "Delete a plan. Refused while a policy is attached to it, or anybody is on it.",
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE"],
  example: { params: { name: "free" } },
});

/** The last deletes what the others need. */
export const PLAN_ENDPOINTS: readonly Endpoint[] = [
  putPlan,
  listPlans,
  getPlan,
  assignUserPlan,
  getUserPlan,
  unassignUserPlan,
  assignCustomerPlan,
  getCustomerPlan,
  unassignCustomerPlan,
  deletePlan,
];
