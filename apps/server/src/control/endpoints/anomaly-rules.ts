import {
  ANOMALY_ACTIONS,
  ANOMALY_KINDS,
  ANOMALY_PER,
  anomalyRuleCreateSchema,
  anomalyRuleUpdateSchema,
  type AnomalyRuleAnswer,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { time } from "./fields.ts";

const triggered = z
  .strictObject({
    calls: z.int().min(0).meta({ description: "Calls that triggered it since this process started." }),
    last: z.array(z.strictObject({ at: time, decision: z.string(), scope: z.string() })).meta({
      description:
        "The newest first, one a scope and window. In memory: the audit and the blocked calls are what stays.",
    }),
  })
  .meta({ id: "AnomalyTriggered" });

const rule: z.ZodType<AnomalyRuleAnswer> = z
  .strictObject({
    id: z.string(),
    kind: z.enum(ANOMALY_KINDS).meta({
      description:
        "`loop`: the same request so often in a row. `burst`: so many requests. `velocity`: so many dollars a minute, of calls that ended and of open ones.",
    }),
    per: z.enum(ANOMALY_PER).meta({ description: "Whose calls are counted together: each value of it by itself." }),
    threshold: z.string().meta({
      description: "Triggers when it is reached: requests, of `velocity` dollars a minute.",
    }),
    window_seconds: z.int().min(1).meta({
      description: "Slides in twentieths: up to a twentieth more of the past may count, and never less.",
    }),
    action: z.enum(ANOMALY_ACTIONS).meta({
      description:
        "`alert`: said in log and metrics, and the call goes on. `block`: refused for as long as it lasts; refused requests count too. `freeze`: the call's session is frozen and its running calls are ended; without a session as `block`.",
    }),
    freeze_seconds: z.int().min(1).nullable().meta({ description: "null = until somebody unfreezes the session." }),
    version: z.int().min(1),
    triggered,
  })
  .meta({ id: "AnomalyRule" });

const create = anomalyRuleCreateSchema.meta({ id: "AnomalyRuleCreate" });
const update = anomalyRuleUpdateSchema.meta({ id: "AnomalyRuleUpdate" });
const params = z.strictObject({ id: z.string().max(64) });
const ID = "anr_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b";
const SAMPLE = {
  id: ID,
  kind: "loop",
  per: "session",
  threshold: "5",
  window_seconds: 60,
  action: "freeze",
  freeze_seconds: 600,
  version: 1,
  triggered: { calls: 0, last: [] },
};

export const createAnomalyRule = endpoint({
  operationId: "createAnomalyRule",
  method: "POST",
  path: "/api/v1/anomaly-rules",
  tag: "anomalies",
  summary: "Make an anomaly rule. It counts the calls that come from now on.",
  keys: true,
  query: environmentQuery,
  body: create,
  status: 201,
  answer: rule,
  etag: true,
  errors: ["SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    body: { kind: "loop", per: "session", threshold: "5", window_seconds: 60, action: "freeze", freeze_seconds: 600 },
    answer: SAMPLE,
  },
});

export const listAnomalyRules = endpoint({
  operationId: "listAnomalyRules",
  method: "GET",
  path: "/api/v1/anomaly-rules",
  tag: "anomalies",
  summary: "All anomaly rules, the oldest first. There are none until somebody makes one.",
  keys: true,
  query: environmentQuery,
  status: 200,
  answer: z.strictObject({ anomaly_rules: z.array(rule) }),
  errors: [],
  example: { answer: { anomaly_rules: [SAMPLE] } },
});

export const getAnomalyRule = endpoint({
  operationId: "getAnomalyRule",
  method: "GET",
  path: "/api/v1/anomaly-rules/{id}",
  tag: "anomalies",
  summary: "An anomaly rule, and when it was triggered last.",
  keys: true,
  params,
  query: environmentQuery,
  status: 200,
  answer: rule,
  etag: true,
  errors: ["NOT_FOUND"],
  example: {
    params: { id: ID },
    answer: {
      ...SAMPLE,
      triggered: {
        calls: 1,
        last: [
          {
            at: "2026-11-21T09:30:00.000Z",
            decision: "dec_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b",
            scope: "session:run-42",
          },
        ],
      },
    },
  },
});

export const updateAnomalyRule = endpoint({
  operationId: "updateAnomalyRule",
  method: "PUT",
  path: "/api/v1/anomaly-rules/{id}",
  tag: "anomalies",
  summary:
    "Change threshold, window or action, in force at once. Another window begins with nothing counted; a lost update is refused (409 or 412).",
  keys: true,
  params,
  query: environmentQuery,
  body: update,
  status: 200,
  answer: rule,
  etag: true,
  ifMatch: true,
  errors: ["NOT_FOUND", "VERSION_CONFLICT", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: {
    params: { id: ID },
    body: { threshold: "8", action: "block", version: 1 },
    answer: { ...SAMPLE, threshold: "8", action: "block", freeze_seconds: null, version: 2 },
  },
});

export const deleteAnomalyRule = endpoint({
  operationId: "deleteAnomalyRule",
  method: "DELETE",
  path: "/api/v1/anomaly-rules/{id}",
  tag: "anomalies",
  summary: "Remove an anomaly rule. Sessions that it froze stay frozen.",
  keys: true,
  params,
  query: environmentQuery,
  status: 204,
  ifMatch: true,
  errors: ["NOT_FOUND", "PRECONDITION_FAILED", "SPOOL_UNAVAILABLE"],
  example: { params: { id: ID } },
});

export const ANOMALY_RULE_ENDPOINTS: readonly Endpoint[] = [
  createAnomalyRule,
  listAnomalyRules,
  getAnomalyRule,
  updateAnomalyRule,
  deleteAnomalyRule,
];
