import { ENTRY_FLAGS } from "@tollhouse/ledger";
import { counterAmount, present } from "../ledger/entry-draft.ts";
import type { EntryDraft } from "../ledger/entry-draft.ts";
import { limitSeenOf } from "../spool/limit-seen-text.ts";
import type { OpenCall } from "../spool/open-calls.ts";
import type { UsageRecord } from "../spool/records.ts";

/** The entry of usage that an SDK recorded; `held`: its check, where that was still open. */
export function draftOfUsage(record: UsageRecord, held: OpenCall | null): EntryDraft {
  const settled = record.end === "settled";
  const { user, ...dimensions } = record.dimensions;
  const { once, recordedMs: atMs, payload = null } = record;
  // Somebody else may have let it expire meanwhile.
  const check = record.ends ? record.decision : record.check;
  return {
    type: settled ? "usage_recorded" : "call_released",
    flags: flagsOf(record, held),
    tenant: record.tenant,
    entryId: record.decision,
    ...(record.check !== null && { refId: record.check }),
    timeMs: record.timeMs,
    amountNano: settled ? BigInt(record.cost ?? 0) : 0n,
    usageSource: settled ? record.source : "none",
    user: user ?? null,
    ...(record.ends && held === null && { endsElsewhere: true as const }),
    ...((check !== null || once.length > 0 || payload !== null) && {
      check: { change: "recorded", atMs, check, once, payload },
    }),
    fields: present({
      environment: record.environment,
      provider: record.provider,
      model: record.model,
      endpoint: record.endpoint,
      key: record.key,
      ...dimensions,
      usage: settled && record.source !== "unknown" ? record.usage : null,
      priceVersion: record.priceVersion,
      servedModel: record.servedModel,
      tier: record.tier,
      reserved: held?.reservedUsd ?? null,
      counters: settled ? record.counters.map((counter) => counterAmount(counter, counter.amount)) : null,
      status: record.status,
      providerId: record.providerId,
      doubt: record.doubt,
      latencyMs: record.latencyMs,
      // Of a check that a process before this one allowed only its intent knows them.
      plan: record.plan ?? held?.intent.plan ?? null,
      policy: record.policy ?? held?.intent.policy ?? null,
      limits: held?.intent.limits?.map(limitSeenOf) ?? null,
    }),
  };
}

/** Without a check nothing was held, and nothing can be overrun. */
function flagsOf({ end, cost }: UsageRecord, held: OpenCall | null): number {
  if (end === "released") return 0;
  if (cost === null) return ENTRY_FLAGS.costUnknown;
  const onDollars = held?.intent.counters.some((counter) => counter.measure === "usd") ?? false;
  return held !== null && onDollars && BigInt(cost) > held.reservedUsd ? ENTRY_FLAGS.overrun : 0;
}
