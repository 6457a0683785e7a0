import type { Endpoint, ReasonCode, ScopeKind, Unjudged } from "@tollhouse/contract";
import {
  explain,
  onExceed,
  policyLimits,
  rate,
  resolve,
  type CounterIdOf,
  type DecidedBy,
  type Decision,
  type Giver,
  type Limit,
  type PolicyCall,
  type PriceBook,
  type Resolution,
  type ResolvedLimit,
} from "@tollhouse/engine";
import { exceededCode } from "../gateway/refusal.ts";
import { factsOf, isKnown, isSeen, needOf } from "./call-facts.ts";
import type { RehearsedPolicies } from "./draft-policies.ts";
import { tokensUsed, type RecordedCall } from "./recorded-call.ts";
import type { RehearsalCounters } from "./rehearsal-counters.ts";

/** How a call would have ended with the policies of a rehearsal. */
export type Judged =
  | { readonly outcome: "allowed"; readonly cheaper: CheaperModel | null }
  | {
      readonly outcome: "blocked";
      readonly code: ReasonCode;
      readonly by: DecidedBy | null;
      readonly limit: Limit | null;
    }
  | { readonly outcome: "unknown"; readonly why: Unjudged };

export interface CheaperModel {
  readonly model: string;
  /** Nano-dollars, had it used as many tokens. */
  readonly cost: bigint;
}

export interface JudgeParts {
  readonly policies: RehearsedPolicies;
  readonly counters: RehearsalCounters;
  readonly prices: PriceBook;
  /** The plan of a call whose entry names none, or who was put on the one that it names. */
  readonly planOf: (call: RecordedCall) => Pick<PolicyCall, "plan" | "planHolder">;
  /** Is this the id of the budget that every session has by default? */
  readonly isDefaultBudget: (id: string, session: string) => boolean;
}

const ALLOWED: Judged = { outcome: "allowed", cheaper: null };
/** Their model stands in a form that is not edited. */
const NOT_REWRITTEN: ReadonlySet<Endpoint> = new Set<Endpoint>(["audio_transcriptions", "audio_translations"]);

/**
 * Decides a recorded call once more, with the rules of the engine. What was decided by words that still stand is not decided again: its
 * bounds, which are not recorded, were looked at then. What depends on anything else that is not recorded is unknown.
 */
