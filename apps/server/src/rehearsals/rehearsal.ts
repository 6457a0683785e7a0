import type { ReasonCode, Unjudged } from "@tollhouse/contract";
import { countedLimits, formatNano, type Limit, type PolicyCall } from "@tollhouse/engine";
import { formatMeasure } from "../gateway/refusal.ts";
import { needOf } from "./call-facts.ts";
import { idOfCall, Judge, type Judged, type JudgeParts } from "./judge-call.ts";
import type { RecordedCall } from "./recorded-call.ts";

/** A call that would have ended otherwise. */
export interface RehearsedChange {
  readonly decision: string;
  readonly sequence: number;
  readonly time: string;
  readonly model: string;
  readonly change: "newly_blocked" | "newly_allowed" | "downgraded";
  /** Why it was refused, or would be; null: it was let through, and would be. */
  readonly reason_code: ReasonCode | null;
  /** The value that would refuse it, and who gives it; null: none would. */
  readonly policy: { readonly setting: string; readonly policy: string; readonly version: number } | null;
  readonly limit: {
    readonly scope: string;
    readonly measure: string;
    readonly window: string;
    readonly amount: string;
  } | null;
  /** The cheaper model that would serve it. */
  readonly to_model: string | null;
  /** Dollars; null: not known. */
  readonly cost: string | null;
  readonly cost_then: string | null;
}

export interface RehearsalSums {
  readonly calls: number;
  readonly unchanged: number;
  readonly newly_blocked: { readonly calls: number; readonly by_reason: Readonly<Record<string, number>> };
  readonly newly_allowed: number;
  readonly downgraded: number;
  readonly unjudged: { readonly calls: number; readonly by_reason: Readonly<Record<string, number>> };
  /** Dollars. Of calls whose cost is not known nothing is in them. */
  readonly cost: {
    readonly recorded: string;
    readonly not_spent: string;
    readonly calls_without_cost: number;
  };
}

