import { z } from "zod";
import { DIMENSION_VALUE_LENGTH_MAX, isDimensionValue, type ScopeKind, SCOPE_KINDS } from "./dimensions.ts";
import {
  limitAmountSchema,
  MEASURES,
  MODES,
  timeZoneSchema,
  WINDOWS,
  type LimitMode,
  type Measure,
  type WindowKind,
} from "./limits.ts";

export const POLICY_MODES = ["enforce", "observe"] as const;
export type PolicyMode = (typeof POLICY_MODES)[number];

/** What a policy may be attached to, most specific first: the order in which its settings win. */
export const POLICY_LEVELS = ["user", "feature", "plan", "default"] as const;
export type PolicyLevel = (typeof POLICY_LEVELS)[number];

/** Bounds that keep the worst policy cheap to compile and to look at on every call. */
export const POLICY_BOUNDS = {
  nameLength: 128,
  globs: 100,
  globLength: 128,
  limits: 32,
  conditionLength: 1024,
  priority: 1000,
  capTokens: 1_000_000_000,
} as const;

/** Exactly one of them, or the text `default`. */
export type PolicyAttachment =
  | { user?: string | undefined; feature?: string | undefined; plan?: string | undefined }
  | "default";

/** Globs: `*` any text, `?` one character, `{a,b}` one of them. Where both are given, both must hold. */
export interface PolicyList {
  allow?: string[] | undefined;
  /** Final: no other policy can allow again what one that applies denies. To be overridable, write it as `allow`. */
  deny?: string[] | undefined;
}

/** Of one call: US dollars as a decimal string, whole tokens. All choices of an answer together. */
export interface PolicyCaps {
  cost?: string | undefined;
  input_tokens?: number | undefined;
  output_tokens?: number | undefined;
}

export interface PolicyLimit {
  measure: Measure;
  amount: string;
  window: WindowKind;
  mode: LimitMode;
  time_zone?: string | undefined;
  /**
   * Which value of the call it counts on: `session` = each session for itself, `org` = all calls together. Without one: what the
   * policy is attached to (user, feature; for a plan whoever is on it). A policy for all must say it.
   */
  scope?: ScopeKind | undefined;
}

/** A hard limit stays hard: `alert` lets a call pass its caps, never a hard limit. */
export type OnExceed = { action: "block" } | { action: "downgrade"; model: string } | { action: "alert" };

/** `POST /api/v1/policies`. A setting that is missing is not set: a less specific policy may give it. */
export interface PolicyDocument {
  name: string;
  attach: PolicyAttachment;
  /** Decides among policies attached to the same; the higher wins, then the newest. */
  priority: number;
  mode: PolicyMode;
  /** Case does not matter: providers take model ids in any. */
  models?: PolicyList | undefined;
  providers?: PolicyList | undefined;
  endpoints?: PolicyList | undefined;
  features?: PolicyList | undefined;
  caps?: PolicyCaps | undefined;
  limits?: PolicyLimit[] | undefined;
  /** May Tollhouse set the provider's own output limit, where a call names none, rather than refuse it? */
  output_clamp?: "allowed" | "forbidden" | undefined;
  fail_mode?: "closed" | "open" | undefined;
  on_exceed?: OnExceed | undefined;
  /** CEL, true where the policy applies. */
  when?: string | undefined;
}

/** One version of a policy, as it is stored and answered. */
export interface PolicyVersion extends PolicyDocument {
  /** `pol_…` */
  id: string;
  version: number;
  /** RFC 3339, UTC: when this version was made. */
  created_at: string;
}

const dimensionValue = z.string().refine(isDimensionValue, {
  error: `expected 1 to ${DIMENSION_VALUE_LENGTH_MAX} characters without control characters`,
});

const glob = z
  .string()
  .min(1, { error: "expected a glob, such as `gpt-4o*`" })
  .max(POLICY_BOUNDS.globLength, { error: `expected at most ${POLICY_BOUNDS.globLength} characters` })
  .refine(isDimensionValue, { error: "expected a glob without control characters, such as `gpt-4o*`" });

