import type { DecisionPolicy, PolicyCheck, PolicyValue } from "@tollhouse/contract";
import {
  failMode,
  isClampForbidden,
  onExceed,
  type DecidedBy,
  type Decision,
  type Limit,
  type ResolvedPolicy,
  type Ruling,
} from "@tollhouse/engine";

/** What policies decided for a call, as the rest of its life needs it. */
export interface PolicyDecision {
  readonly plan: string | null;
  /** Output tokens a choice that the call may go with; null = as many as it asks for. */
  readonly outputLimit: number | null;
  /** May Tollhouse not cut the output short? Then a call that does not fit whole is refused. */
  readonly clampForbidden: boolean;
  /** Would an exact count of the input change the decision? */
  readonly recount: boolean;
  /** A cheaper model for a call that exceeds a cap, or a budget; null = none. */
  readonly downgradeTo: string | null;
  /** null = no policy says: the installation's own setting holds. */
  readonly failMode: "closed" | "open" | null;
  /** The model that the call came with, where another serves it. */
  readonly askedModel: string | null;
  /** The limits that no policy gave. */
  readonly matched: readonly Limit[];
  /** What the decision is explained by later. */
  readonly decided: Decision;
}

export function policyDecision(
  decided: Decision,
  { enforced, call }: ResolvedPolicy,
  of: Pick<PolicyDecision, "matched" | "askedModel"> & { readonly choices: number },
): PolicyDecision {
  const exceeding = onExceed(enforced);
  const named = exceeding.action === "downgrade" ? exceeding.model : null;
  return {
    plan: call.plan,
    outputLimit: decided.outputLimit === null ? null : Math.floor(decided.outputLimit / of.choices),
    clampForbidden: isClampForbidden(enforced),
    recount: decided.block?.recount === true,
    downgradeTo: named?.toLowerCase() === call.model.toLowerCase() ? null : named,
    failMode: failMode(enforced),
    askedModel: of.askedModel,
    matched: of.matched,
    decided,
  };
}

/**
 * As the ledger has it (docs/ledger-format.md, field 56): policies by id and version alone, for their names and attachments may be those of
 * a user.
 */
function policyText(policy: PolicyDecision): string {
  const { decided } = policy;
  const recorded: RecordedPolicy = {
    values: decided.values.map(named),
    checks: checksOf(decided),
    ...(decided.conditions.length > 0 && {
      conditions: decided.conditions.map(({ giver, applies }) => [giver.policy, giver.version, applies]),
    }),
    ...(decided.alerts.length > 0 && { alerts: decided.alerts.map(({ code }) => code) }),
    ...(policy.outputLimit !== null && { output_limit: policy.outputLimit }),
    ...(policy.askedModel !== null && { asked_model: policy.askedModel }),
    ...(policy.failMode !== null && { fail_mode: policy.failMode }),
    ...(decided.observed !== null && { observed: observedOf(decided.observed) }),
  };
  return JSON.stringify(recorded);
}

/** Of an intent or a blocked record. Empty where no policy applied: nothing is allocated for those who have none. */
export function policyFields({ policy }: { readonly policy?: PolicyDecision | null }): PolicyFields {
  if (policy === null || policy === undefined) return NO_FIELDS;
  return { ...(policy.plan !== null && { plan: policy.plan }), policy: policyText(policy) };
}

interface PolicyFields {
  readonly plan?: string;
  readonly policy?: string;
}

const NO_FIELDS: PolicyFields = Object.freeze({});

function observedOf(ruling: Ruling): RecordedObserved {
  return {
    outcome: ruling.outcome,
    code: ruling.block?.code ?? null,
    values: ruling.values.map(named),
    checks: checksOf(ruling),
    downgrade_to: ruling.downgradeTo,
    output_limit: ruling.outputLimit,
  };
}

/** What a field 56 says, as the control API answers it; null where no policy applied. */
export function policyOf(recorded: string | undefined, plan: string | undefined): DecisionPolicy | null {
  if (recorded === undefined) return null;
  // Ours: the bytes are those of an entry whose hash and MAC are checked by the verifier.
  const said = JSON.parse(recorded) as RecordedPolicy;
  const { observed } = said;
  return {
    plan: plan ?? null,
    values: said.values.map(valueOf),
    checks: said.checks.map(checkOf),
    conditions: (said.conditions ?? []).map(([policy, version, applies]) => ({ policy, version, applies })),
    alerts: [...(said.alerts ?? [])],
    asked_model: said.asked_model ?? null,
    output_limit: said.output_limit ?? null,
    fail_mode: said.fail_mode ?? null,
    observed:
      observed === undefined
        ? null
        : {
            outcome: observed.outcome,
            reason_code: observed.code,
            values: observed.values.map(valueOf),
            checks: observed.checks.map(checkOf),
            downgrade_to: observed.downgrade_to,
            output_limit: observed.output_limit,
          },
  };
}

type Named = readonly [setting: string, policy: string, version: number];
type Check = readonly [step: number, rule: string, outcome: string];

interface RecordedObserved {
  readonly outcome: string;
  readonly code: string | null;
  readonly values: readonly Named[];
  readonly checks: readonly Check[];
  readonly downgrade_to: string | null;
  readonly output_limit: number | null;
}

interface RecordedPolicy {
  readonly values: readonly Named[];
  readonly checks: readonly Check[];
  readonly conditions?: readonly (readonly [policy: string, version: number, applies: string])[];
  readonly alerts?: readonly string[];
  readonly output_limit?: number;
  readonly asked_model?: string;
  readonly fail_mode?: string;
  readonly observed?: RecordedObserved;
}

function valueOf([setting, policy, version]: Named): PolicyValue {
  return { setting, policy, version };
}

function checkOf([step, rule, outcome]: Check): PolicyCheck {
  return { step, rule, outcome };
}

function named({ setting, giver }: DecidedBy): Named {
  return [setting, giver.policy, giver.version];
}

function checksOf({ steps }: Ruling): Check[] {
  return steps
    .filter(({ outcome }) => outcome !== "not_set")
    .map(({ step, rule, outcome }) => [step, rule, outcome] as const);
}
