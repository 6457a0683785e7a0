import { CODES } from "@tollhouse/contract/codes";
import { ENTRY_FLAGS } from "@tollhouse/ledger";
import type { CounterAmount, EntryFields, EntryType, EntryUsageSource } from "@tollhouse/ledger";
import type { EndedCall } from "../spool/open-calls.ts";
import type { BlockChange } from "../blocks/block-store.ts";
import type { CheckChange } from "../recorded-usage/check-change.ts";
import type { AdminRecord, BlockedRecord, ErasureRecord, KeyRotationRecord, OutcomeRecord } from "../spool/records.ts";
import { limitSeenOf } from "../spool/limit-seen-text.ts";
import { RECOVERED_DOUBT } from "../spool/recover.ts";

/** An entry that has no place in the chain yet. Ids are 32 hex digits. */
export interface EntryDraft {
  readonly type: EntryType;
  readonly flags: number;
  readonly tenant: string;
  readonly entryId: string;
  /** What it is about: an earlier entry, or the check of an SDK; absent = nothing. */
  readonly refId?: string;
  readonly timeMs: number;
  readonly amountNano: bigint;
  readonly usageSource: EntryUsageSource;
  /** Without the user: its pseudonym is only known inside the transaction. */
  readonly fields: EntryFields;
  readonly user: string | null;
  /** Made or lifted in the same transaction; no part of the entry, which cannot forget a user. */
  readonly block?: BlockChange;
  /** A check of an SDK that expired, or usage that was recorded, under names that make it once; written in the same transaction. */
  readonly check?: CheckChange;
  /** It ends what another node has open, and what the database keeps of that goes in the same transaction. */
  readonly endsElsewhere?: true;
  /** Whom this entry erases; its pseudonym, which only the transaction knows, stands in the entry. */
  readonly erases?: Pick<ErasureRecord, "lookup" | "rows">;
}

const U32_MAX = 0xffff_ffff;

/** The entry of a call that was let through. Its time is the intent's: it counts in the windows it was held in. */
export function draftOfCall({ call, outcome }: EndedCall): EntryDraft {
  const { intent } = call;
  const settled = outcome.end === "settled";
  const { user, ...dimensions } = intent.dimensions;
  return {
    type: settled ? "call_settled" : "call_released",
    flags: flagsOf({ call, outcome }),
    tenant: intent.tenant,
    entryId: intent.decision,
    timeMs: intent.timeMs,
    amountNano: settled ? BigInt(outcome.cost ?? 0) : 0n,
    usageSource: settled ? outcome.source : "none",
    user: user ?? null,
    // A check has no other outcome: usage that is recorded for it is a record of its own.
    ...(intent.expiresMs !== undefined && { check: { change: "expired", atMs: outcome.timeMs } as const }),
    fields: present({
      environment: intent.environment,
      provider: intent.provider,
      model: intent.model,
      endpoint: intent.endpoint,
      key: intent.key,
      ...dimensions,
      usage: settled && outcome.source !== "unknown" ? outcome.usage : null,
      priceVersion: intent.priceVersion,
      servedModel: outcome.servedModel,
      tier: outcome.tier,
      reserved: call.reservedUsd,
      counters: settled ? countersOf({ call, outcome }) : null,
      reason: outcome.reason,
      status: outcome.status,
      providerId: outcome.providerId,
      doubt: outcome.doubt,
      latencyMs: Math.min(U32_MAX, Math.max(0, Math.round(outcome.latencyMs))),
      limits: intent.limits?.map(limitSeenOf) ?? null,
      plan: intent.plan ?? null,
      policy: intent.policy ?? null,
    }),
  };
}

export function draftOfBlocked(record: BlockedRecord): EntryDraft {
  const { user, ...dimensions } = record.dimensions;
  return {
    type: "call_blocked",
    flags: 0,
    tenant: record.tenant,
    entryId: record.decision,
    timeMs: record.timeMs,
    amountNano: 0n,
    usageSource: "none",
    user: user ?? null,
    fields: present({
      environment: record.environment,
      provider: record.provider,
      // Stopped before its body was read: nobody knows.
      model: record.model === "" ? null : record.model,
      endpoint: record.endpoint,
      key: record.key,
      ...dimensions,
      reason: record.reason,
      limit: record.limit,
      limits: record.limits?.map(limitSeenOf) ?? null,
      required: record.required === undefined ? null : BigInt(record.required),
      plan: record.plan ?? null,
      policy: record.policy ?? null,
    }),
  };
}