export class Judge {
  readonly #parts: JudgeParts;
  readonly #telling: boolean;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#telling = tellsUsers(parts.policies);
  }

  judge(call: RecordedCall): Judged {
    if (!call.asked) return unknown("never_asked");
    if (call.user?.lookup === null && this.#telling) return unknown("user_erased");
    if (call.end === "blocked" && !this.#wasByPolicy(call)) return blockedAsBefore(call);
    if (call.policy !== null && call.policy.asked_model !== null && call.end !== "blocked")
      return this.#judgeDowngraded(call, call.policy.asked_model);
    return this.#judgeAs(call, call.model, call.cost, true);
  }

  /** The call as rules see it, so that it is counted where it would be. */
  policyCall(call: RecordedCall, model: string, cost: bigint | null): PolicyCall {
    const { input, output } = tokensUsed(call);
    return {
      dimensions: call.dimensions,
      ...this.#parts.planOf(call),
      model,
      provider: call.provider,
      endpoint: call.endpoint,
      key: call.key,
      estimatedCost: cost,
      inputTokens: input,
      outputTokens: output,
    };
  }

  /** A policy put a cheaper model in the place of the one it asked for: stays so where that still stands. */
  #judgeDowngraded(call: RecordedCall, asked: string): Judged {
    const of = this.policyCall(call, asked, null);
    const resolved = resolve(this.#parts.policies.snapshot, of, (giver) => this.#unreadable(call, giver));
    const lists = { ...resolved.enforced, values: withoutCaps(resolved.enforced), limits: [] };
    const { block } = explain({
      ...BARE,
      facts: factsOf(of),
      policy: { ...resolved, enforced: lists, observed: null },
    });
    if (block !== null)
      return isCertain(block.decidedBy, resolved.conditions)
        ? { outcome: "blocked", code: block.code, by: block.decidedBy ?? null, limit: null }
        : unknown("condition_unknown");
    const exceeding = onExceed(resolved.enforced);
    const stands = exceeding.action === "downgrade" && exceeding.model.toLowerCase() === call.model.toLowerCase();
    return stands ? this.#judgeAs(call, call.model, call.cost, false) : unknown("asked_model_unknown");
  }

  #judgeAs(call: RecordedCall, model: string, cost: bigint | null, mayDowngrade: boolean): Judged {
    const of = this.policyCall(call, model, cost);
    const resolved = resolve(this.#parts.policies.snapshot, of, (giver) => this.#condition(call, giver));
    const enforced = this.#untried(call, resolved.enforced);
    const facts = factsOf(of);
    const decided = explain({
      facts,
      priceKnown: call.priced || model !== call.model,
      limits: [],
      policy: { ...resolved, enforced, observed: null },
    });
    const { block } = decided;
    const first =
      block === null
        ? this.#judgeLimits(call, of, resolved.enforced, facts.free)
        : this.#judgeBlock(call, decided, block.code, block.decidedBy ?? null);
    const exceeds =
      first.outcome === "blocked" && (first.code === "REQUEST_COST_CAP" || first.code === "BUDGET_EXCEEDED");
    return exceeds && mayDowngrade ? this.#downgrade(call, resolved.enforced, first) : first;
  }

  #judgeBlock(call: RecordedCall, decided: Decision, code: ReasonCode, by: DecidedBy | null): Judged {
    if (!isCertain(by ?? undefined, decided.conditions)) return unknown("condition_unknown");
    const cap = decided.steps.at(-1);
    const known = cap?.step !== CAPS_STEP || isKnown(call, cap.rule) || this.#cappedBefore(call, cap.rule, cap.by);
    return known ? { outcome: "blocked", code, by, limit: null } : unknown("usage_unknown");
  }

  #judgeLimits(call: RecordedCall, of: PolicyCall, enforced: Resolution, free: boolean): Judged {
    if (free) return ALLOWED;
    const idOf = idOfCall(call);
    const untried = new Set(policyLimits(this.#untried(call, enforced), of, idOf).map(({ id }) => id));
    let doubt = false;
    for (const limit of policyLimits(enforced, of, idOf)) {
      if (limit.mode === "soft") continue;
      const fits = this.#fits(call, of, limit, call.end !== "blocked" && !untried.has(limit.id));
      if (fits === "unknown") doubt = true;
      if (fits !== "no") continue;
      const given = enforced.limits.find((one) => isOf(one, limit));
      if (given?.certain !== true) return unknown("condition_unknown");
      const by: DecidedBy = { setting: "limits", giver: given.giver };
      return { outcome: "blocked", code: exceededCode(limit.measure), by, limit };
    }
    if (call.end === "blocked")
      doubt ||= call.limits.some((seen) => seen.mode === "hard" && !this.#isOfPolicy(call, seen));
    return doubt ? unknown("usage_unknown") : ALLOWED;
  }

  #fits(call: RecordedCall, of: PolicyCall, limit: Limit, passed: boolean): "yes" | "no" | "unknown" {
    const sum = this.#parts.counters.at(limit, call.timeMs);
    // It passed this very limit, and nothing counts more on it than did then.
    if (passed && !sum.atLeast && sum.rehearsed <= sum.recorded) return "yes";
    const { refusedBy } = call;
    const again =
      refusedBy !== null &&
      this.#isOfPolicy(call, refusedBy) &&
      isSeen(refusedBy, limit, call.timeMs) &&
      limit.amount <= refusedBy.amount;
    // And the other way round: it did not fit, and nothing less is counted.
    if (again && sum.rehearsed >= sum.recorded) return "no";
    const { least, most } = needOf(call, of, limit.measure);
    if (sum.rehearsed + least > limit.amount) return "no";
    return most !== null && !sum.atLeast && sum.rehearsed + most <= limit.amount ? "yes" : "unknown";
  }

  #downgrade(call: RecordedCall, enforced: Resolution, first: Judged): Judged {
    const exceeding = onExceed(enforced);
    if (exceeding.action !== "downgrade" || NOT_REWRITTEN.has(call.endpoint)) return first;
    // It was refused although this very policy named that model.
    const named = enforced.values.on_exceed?.[0]?.giver;
    if (call.end === "blocked" && named !== undefined && this.#stood(call, "on_exceed", named)) return first;
    const { model } = exceeding;
    if (model.toLowerCase() === call.model.toLowerCase()) return first;
    const row = this.#parts.prices.find(call.provider, model, call.timeMs);
    const cost = row === null || call.usage === null ? null : rate(call.usage, row, { tier: call.tier, geo: call.geo });
    if (cost === null) return unknown("usage_unknown");
    const second = this.#judgeAs(call, model, cost, false);
    if (second.outcome === "allowed") return { outcome: "allowed", cheaper: { model, cost } };
    return second.outcome === "blocked" ? first : second;
  }

  /** Without the caps and limits that the call was held against in the same words, and passed. */
  #untried(call: RecordedCall, { values, limits }: Resolution): Resolution {
    const left = Object.entries(values).flatMap(([name, given]) => {
      const passed = CAPS.has(name) && passedCap(call, name);
      const kept = passed ? given.filter(({ giver }) => !this.#stood(call, name, giver)) : given;
      return kept.length === 0 ? [] : [[name, kept] as const];
    });
    return {
      values: Object.fromEntries(left),
      limits: limits.filter(({ giver }) => !this.#stood(call, "limits", giver)),
    };
  }

  #cappedBefore(call: RecordedCall, rule: string, by: readonly DecidedBy[]): boolean {
    const refused = call.policy?.checks.some((check) => check.rule === rule && check.outcome === "blocked");
    return refused === true && by.some(({ setting, giver }) => this.#stood(call, setting, giver));
  }

  /** Was this value one of those that the call was decided by? */
  #stood({ policy }: RecordedCall, setting: string, giver: Giver): boolean {
    const version = this.#recordedVersion(giver, setting);
    return (
      policy?.values.some(
        (one) => one.setting === setting && one.policy === giver.policy && one.version === version,
      ) === true
    );
  }

  #condition(call: RecordedCall, giver: Giver): "yes" | "no" | "unknown" | null {
    const version = this.#recordedVersion(giver, "when");
    const known = call.policy?.conditions.find((one) => one.policy === giver.policy && one.version === version);
    return known === undefined ? this.#unreadable(call, giver) : (known.applies as "yes" | "no" | "unknown");
  }

  /** A condition on users says nothing of one whose name is not kept. */
  #unreadable({ user }: RecordedCall, giver: Giver): "unknown" | null {
    return user !== null && user.name === null && namesUser(this.#parts.policies, giver.policy) ? "unknown" : null;
  }

  /** The version that an entry names where it means these words; null = none. */
  #recordedVersion({ policy, version }: Giver, setting: string): number | null {
    const { replaced } = this.#parts.policies;
    if (policy !== replaced?.id) return version;
    return replaced.same.has(setting) ? replaced.version : null;
  }

  #wasByPolicy(call: RecordedCall): boolean {
    if (call.refusedBy !== null) return this.#isOfPolicy(call, call.refusedBy);
    return call.policy?.checks.some(({ outcome }) => outcome === "blocked") === true;
  }

  /** Ids of policies' counters and of default budgets are shorter than those of limits that somebody made. */
  #isOfPolicy(
    { dimensions }: RecordedCall,
    { limitId, scope }: { readonly limitId: string; readonly scope: ScopeKind },
  ): boolean {
    if (limitId.length !== DERIVED_ID_LENGTH) return false;
    return scope !== "session" || !this.#parts.isDefaultBudget(limitId, dimensions.session ?? "");
  }
}

