import { ENTRY_FLAGS } from "@tollhouse/ledger";
import type { EntryFields } from "@tollhouse/ledger";
import type { IntentRecord, SweptRecord } from "../spool/records.ts";
import { limitSeenOf } from "../spool/limit-seen-text.ts";
import { counterAmount, present } from "./entry-draft.ts";
import type { EntryDraft } from "./entry-draft.ts";

/** The entry of a call whose node did not come back: what was held counts as used, and says that it is an estimate. */
export function draftOfSwept(record: SweptRecord): EntryDraft {
  const { intent, reservedUsd, reservedTokens } = record;
  const settled = record.end === "settled";
  return {
    type: settled ? "call_settled" : "call_released",
    flags: flagsOf(record),
    tenant: record.tenant,
    entryId: record.decision,
    timeMs: intent?.timeMs ?? record.startedMs,
    amountNano: settled && isCostKnown(record) ? BigInt(reservedUsd ?? 0) : 0n,
    usageSource: settled ? "estimated" : "none",
    user: intent?.dimensions.user ?? null,
    endsElsewhere: true,
    ...(intent?.expiresMs !== undefined && { check: { change: "expired", atMs: record.timeMs } as const }),
    fields: {
      ...(intent === null ? {} : fieldsOf(intent)),
      ...present({
        environment: record.environment,
        // How the held tokens would have split is not known; they count as output, as where a node settles its own.
        usage:
          settled && reservedTokens !== null
            ? reservedTokens === "0"
              ? {}
              : { output: Number(reservedTokens) }
            : null,
        reserved: reservedUsd === null ? null : BigInt(reservedUsd),
        counters: settled ? record.counters.map((counter) => counterAmount(counter, counter.amount)) : null,
        doubt: record.doubt,
      }),
    },
  };
}

function fieldsOf(intent: IntentRecord): EntryFields {
  const { user: _named, ...dimensions } = intent.dimensions;
  return present({
    provider: intent.provider,
    model: intent.model,
    endpoint: intent.endpoint,
    key: intent.key,
    ...dimensions,
    priceVersion: intent.priceVersion,
    limits: intent.limits?.map(limitSeenOf) ?? null,
    plan: intent.plan ?? null,
    policy: intent.policy ?? null,
  });
}

function flagsOf(record: SweptRecord): number {
  const { intent, end } = record;
  if (end === "released") return ENTRY_FLAGS.swept;
  const streamed = intent?.stream === true ? ENTRY_FLAGS.streamed : 0;
  return ENTRY_FLAGS.swept | ENTRY_FLAGS.recovered | streamed | (isCostKnown(record) ? 0 : ENTRY_FLAGS.costUnknown);
}

/** Of a call that only the counters know, where one of them counts dollars. */
function isCostKnown({ intent, reservedUsd }: SweptRecord): boolean {
  return reservedUsd !== null && (intent === null || intent.priceVersion !== null);
}