/** Recorded calls of one place, in the order in which they were decided, once more. */
export class Rehearsal {
  readonly #parts: JudgeParts;
  readonly #judge: Judge;
  readonly #blocked = new Map<string, number>();
  readonly #unjudged = new Map<string, number>();
  #calls = 0;
  #unchanged = 0;
  #allowed = 0;
  #downgraded = 0;
  #withoutCost = 0;
  #cost = 0n;
  #notSpent = 0n;

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    this.#judge = new Judge(parts);
  }

  /** null: it ends as it did, or nobody can say. */
  push(call: RecordedCall): RehearsedChange | null {
    const judged = this.#judge.judge(call);
    this.#calls++;
    this.#cost += call.cost ?? 0n;
    if (call.end === "settled" && call.cost === null) this.#withoutCost++;
    const change = changeOf(call, judged);
    this.#count(call, judged, change);
    this.#add(call, judged, change);
    return change === null ? null : told(call, judged, change);
  }

  /** Refused calls of which only the number was kept. */
  summarised(calls: number): void {
    this.#calls += calls;
    add(this.#unjudged, "summarised" satisfies Unjudged, calls);
  }

  /** A counter was set back, or an entry corrected. */
  moved(call: RecordedCall, usd: bigint, tokens: bigint): void {
    const amounts = { usd, tokens, requests: 0n };
    for (const limit of this.#counted(call, this.#judge.policyCall(call, call.model, null)))
      this.#parts.counters.add(limit, call.timeMs, amounts[limit.measure], amounts[limit.measure]);
  }

  sums(): RehearsalSums {
    return {
      calls: this.#calls,
      unchanged: this.#unchanged,
      newly_blocked: counts(this.#blocked),
      newly_allowed: this.#allowed,
      downgraded: this.#downgraded,
      unjudged: counts(this.#unjudged),
      cost: {
        recorded: formatNano(this.#cost),
        not_spent: formatNano(this.#notSpent),
        calls_without_cost: this.#withoutCost,
      },
    };
  }

  #count(call: RecordedCall, judged: Judged, change: Change | null): void {
    if (judged.outcome === "unknown") return add(this.#unjudged, judged.why, 1);
    switch (change) {
      case null:
        this.#unchanged++;
        return;
      case "newly_allowed":
        this.#allowed++;
        return;
      case "newly_blocked":
        add(this.#blocked, judged.outcome === "blocked" ? judged.code : "", 1);
        this.#notSpent += call.cost ?? 0n;
        return;
      case "downgraded":
        this.#downgraded++;
        if (judged.outcome === "allowed" && judged.cheaper !== null && call.cost !== null)
          this.#notSpent += call.cost - judged.cheaper.cost;
    }
  }

  #add(call: RecordedCall, judged: Judged, change: Change | null): void {
    if (call.end === "blocked" && change === null) return;
    const cheaper = judged.outcome === "allowed" ? judged.cheaper : null;
    const of = this.#judge.policyCall(call, cheaper?.model ?? call.model, cheaper?.cost ?? call.cost);
    for (const limit of this.#counted(call, of)) {
      const { measure } = limit;
      const recorded = call.used[measure];
      const then =
        change === "newly_blocked"
          ? 0n
          : change === "newly_allowed"
            ? needOf(call, of, measure).most
            : measure === "usd" && cheaper !== null
              ? cheaper.cost
              : recorded;
      this.#parts.counters.add(limit, call.timeMs, recorded, then);
    }
    // A counter of the model itself: what it was served by does not use it any more.
    if (cheaper !== null) this.#leaveModel(call);
  }

  #leaveModel(call: RecordedCall): void {
    for (const limit of this.#counted(call, this.#judge.policyCall(call, call.model, call.cost)))
      if (limit.scope.startsWith("model:")) this.#parts.counters.add(limit, call.timeMs, call.used[limit.measure], 0n);
  }

  #counted(call: RecordedCall, of: PolicyCall): readonly Limit[] {
    if (of.endpoint === "moderations") return [];
    return countedLimits(this.#parts.policies.snapshot, of, [], idOfCall(call));
  }
}

type Change = RehearsedChange["change"];

function changeOf(call: RecordedCall, judged: Judged): Change | null {
  if (judged.outcome === "unknown") return null;
  if (call.end === "blocked") return judged.outcome === "allowed" ? "newly_allowed" : null;
  if (judged.outcome === "blocked") return "newly_blocked";
  return judged.cheaper === null ? null : "downgraded";
}

function told(call: RecordedCall, judged: Judged, change: Change): RehearsedChange {
  const blocked = judged.outcome === "blocked" ? judged : null;
  const cheaper = judged.outcome === "allowed" ? judged.cheaper : null;
  const { by = null, limit = null } = blocked ?? {};
  return {
    decision: `dec_${call.decision}`,
    sequence: call.sequence,
    time: new Date(call.timeMs).toISOString(),
    model: call.model,
    change,
    reason_code: blocked?.code ?? call.reason,
    policy: by === null ? null : { setting: by.setting, policy: by.giver.policy, version: by.giver.version },
    limit:
      limit === null
        ? null
        : {
            scope: scopeShown(call, limit),
            measure: limit.measure,
            window: limit.window,
            amount: formatMeasure(limit.amount, limit.measure),
          },
    to_model: cheaper?.model ?? null,
    cost: call.cost === null ? null : formatNano(call.cost),
    cost_then: costThen(cheaper, change),
  };
}

function costThen(cheaper: { readonly cost: bigint } | null, change: Change): string | null {
  if (cheaper !== null) return formatNano(cheaper.cost);
  return change === "newly_blocked" ? formatNano(0n) : null;
}

/** A user whose readable id is not kept is shown by nothing but that it is one. */
function scopeShown({ user }: RecordedCall, { scope }: Limit): string {
  return scope.startsWith("user:") && user?.name === null ? "user" : scope;
}

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function counts(by: ReadonlyMap<string, number>): { calls: number; by_reason: Record<string, number> } {
  let calls = 0;
  for (const count of by.values()) calls += count;
  return { calls, by_reason: Object.fromEntries([...by].toSorted(([a], [b]) => (a < b ? -1 : 1))) };
}
