import type { CallAtNode, CounterDelta, ExpireResult, SweptRecord } from "@tollhouse/store";

/** A call whose node did not come back, and what the counters say of it. */
export interface LeftCall {
  readonly tenant: string;
  /** 32 hex digits, a UUIDv7. */
  readonly decision: string;
  /** As the database has it; null: it was too young for that. */
  readonly atNode: CallAtNode | null;
  readonly environment: string | null;
  readonly became: ExpireResult;
}

const AT_HELD = "its node did not come back; settled at what was held";
const AT_COUNTED = "its node did not come back; settled at what the counters were told";
const RELEASED = "its node did not come back; the counters were told that nothing was used";
const UNCONFIRMED = "its node did not come back, and nobody recorded it";

/**
 * How it ends. A check of an SDK sent nothing through us: its time is over, and it is let go. Of a call, bytes may have been billed: it counts at
 * what its owner told the counters last, or at what it held.
 */
export function sweptRecord({ tenant, decision, atNode, environment, became }: LeftCall, nowMs: number): SweptRecord {
  const intent = atNode?.intent ?? null;
  const about = {
    t: "swept" as const,
    decision,
    timeMs: nowMs,
    startedMs: intent?.timeMs ?? timeOfDecision(decision),
    tenant,
    environment: intent?.environment ?? environment,
    intent,
  };
  const released = (doubt: string): SweptRecord => {
    const reservedUsd = atNode === null ? null : String(atNode.reservedUsd);
    const reservedTokens = atNode === null ? null : String(atNode.reservedTokens);
    return { ...about, end: "released", reservedUsd, reservedTokens, counters: [], doubt };
  };
  if (intent?.expiresMs !== undefined) return released(UNCONFIRMED);
  if (became.outcome === "released") return released(RELEASED);
  const known = became.outcome === "expired" || became.outcome === "settled";
  return {
    ...about,
    end: "settled",
    reservedUsd: known ? String(became.used.usd) : String(atNode?.reservedUsd ?? 0n),
    reservedTokens: known ? String(became.used.tokens) : String(atNode?.reservedTokens ?? 0n),
    counters: known ? became.deltas.map(counted) : heldOn(atNode),
    doubt: became.outcome === "settled" ? AT_COUNTED : AT_HELD,
  };
}

function counted({ limitId, windowId, amount }: CounterDelta): SweptRecord["counters"][number] {
  return { limit: limitId, window: windowId, amount: String(amount) };
}

function heldOn(atNode: CallAtNode | null): SweptRecord["counters"] {
  if (atNode === null) return [];
  const held = { usd: atNode.reservedUsd, tokens: atNode.reservedTokens, requests: 1n };
  return atNode.intent.counters.map(({ limit, window, measure }) => ({ limit, window, amount: String(held[measure]) }));
}

/** A UUIDv7 begins with its milliseconds. */
function timeOfDecision(decision: string): number {
  return Number.parseInt(decision.slice(0, 12), 16);
}