const globs = z
  .array(glob)
  .min(1, { error: 'expected at least one glob; to allow nothing, deny "*"' })
  .max(POLICY_BOUNDS.globs, { error: `expected at most ${POLICY_BOUNDS.globs} globs` });

const list = z.strictObject({ allow: globs.optional(), deny: globs.optional() });

/** The three in one object, so that an unknown field is named; a union of three would only say that none of them fits. */
const attachment = z.union(
  [
    z.literal("default"),
    z
      .strictObject({
        user: dimensionValue.optional(),
        feature: dimensionValue.optional(),
        plan: dimensionValue.optional(),
      })
      .refine((given) => Object.values(given).filter((value) => value !== undefined).length === 1, {
        error: "expected exactly one of user, feature, plan",
      }),
  ],
  { error: 'expected {"user": "…"}, {"feature": "…"}, {"plan": "…"} or "default"' },
);

const capTokens = z.number().int().min(0).max(POLICY_BOUNDS.capTokens);

const policyLimit = z
  .strictObject({
    measure: z.enum(MEASURES),
    amount: limitAmountSchema,
    window: z.enum(WINDOWS),
    mode: z.enum(MODES),
    time_zone: timeZoneSchema.optional(),
    scope: z.enum(["org", ...SCOPE_KINDS]).optional(),
  })
  .superRefine((limit, context) => {
    if (limit.measure !== "usd" && limit.amount.includes("."))
      context.addIssue({ code: "custom", path: ["amount"], message: `expected a whole number of ${limit.measure}` });
  });

const onExceed = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("block") }),
  z.strictObject({ action: z.literal("downgrade"), model: dimensionValue }),
  z.strictObject({ action: z.literal("alert") }),
]);

const DOCUMENT = {
  name: z.string().min(1).max(POLICY_BOUNDS.nameLength),
  attach: attachment,
  priority: z.number().int().min(-POLICY_BOUNDS.priority).max(POLICY_BOUNDS.priority),
  mode: z.enum(POLICY_MODES),
  models: list.optional(),
  providers: list.optional(),
  endpoints: list.optional(),
  features: list.optional(),
  caps: z
    .strictObject({
      cost: limitAmountSchema.optional(),
      input_tokens: capTokens.optional(),
      output_tokens: capTokens.optional(),
    })
    .optional(),
  limits: z.array(policyLimit).min(1).max(POLICY_BOUNDS.limits).optional(),
  output_clamp: z.enum(["allowed", "forbidden"]).optional(),
  fail_mode: z.enum(["closed", "open"]).optional(),
  on_exceed: onExceed.optional(),
  when: z.string().min(1).max(POLICY_BOUNDS.conditionLength).optional(),
};

/** Unknown fields are rejected by name. Globs and conditions are read by `compilePolicy` of the engine, which names them too. */
export const policyCreateSchema: z.ZodType<PolicyDocument> = z.strictObject(DOCUMENT).superRefine(checkLimits);

export const policyVersionSchema: z.ZodType<PolicyVersion> = z
  .strictObject({
    ...DOCUMENT,
    id: z.string().regex(/^pol_[0-9A-Za-z_-]{1,64}$/, { error: "expected an id that starts with `pol_`" }),
    version: z.number().int().positive(),
    created_at: z.iso.datetime({ error: "expected a time in UTC, such as `2026-11-21T07:00:00Z`" }),
  })
  .superRefine(checkLimits);

function checkLimits(policy: PolicyDocument, context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [i, { measure, window, mode, scope }] of (policy.limits ?? []).entries()) {
    if (policy.attach === "default" && scope === undefined)
      context.addIssue({
        code: "custom",
        path: ["limits", i, "scope"],
        message: 'expected what it counts on, such as "user" or "org": a policy for all has no scope of its own',
      });
    const slot = `${measure} ${window} ${mode} ${scope ?? ""}`;
    if (seen.has(slot))
      context.addIssue({
        code: "custom",
        path: ["limits", i],
        message: "the same measure, window, mode and scope twice",
      });
    seen.add(slot);
  }
}
