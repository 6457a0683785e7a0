import type { Limit } from "@tollhouse/engine";
import type { Refusal } from "@tollhouse/providers";
import { limitSeenTexts, type BlockedRecord, type Counters } from "@tollhouse/store";
import { policyFields } from "../policies/policy-decision.ts";
import type { BlockedCall, ConsideredCall } from "./considered-call.ts";
import type { Gateway } from "./gateway.ts";
import { deciderOf, type RefusalInput } from "./refusal.ts";

/** The limit that refused as it stood then, the others as they stand now, or as this node saw them last. */
function limitsOfRefused(counters: Counters, call: ConsideredCall, by: RefusalInput["by"]): string[] {
  const stood = (limit: Limit) => (by && limit.id === by.by.limit.id ? by.by : counters.read(limit, call.startedMs));
  return limitSeenTexts(call.limits.map(stood).filter((state) => state !== null));
}

/** One record and one log line of a call that was refused before its intent. */
export function recordBlocked(
  gateway: Gateway,
  call: BlockedCall,
  refusal: Refusal,
  by: RefusalInput["by"] = null,
): void {
  const identity = call.identity ?? null;
  const provider = call.provider;
  const model = call.facts?.model ?? "";
  const tenant = identity?.tenant ?? gateway.identity.tenant;
  const environment = identity?.environment ?? gateway.identity.environment;
  const dimensions = identity?.dimensions ?? {};
  const limit = deciderOf(refusal);
  const blocked: BlockedRecord = {
    t: "blocked",
    decision: call.decision,
    timeMs: gateway.now(),
    tenant,
    environment,
    provider,
    model,
    endpoint: call.route.endpoint,
    dimensions,
    key: identity?.key ?? null,
    reason: refusal.code,
    limit,
    ...(call.limits.length > 0 && { limits: limitsOfRefused(gateway.countersOf(tenant), call, by) }),
    ...(by && { required: by.required.toString() }),
    ...policyFields(call),
  };
  // A spool that takes no more refuses these too; the log line and the counters of refusals still say it.
  gateway.spool.append(blocked).catch(() => undefined);
  gateway.ended({
    decision: call.decision,
    timeMs: blocked.timeMs,
    tenant,
    environment,
    dimensions,
    provider,
    model,
    outcome: "blocked",
    reason: refusal.code,
    status: refusal.row.status,
    estimatedCost: null,
    cost: null,
    usage: {},
    source: "unknown",
    latencyMs: performance.now() - call.startedAt,
    overheadMs: performance.now() - call.startedAt,
    doubt: null,
  });
}
