import {
  CODES,
  MEASURES,
  MODES,
  STEP_RESULTS,
  stepsOf,
  USAGE_CLASSES,
  WINDOWS,
  type DecisionAnswer,
  type DecisionPolicy,
  type DecisionPrice,
  type ReasonCode,
} from "@tollhouse/contract";
import { CALL_OUTCOMES } from "@tollhouse/store";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { amount, decisionParams, dimensions, dollars, hash, sequence, time, usage } from "./fields.ts";
import { EXAMPLE_DECISION } from "./reports.ts";

const reasonCode = z.enum(Object.keys(CODES) as [ReasonCode, ...ReasonCode[]]);
const text = z.string().nullable();

const moment = z
  .strictObject({
    version: z.int().min(1),
    mode: z.enum(MODES),
    amount,
    settled: amount,
    reserved: amount,
    remaining: amount,
    resets_at: time.nullable(),
  })
  .meta({ id: "LimitMoment", description: "A limit with its counter at one moment." });

const policyValues = z.array(z.strictObject({ setting: z.string(), policy: z.string(), version: z.int() }));
const policyChecks = z.array(z.strictObject({ step: z.int(), rule: z.string(), outcome: z.string() }));
const tokens = z.int().min(0).nullable();
const policy: z.ZodType<DecisionPolicy> = z
  .strictObject({
    plan: text,
    values: policyValues.meta({ description: "Each value in force, and the version of the policy that gave it." }),
    checks: policyChecks,
    conditions: z.array(z.strictObject({ policy: z.string(), version: z.int(), applies: z.string() })),
    alerts: z.array(z.string()).meta({ description: "Caps that the call was above, where a policy says `alert`." }),
    asked_model: text.meta({ description: "The model that the call came with, where a policy named a cheaper one." }),
    output_limit: tokens.meta({ description: "Output tokens a choice that a policy cut the call to." }),
    fail_mode: text,
    observed: z
      .strictObject({
        outcome: z.string(),
        reason_code: text,
        values: policyValues,
        checks: policyChecks,
        downgrade_to: text,
        output_limit: tokens,
      })
      .nullable()
      .meta({ description: "What would have been decided were the policies in `observe` enforced." }),
  })
  .meta({ id: "DecisionPolicy" });

const attempt = z
  .strictObject({
    by: z
      .enum(["gateway", "client"])
      .meta({ description: "`client`: it made the call itself, and told what was used." }),
    provider: text,
    served_model: text.meta({ description: "The model that answered, where the answer names it." }),
    tier: text.meta({ description: "The service tier, where the answer names it." }),
    status: z.int().nullable().meta({ description: "null = no answer came, or nobody told." }),
    provider_id: text.meta({ description: "The provider's id of the answer." }),
    latency_ms: z.int().min(0).nullable(),
  })
  .meta({ id: "DecisionAttempt", description: "One try at the provider." });

const priceLine = z.strictObject({
  class: z.enum(USAGE_CLASSES).nullable().meta({ description: "null: the fee of the call itself." }),
  units: z.int().min(0),
  price: z.string().meta({ description: "Pico-dollars a unit." }),
  factor: z.string().meta({ description: "What the service tier and the place multiply it by: `11/10`." }),
  amount: z.string().meta({ description: "Dollars with twelve places: their sum is rounded once." }),
});
const price: z.ZodType<DecisionPrice> = z
  .strictObject({
    version: z.string(),
    row: text.meta({ description: "null where the book that is in force now is another, or has none." }),
    lines: z.array(priceLine).nullable().meta({
      description:
        "null where no row gives this very cost: the provider named it, it is what was held, or nothing is known.",
    }),
  })
  .meta({ id: "DecisionPrice" });

const decision: z.ZodType<DecisionAnswer> = z
  .strictObject({
    decision: z.string(),
    time,
    allowed: z.boolean(),
    outcome: z.enum(CALL_OUTCOMES),
    reason_code: text.meta({ description: "Why it was blocked, cut or failed; null = it went through." }),
    title: text,
    next: text.meta({ description: "What to do next." }),
    environment: text,
    provider: text,
    model: text,
    endpoint: text,
    key: text,
    dimensions,
    steps: z.array(
      z.strictObject({
        step: z.int(),
        name: z.string(),
        result: z.enum(STEP_RESULTS),
        reason_code: reasonCode.nullable(),
      }),
    ),
    limits: z.array(
      z.strictObject({
        id: z.string(),
        scope: z.string(),
        measure: z.enum(MEASURES),
        window: z.enum(WINDOWS),
        deciding: z.boolean(),
        at_decision: moment,
        now: moment.nullable(),
      }),
    ),
    policy: policy.nullable(),
    anomaly_rule: text.meta({ description: "The anomaly rule that blocked it; null = none did." }),
    required: amount.nullable(),
    reserved: dollars.nullable(),
    attempts: z.array(attempt).meta({ description: "In their order; none where it was blocked." }),
    price: price.nullable(),
    usage: usage.nullable(),
    usage_source: text,
    cost: dollars.nullable(),
    doubt: text,
    entry: z.strictObject({ sequence, hash }),
  })
  .meta({ id: "Decision" });

const SPENT = { settled: "7.500000000", reserved: "0.000000000", remaining: "2.500000000", resets_at: null };

export const getDecision = endpoint({
  operationId: "getDecision",
  method: "GET",
  path: "/api/v1/decisions/{id}",
  tag: "decisions",
  summary: "Why a call was let through or blocked: each step, each limit then and now, and what to do next.",
  keys: true,
  params: decisionParams,
  status: 200,
  answer: decision,
  errors: ["NOT_FOUND", "DETAILS_PURGED"],
  example: {
    params: { id: EXAMPLE_DECISION },
    answer: {
      decision: EXAMPLE_DECISION,
      time: "2026-11-21T06:30:00.000Z",
      allowed: false,
      outcome: "blocked",
      reason_code: "BUDGET_EXCEEDED",
      title: CODES.BUDGET_EXCEEDED.title,
      next: CODES.BUDGET_EXCEEDED.next,
      environment: "prod",
      provider: "openai",
      model: "gpt-4o",
      endpoint: "chat_completions",
      key: null,
      dimensions: { session: "run-42" },
      steps: stepsOf("BUDGET_EXCEEDED", false),
      limits: [
        {
          id: "lim_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b",
          scope: "session:run-42",
          measure: "usd",
          window: "lifetime",
          deciding: true,
          at_decision: { version: 1, mode: "hard", amount: "10.000000000", ...SPENT },
          now: { version: 2, mode: "hard", amount: "40.000000000", ...SPENT, remaining: "32.500000000" },
        },
      ],
      policy: null,
      anomaly_rule: null,
      required: "5.000000000",
      reserved: null,
      attempts: [],
      price: null,
      usage: null,
      usage_source: null,
      cost: "0.000000000",
      doubt: null,
      entry: { sequence: 18, hash: "a0".repeat(32) },
    },
  },
});
