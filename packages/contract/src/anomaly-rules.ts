import { z } from "zod";
import type { Dimension } from "./dimensions.ts";

/** Step 8 of a decision, in the order in which it looks. */
export const ANOMALY_KINDS = ["loop", "burst", "velocity"] as const;
export type AnomalyKind = (typeof ANOMALY_KINDS)[number];

/** Whose calls a rule counts together: each value of this dimension by itself. */
export const ANOMALY_PER = ["session", "agent", "user"] as const satisfies readonly Dimension[];
export type AnomalyPer = (typeof ANOMALY_PER)[number];

export const ANOMALY_ACTIONS = ["alert", "freeze", "block"] as const;
export type AnomalyAction = (typeof ANOMALY_ACTIONS)[number];

/** Of an environment: each rule is looked at by every call, and remembers its own scopes. */
export const ANOMALY_RULES_MAX = 20;

export interface AnomalyRuleCreate {
  kind: AnomalyKind;
  per: AnomalyPer;
  /** The rule triggers when this is reached: requests as a whole number, of `velocity` dollars a minute. A decimal string. */
  threshold: string;
  window_seconds: number;
  action: AnomalyAction;
  /** Seconds; only with `freeze`. Left out: until somebody unfreezes the session. */
  freeze_seconds?: number | undefined;
}

export interface AnomalyRuleUpdate {
  threshold?: string | undefined;
  window_seconds?: number | undefined;
  action?: AnomalyAction | undefined;
  /** null = until somebody unfreezes the session. */
  freeze_seconds?: number | null | undefined;
  version?: number | undefined;
}

/** When a rule triggered last. In memory: a restart forgets it, the entries of frozen sessions and blocked calls stay. */
export interface AnomalyTriggered {
  at: string;
  decision: string;
  /** Whose calls were counted: `session:run-42` */
  scope: string;
}

export interface AnomalyRuleAnswer {
  id: string;
  kind: AnomalyKind;
  per: AnomalyPer;
  threshold: string;
  window_seconds: number;
  action: AnomalyAction;
  freeze_seconds: number | null;
  version: number;
  /** Calls that triggered it since the process started or the rule was made; the last ones first. */
  triggered: { calls: number; last: AnomalyTriggered[] };
}

const WINDOW_MAX = 3_600;
const VELOCITY_WINDOW_MIN = 60;
const REQUESTS_MIN = 2n;
const REQUESTS_MAX = 1_000_000n;
const FREEZE_MAX = 30 * 86_400;
const EXPECTED_THRESHOLD = 'expected a decimal string: requests such as "20", or dollars a minute such as "2.50"';

/** More than nine places, a sign or an exponent is no amount. */
const threshold = z.string({ error: EXPECTED_THRESHOLD }).regex(/^\d{1,7}(\.\d{1,9})?$/, { error: EXPECTED_THRESHOLD });
const windowSeconds = z
  .number({ error: "expected whole seconds" })
  .int({ error: "expected whole seconds" })
  .min(1, { error: "expected 1 second or more" })
  .max(WINDOW_MAX, { error: `expected at most ${WINDOW_MAX} seconds` });
const freezeSeconds = z
  .number({ error: "expected whole seconds" })
  .int({ error: "expected whole seconds" })
  .min(1, { error: "expected 1 second or more" })
  .max(FREEZE_MAX, { error: `expected at most ${FREEZE_MAX} seconds (30 days)` });

/** What is wrong with a rule as a whole, by field; null = nothing. Asked of a new rule, and of a changed one as it would be. */
export function anomalyRuleProblem(
  rule: Omit<AnomalyRuleCreate, "freeze_seconds"> & { freeze_seconds?: number | null | undefined },
): { field: keyof AnomalyRuleCreate; problem: string } | null {
  if (rule.kind === "velocity") {
    if (/^[0.]*$/.test(rule.threshold)) return { field: "threshold", problem: "expected more than 0 dollars a minute" };
    if (rule.window_seconds < VELOCITY_WINDOW_MIN)
      return { field: "window_seconds", problem: `expected ${VELOCITY_WINDOW_MIN} or more for dollars a minute` };
  } else if (!isRequests(rule.threshold))
    return {
      field: "threshold",
      problem: `expected a whole number of requests from ${REQUESTS_MIN} to ${REQUESTS_MAX}`,
    };
  if (rule.action !== "freeze" && (rule.freeze_seconds ?? null) !== null)
    return { field: "freeze_seconds", problem: "expected only with the action `freeze`" };
  return null;
}

function isRequests(text: string): boolean {
  return /^\d+$/.test(text) && BigInt(text) >= REQUESTS_MIN && BigInt(text) <= REQUESTS_MAX;
}

/** `POST /api/v1/anomaly-rules`. Unknown fields are rejected by name. */
export const anomalyRuleCreateSchema: z.ZodType<AnomalyRuleCreate> = z
  .strictObject({
    kind: z.enum(ANOMALY_KINDS),
    per: z.enum(ANOMALY_PER),
    threshold,
    window_seconds: windowSeconds,
    action: z.enum(ANOMALY_ACTIONS),
    freeze_seconds: freezeSeconds.optional(),
  })
  .superRefine((rule, context) => {
    const wrong = anomalyRuleProblem(rule);
    if (wrong !== null) context.addIssue({ code: "custom", path: [wrong.field], message: wrong.problem });
  });

/** `PUT /api/v1/anomaly-rules/{id}`: what is left out stays. Kind and `per` make another rule: delete it and make that one. */
export const anomalyRuleUpdateSchema: z.ZodType<AnomalyRuleUpdate> = z.strictObject({
  threshold: threshold.optional(),
  window_seconds: windowSeconds.optional(),
  action: z.enum(ANOMALY_ACTIONS).optional(),
  freeze_seconds: freezeSeconds.nullable().optional(),
  version: z.number().int().positive().optional(),
});
