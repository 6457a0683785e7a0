import { z } from "zod";
import { policyCreateSchema, type PolicyDocument } from "./policies.ts";

export const REHEARSAL_BOUNDS = { days: 30, changes: 1000 } as const;

/** `POST /api/v1/policies/rehearse`: recorded calls, decided once more with other policies. Nothing is changed by it. */
export interface RehearsalRequest {
  /**
   * What would be in force as well, as `enforce` whatever it says. null: nothing more; with `replaces`, as if that policy were deleted;
   * without, the policies in force are held against calls that were made before them.
   */
  policy: PolicyDocument | null;
  /** The policy in whose place the document would be: its next version. */
  replaces?: string | undefined;
  /** RFC 3339, at most 30 days apart, by the time a call was decided. Without `to`: now; without `from`: 7 days before `to`. */
  from?: string | undefined;
  to?: string | undefined;
  /** Calls that are told one by one; the sums are of all. */
  limit: number;
}

export const rehearsalSchema: z.ZodType<RehearsalRequest> = z.strictObject({
  policy: policyCreateSchema.nullable(),
  replaces: z
    .string()
    .regex(/^pol_[0-9A-Za-z_-]{1,64}$/, { error: "expected the id of a policy" })
    .optional(),
  from: z.iso.datetime({ error: "expected a time in UTC, such as `2026-11-21T07:00:00Z`" }).optional(),
  to: z.iso.datetime({ error: "expected a time in UTC, such as `2026-11-21T07:00:00Z`" }).optional(),
  limit: z.int().min(0).max(REHEARSAL_BOUNDS.changes).default(100),
});

/** Why a call cannot be judged. It is taken as it was, and never as allowed. */
export const UNJUDGED = {
  usage_unknown:
    "What it would have used is not recorded: it was refused, it failed, or its usage or price is not known",
  condition_unknown: "A condition of a policy looks at something that is not recorded",
  user_erased: "It names a user who was erased, and policies tell users apart",
  asked_model_unknown: "A policy had a cheaper model serve it; what the one asked for would have cost is not known",
  never_asked: "An SDK recorded it without a check: nobody asked whether it may be made",
  summarised: "Refused among so many in one second that only their number was kept",
} as const;
export type Unjudged = keyof typeof UNJUDGED;

/** What every rehearsal takes for granted; each is said in its answer. */
export const REHEARSAL_ASSUMPTIONS = [
  "Each call is held against what it used: its bounds and output cap are not recorded, so a call that could have used more may be refused where this says allowed, and one that Tollhouse would have cut short is told as refused.",
  "Limits count what calls used, in the order in which they were decided: what ran at the same time is not held.",
  "Limits, blocks, keys and anomaly rules that no policy gave are as they were: a call that one of them refused stays refused.",
  "A call that is not judged is counted as it was. One that would be allowed now is counted at what it asked for.",
  "Where a policy names a cheaper model, that one would have used as many tokens.",
  "The plan of a call is the recorded one; without one, whatever the user or the customer is on today.",
] as const;