export function draftOfAdmin(record: AdminRecord): EntryDraft {
  const { environment, actor, action, subject, before, after } = record;
  return {
    type: "admin_action",
    flags: 0,
    tenant: record.tenant,
    entryId: record.id,
    timeMs: record.timeMs,
    amountNano: 0n,
    usageSource: "none",
    user: null,
    ...(record.block !== undefined && { block: record.block }),
    fields: present({
      environment,
      actor,
      action,
      subject,
      before,
      after,
      counters: record.counters?.map((counter) => counterAmount(counter, counter.amount)) ?? null,
    }),
  };
}

export function draftOfErasure(record: ErasureRecord): EntryDraft {
  const { lookup, rows } = record;
  return { ...draftOfChange(record, "erasure", "user.erase", "user"), erases: { lookup, rows } };
}

/** Which key comes next, and its word for it, depend on the place in the chain (`chain-rows.ts`). */
export function draftOfRotation(record: KeyRotationRecord): EntryDraft {
  return draftOfChange(record, "key_rotation", "ledger_key.rotate", "ledger-mac-key");
}

function draftOfChange(
  { id, tenant, timeMs, actor }: ErasureRecord | KeyRotationRecord,
  type: EntryType,
  action: string,
  subject: string,
): EntryDraft {
  return {
    type,
    flags: 0,
    tenant,
    entryId: id,
    timeMs,
    amountNano: 0n,
    usageSource: "none",
    user: null,
    fields: { actor, action, subject },
  };
}

function flagsOf({ call, outcome }: EndedCall): number {
  const { intent } = call;
  const settled = outcome.end === "settled";
  let flags = intent.stream ? ENTRY_FLAGS.streamed : 0;
  if (settled && outcome.cost === null) flags |= ENTRY_FLAGS.costUnknown;
  if (intent.stream && outcome.reason !== null && CODES[outcome.reason].fault !== "provider") flags |= ENTRY_FLAGS.cut;
  if (settled && outcome.cost !== null && isOverrun(call.reservedUsd, BigInt(outcome.cost), { call, outcome }))
    flags |= ENTRY_FLAGS.overrun;
  if (outcome.doubt === RECOVERED_DOUBT) flags |= ENTRY_FLAGS.recovered;
  return flags;
}

/** Only where something was held on dollars: without a budget nothing is reserved, and nothing can be overrun. */
function isOverrun(reserved: bigint, cost: bigint, { call }: EndedCall): boolean {
  return cost > reserved && call.intent.counters.some((counter) => counter.measure === "usd");
}

function countersOf({ call, outcome }: EndedCall): CounterAmount[] {
  const held = call.intent.counters;
  if (outcome.deltas.length !== held.length)
    throw new Error(
      `outcome of decision ${outcome.decision}: ${outcome.deltas.length} deltas, expected one for each of ${held.length} counters`,
    );
  return [...held.map((counter, i) => counterAmount(counter, outcome.deltas[i] ?? "")), ...lateOf(outcome)];
}

function lateOf(outcome: OutcomeRecord): CounterAmount[] {
  return outcome.late.map((counter) => counterAmount(counter, counter.amount));
}

export function counterAmount(counter: { limit: string; window: string }, amount: string): CounterAmount {
  return { limitId: counter.limit, windowId: counter.window, amount: BigInt(amount) };
}

/** Null means "not said", and so does a missing field: only what is said goes into the body. */
export function present(fields: { [N in keyof EntryFields]: EntryFields[N] | null }): EntryFields {
  const said: { [name: string]: unknown } = {};
  for (const [name, value] of Object.entries(fields)) if (value !== null && value !== undefined) said[name] = value;
  return said as EntryFields;
}
