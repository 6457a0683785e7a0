import { ENTRY_FLAGS } from "@tollhouse/ledger";
import type { CounterAmount, EntryFields } from "@tollhouse/ledger";
import type { EntryDraft } from "./entry-draft.ts";

/** Of a UUID's text without hyphens: its version, which no id that anybody makes has as e or f. */
const VERSION_AT = 12;
const AXES = [
  "environment",
  "provider",
  "model",
  "endpoint",
  "key",
  "session",
  "agent",
  "feature",
  "service",
  "team",
  "customer",
] as const;

/** The two corrections of an entry have ids that follow from its own: whoever makes them, and however often, they are there once. */
export function takenBackId(entryId: string): string {
  return withVersion(entryId, "e");
}

export function restatedId(entryId: string): string {
  return withVersion(entryId, "f");
}

function withVersion(id: string, version: string): string {
  return id.slice(0, VERSION_AT) + version + id.slice(VERSION_AT + 1);
}

/**
 * May `real` amend the entry that has its id already? Only what somebody ended in place of those who knew: a sweeper, or the time of a
 * check. Everything else that comes a second time is the same again.
 */
export function isAmended(there: Pick<EntryDraft, "type" | "flags">, real: EntryDraft): boolean {
  if ((real.flags & ENTRY_FLAGS.swept) !== 0) return false;
  if ((there.flags & ENTRY_FLAGS.swept) !== 0) return true;
  return there.type === "call_released" && real.type === "usage_recorded";
}

/**
 * What makes of the entry that is there what `real` says: it is taken back whole, where it stands in every report, and said anew where
 * it should have stood. The sum of both is the difference. None where the two say the same.
 */
export function correctionsOf(there: EntryDraft, real: EntryDraft): readonly EntryDraft[] {
  if (saysTheSame(there, real)) return [];
  const { limits: _looked, policy: _policy, ...fields } = there.fields;
  const takenBack: EntryDraft = {
    type: "correction",
    flags: (there.flags & ENTRY_FLAGS.costUnknown) | ENTRY_FLAGS.takenBack,
    tenant: there.tenant,
    entryId: takenBackId(there.entryId),
    refId: there.entryId,
    timeMs: there.timeMs,
    amountNano: -there.amountNano,
    usageSource: there.usageSource,
    user: there.user,
    fields: { ...fields, ...(fields.counters && { counters: fields.counters.map(negative) }) },
  };
  const restated: EntryDraft = {
    ...real,
    type: "correction",
    flags: real.flags | ENTRY_FLAGS.restated,
    entryId: restatedId(there.entryId),
    refId: there.entryId,
  };
  return [takenBack, restated];
}

function negative({ limitId, windowId, amount }: CounterAmount): CounterAmount {
  return { limitId, windowId, amount: -amount };
}

function saysTheSame(there: EntryDraft, real: EntryDraft): boolean {
  const { costUnknown } = ENTRY_FLAGS;
  return (
    there.amountNano === real.amountNano &&
    (there.flags & costUnknown) === (real.flags & costUnknown) &&
    there.usageSource === real.usageSource &&
    hasUser(there) === hasUser(real) &&
    AXES.every((axis) => there.fields[axis] === real.fields[axis]) &&
    textOf(there.fields) === textOf(real.fields)
  );
}

/** Before its transaction a draft has the name; an entry that is there has the pseudonym. */
function hasUser({ user, fields }: EntryDraft): boolean {
  return user !== null || fields.user !== undefined;
}

function textOf({ usage = {}, counters = [] }: EntryFields): string {
  const used = Object.entries(usage).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const counted = counters.map(({ limitId, windowId, amount }) => `${limitId} ${windowId} ${amount}`).toSorted();
  return JSON.stringify([used, counted.filter((text) => !text.endsWith(" 0"))]);
}
