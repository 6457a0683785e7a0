import type { Amounts, Limit } from "@tollhouse/engine";
import type { CounterDelta, OutcomeRecord } from "@tollhouse/store";
import { lateCounted } from "../policies/policy-rules.ts";
import type { Call } from "./call.ts";
import { matchOf } from "./considered-call.ts";
import type { Gateway } from "./gateway.ts";
import { UNCOUNTED_DOUBT } from "./limits-unavailable.ts";
import type { Measured } from "./measure-usage.ts";
import type { End } from "./settle-call.ts";

/** What the outcome of a call says beside the call itself. */
export interface Recorded extends Measured {
  readonly end: "settled" | "released";
  readonly cost: bigint | null;
  readonly deltas: readonly CounterDelta[];
  readonly doubt?: string | null;
  readonly used?: Amounts;
}

/** One outcome in the spool, one log line; limits that are being made are told of it. */
export function recordOutcome(gateway: Gateway, call: Call, end: End, what: Recorded): void {
  const latencyMs = performance.now() - call.startedAt;
  const report = end.report ?? end.partial;
  const outcome: OutcomeRecord = {
    t: "outcome",
    decision: call.decision,
    timeMs: gateway.now(),
    end: what.end,
    status: end.status,
    reason: end.reason,
    usage: what.usage,
    source: what.source,
    cost: what.cost === null ? null : what.cost.toString(),
    servedModel: clip(report?.model ?? null, 256),
    tier: clip(report?.tier ?? null, 64),
    providerId: clip(report?.providerId ?? null, 256),
    doubt: clip(doubtOf(call, what.doubt ?? null), 1024),
    deltas: what.deltas.map((delta) => delta.amount.toString()),
    late: what.used === undefined ? [] : lateDeltas(gateway, call, what.used),
    latencyMs: Math.round(latencyMs),
  };
  if (what.used !== undefined && gateway.tap.open)
    gateway.tap.push({
      decision: call.decision,
      tenant: call.identity.tenant,
      environment: call.identity.environment,
      call: { ...matchOf(call), model: call.facts.model },
      startedMs: call.startedMs,
      used: what.used,
    });
  // An outcome is never refused: it waits for the disk if it must. Only a closed spool has no place for it, and then the intent stands.
  gateway.spool.append(outcome).catch((error: unknown) => gateway.failed(error));
  gateway.ended({
    decision: call.decision,
    timeMs: outcome.timeMs,
    tenant: call.identity.tenant,
    environment: call.identity.environment,
    dimensions: call.identity.dimensions,
    provider: call.provider,
    model: call.facts.model,
    outcome: what.end,
    reason: end.reason,
    status: end.status,
    estimatedCost: call.reservation.usd,
    cost: what.cost,
    usage: what.usage,
    source: what.source,
    latencyMs,
    // A client that left before anything was sent: all of it was ours.
    overheadMs: call.sentAt === 0 ? latencyMs : call.sentAt - call.startedAt,
    doubt: outcome.doubt,
  });
}

function doubtOf({ uncounted }: Call, doubt: string | null): string | null {
  if (uncounted === undefined) return doubt;
  return doubt === null ? UNCOUNTED_DOUBT : `${doubt}; ${UNCOUNTED_DOUBT}`;
}

/** A provider's texts are bounded before they become fields of a ledger entry. */
function clip(text: string | null, lengthMax: number): string | null {
  return text === null || text.length <= lengthMax ? text : text.slice(0, lengthMax);
}

/** Limits that came into force while the call ran count it too, though they could not refuse it. */
function lateDeltas(gateway: Gateway, call: Call, used: Amounts): OutcomeRecord["late"] {
  const late = [...lateLimits(gateway, call), ...lateCounted(gateway, call)];
  const counters = gateway.countersOf(call.identity.tenant);
  return late.map((limit) => {
    const delta = counters.add(limit, call.startedMs, used[limit.measure], call.decision);
    return { limit: delta.limitId, window: delta.windowId, amount: delta.amount.toString() };
  });
}

function lateLimits(gateway: Gateway, call: Call): readonly Limit[] {
  const snapshot = gateway.limits(call.identity);
  if (snapshot.version === call.snapshotVersion || call.facts.free) return [];
  const known = new Set(call.limits.map((limit) => limit.id));
  return snapshot.match({ ...matchOf(call), model: call.facts.model }).filter((limit) => !known.has(limit.id));
}