const DERIVED_ID_LENGTH = "lim_".length + 26;
const CAPS_STEP = 6;
const CAPS: ReadonlySet<string> = new Set(["caps.cost", "caps.input_tokens", "caps.output_tokens"]);
const BARE = { priceKnown: true, limits: [] } as const;

/** The counter of a limit in a rehearsal: of a user the lookup, which stays the same where the readable id is not kept. */
export function idOfCall({ user }: Pick<RecordedCall, "user">): CounterIdOf {
  return (slot, scope, value) => counterId(slot, scope, scope === "user" ? (user?.lookup ?? value) : value);
}

export function counterId(slot: string, scope: ScopeKind, value: string): string {
  return `${slot} ${scope}:${value}`;
}

function tellsUsers({ documents }: RehearsedPolicies): boolean {
  return [...documents.values()].some(
    ({ attach, limits = [], when = "" }) =>
      (attach !== "default" && (attach.user !== undefined || (attach.plan !== undefined && limits.length > 0))) ||
      limits.some(({ scope }) => scope === "user") ||
      USER.test(when),
  );
}

const USER = /\buser\b/;

function namesUser({ documents }: RehearsedPolicies, policy: string): boolean {
  return USER.test(documents.get(policy)?.when ?? "");
}

function isCertain(by: DecidedBy | undefined, conditions: Decision["conditions"]): boolean {
  return !conditions.some(
    ({ giver, applies }) =>
      applies === "unknown" && giver.policy === by?.giver.policy && giver.version === by.giver.version,
  );
}

/** A call that was let through passed them all; of one that was refused, its entry says which. */
function passedCap({ end, policy }: RecordedCall, name: string): boolean {
  const rule = name.slice("caps.".length);
  return (
    end !== "blocked" || policy?.checks.some((check) => check.rule === rule && check.outcome === "passed") === true
  );
}

function withoutCaps({ values }: Resolution): Resolution["values"] {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !CAPS.has(name)));
}

function isOf({ value, scope }: ResolvedLimit, limit: Limit): boolean {
  const { measure, window, timeZone, mode, amount } = value;
  const same = measure === limit.measure && window === limit.window && timeZone === limit.timeZone;
  return same && mode === limit.mode && amount === limit.amount && (limit.scope.split(":", 1)[0] as string) === scope;
}

function blockedAsBefore({ reason }: RecordedCall): Judged {
  return { outcome: "blocked", code: reason ?? "INTERNAL", by: null, limit: null };
}

function unknown(why: Unjudged): Judged {
  return { outcome: "unknown", why };
}
