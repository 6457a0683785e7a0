import {
  CODES,
  REHEARSAL_ASSUMPTIONS,
  rehearsalSchema,
  UNJUDGED,
  type ReasonCode,
  type Unjudged,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { dollars, sequence, time } from "./fields.ts";

const count = z.int().min(0);
const change = z
  .strictObject({
    decision: z.string(),
    sequence,
    time,
    model: z.string(),
    change: z.enum(["newly_blocked", "newly_allowed", "downgraded"]),
    reason_code: z
      .enum(Object.keys(CODES) as [ReasonCode])
      .nullable()
      .meta({ description: "Why it would be refused, or, where it would be allowed, was." }),
    policy: z.strictObject({ setting: z.string(), policy: z.string(), version: z.int().min(1) }).nullable(),
    limit: z
      .strictObject({ scope: z.string(), measure: z.string(), window: z.string(), amount: z.string() })
      .nullable(),
    to_model: z.string().nullable(),
    cost: dollars.nullable(),
    cost_then: dollars.nullable(),
  })
  .meta({ id: "RehearsedChange", description: "A call that would have ended otherwise." });

const byReason = <K extends string>(
  names: readonly K[],
): z.ZodType<{ calls: number; by_reason: Partial<Record<K, number>> }> =>
  z.strictObject({
    calls: count,
    by_reason: z.partialRecord(z.enum(names), count),
  }) as z.ZodType<{ calls: number; by_reason: Partial<Record<K, number>> }>;

const rehearsal = z
  .strictObject({
    environment: z.string(),
    from: time,
    to: time,
    policies: count.meta({ description: "That decided: those in force, with the draft." }),
    draft: z.strictObject({ id: z.string(), version: z.int().min(1) }).nullable(),
    calls: count,
    unchanged: count,
    newly_blocked: byReason(Object.keys(CODES) as ReasonCode[]),
    newly_allowed: count,
    downgraded: count,
    unjudged: byReason(Object.keys(UNJUDGED) as Unjudged[]).meta({
      description: "Calls of which nobody can say it. They are taken as they were, and never as allowed.",
    }),
    cost: z.strictObject({ recorded: dollars, not_spent: dollars, calls_without_cost: count }),
    changes: z.array(change).readonly(),
    changes_left_out: count,
    assumptions: z.array(z.string()).readonly(),
  })
  .meta({ id: "Rehearsal" });
export type RehearsalAnswer = z.infer<typeof rehearsal>;

const POLICY = {
  name: "no large models for everybody",
  attach: "default" as const,
  priority: 0,
  mode: "enforce" as const,
  models: { deny: ["gpt-4o"] },
};

export const rehearsePolicy = endpoint({
  operationId: "rehearsePolicy",
  method: "POST",
  path: "/api/v1/policies/rehearse",
  tag: "policies",
  summary:
    "Decide recorded calls once more with a policy that is not in force: what would have been refused, allowed or served by a cheaper model. Nothing is changed. With Accept: application/x-ndjson: a line for each change and how far it has come, the answer as the last one.",
  keys: true,
  query: environmentQuery,
  body: rehearsalSchema,
  status: 200,
  answer: rehearsal,
  errors: ["RATE_LIMITED", "DETAILS_PURGED", "REQUEST_TOO_LARGE"],
  example: {
    body: { policy: POLICY, from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z", limit: 100 },
    answer: {
      environment: "prod",
      from: "2026-11-20T00:00:00.000Z",
      to: "2026-11-21T00:00:00.000Z",
      policies: 3,
      draft: { id: "pol_draft", version: 1 },
      calls: 4821,
      unchanged: 4807,
      newly_blocked: { calls: 1, by_reason: { MODEL_NOT_ALLOWED: 1 } },
      newly_allowed: 0,
      downgraded: 0,
      unjudged: { calls: 13, by_reason: { usage_unknown: 13 } },
      cost: { recorded: "18.204410000", not_spent: "0.002350000", calls_without_cost: 0 },
      changes: [
        {
          decision: "dec_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b",
          sequence: 17,
          time: "2026-11-20T06:30:00.000Z",
          model: "gpt-4o",
          change: "newly_blocked",
          reason_code: "MODEL_NOT_ALLOWED",
          policy: { setting: "models.deny", policy: "pol_draft", version: 1 },
          limit: null,
          to_model: null,
          cost: "0.002350000",
          cost_then: "0.000000000",
        },
      ],
      changes_left_out: 0,
      assumptions: REHEARSAL_ASSUMPTIONS,
    },
  },
});
