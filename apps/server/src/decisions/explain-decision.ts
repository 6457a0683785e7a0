import {
  CODES,
  DIMENSIONS,
  stepsOf,
  type DecisionAnswer,
  type DecisionLimit,
  type DecisionPolicy,
  type LimitMoment,
  type Measure,
  type ReasonCode,
} from "@tollhouse/contract";
import { formatNano, type PriceBook } from "@tollhouse/engine";
import { decodeBody, decodeFields, type LimitSeen } from "@tollhouse/ledger";
import type { CallAnswer, CallWithEntry } from "@tollhouse/store";
import { formatMeasure } from "../gateway/refusal.ts";
import type { Place } from "../place.ts";
import { policyOf } from "../policies/policy-decision.ts";
import { attemptOf, priceOf } from "./explain-cost.ts";
import { limitNow, type InForce } from "./limit-now.ts";

export interface Present {
  /** Of those who ask. */
  readonly tenant: string;
  /** What is in force in a place. */
  at(place: Place): InForce;
  readonly prices: PriceBook;
}

/** The decision as its ledger entry has it, beside what is in force now. Nothing is guessed: what was not recorded is not said. */
export async function explainDecision({ call, body }: CallWithEntry, present: Present): Promise<DecisionAnswer> {
  const entry = decodeBody(body);
  const fields = decodeFields(entry.fields);
  const allowed = call.outcome !== "blocked";
  const code = call.reason_code as ReasonCode | null;
  // A later version's code has no row here.
  const row = code === null ? undefined : CODES[code];
  const policy = policyOf(fields.policy, fields.plan);
  const deciding = fields.limits?.find((limit) => limit.limitId === fields.limit);
  return {
    decision: call.decision,
    time: call.time,
    allowed,
    outcome: call.outcome,
    reason_code: code,
    title: row?.title ?? null,
    next: row?.next ?? null,
    environment: call.environment,
    provider: call.provider,
    model: call.model,
    endpoint: call.endpoint,
    key: call.key,
    dimensions: call.dimensions,
    steps: stepsOf(code, allowed),
    limits: await Promise.all(
      (fields.limits ?? []).map((limit) => limitOf(call, limit, limit === deciding, policy, present)),
    ),
    policy,
    anomaly_rule: fields.limit?.startsWith("anr_") === true ? fields.limit : null,
    required:
      fields.required === undefined || deciding === undefined ? null : formatMeasure(fields.required, deciding.measure),
    reserved: fields.reserved === undefined ? null : formatNano(fields.reserved),
    attempts: allowed ? [attemptOf(call, entry.type === "usage_recorded", fields)] : [],
    price: priceOf(call, fields, present.prices),
    usage: call.usage,
    usage_source: call.usage_source,
    cost: call.cost,
    doubt: call.doubt,
    entry: { sequence: call.sequence, hash: call.entry_hash },
  };
}

async function limitOf(
  call: CallAnswer,
  seen: LimitSeen,
  deciding: boolean,
  policy: DecisionPolicy | null,
  present: Present,
): Promise<DecisionLimit> {
  const { limitId: id, measure, window } = seen;
  return {
    id,
    scope: scopeOf(call, seen.scope),
    measure,
    window,
    deciding,
    at_decision: momentOf(seen, measure),
    now: await limitNow(
      present.at({ tenant: present.tenant, environment: call.environment ?? "" }),
      seen,
      call,
      policy,
    ),
  };
}

/** The entry names the axis alone; its value is what the entry says of the call. */
function scopeOf(call: CallAnswer, kind: LimitSeen["scope"]): string {
  if (kind === "org") return kind;
  const dimension = DIMENSIONS.find((name) => name === kind);
  const value = dimension === undefined ? call[kind as "key" | "model" | "provider"] : call.dimensions[dimension];
  return `${kind}:${value ?? ""}`;
}

function momentOf({ version, mode, amount, settled, reserved, endsUs }: LimitSeen, measure: Measure): LimitMoment {
  const left = amount - settled - reserved;
  return {
    version,
    mode,
    amount: formatMeasure(amount, measure),
    settled: formatMeasure(settled, measure),
    reserved: formatMeasure(reserved, measure),
    remaining: formatMeasure(left > 0n ? left : 0n, measure),
    resets_at: endsUs === null ? null : new Date(Number(endsUs / 1000n)).toISOString(),
  };
}
