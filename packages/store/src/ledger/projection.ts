import { inputTokensOf, outputTokensOf } from "@tollhouse/contract/usage";
import { decodeFields, ENTRY_FLAGS, ENTRY_TYPES, ENTRY_USAGE_SOURCES } from "@tollhouse/ledger";
import type { Entry, EntryFields, EntryHead } from "@tollhouse/ledger";

/** What a column of the projection may hold, as it is sent to PostgreSQL; its text form is what the verifier compares. */
export type ColumnValue = string | number | bigint | Buffer | null;

type Derive = (entry: EntryHead, fields: EntryFields) => ColumnValue;

const text =
  (name: TextField): Derive =>
  (_, fields) =>
    columnText(fields[name]);
type TextField = {
  [N in keyof EntryFields]-?: NonNullable<EntryFields[N]> extends string ? N : never;
}[keyof EntryFields];

/**
 * The projection of a body onto the columns of `ledger_entries`, in the order of `insert-entries.sql`. The recorder writes what
 * this derives, and the verifier derives it again and compares.
 */
export const PROJECTION: readonly (readonly [column: string, derive: Derive])[] = [
  ["entry_id", (entry) => bytesOf(entry.entryId)],
  ["ref_id", (entry) => refOf(entry.refId)],
  ["type", (entry) => ENTRY_TYPES[entry.type]],
  ["flags", (entry) => entry.flags],
  ["time_us", (entry) => entry.timeUs],
  ["amount_nano", (entry) => entry.amountNano],
  ["usage_source", (entry) => ENTRY_USAGE_SOURCES.indexOf(entry.usageSource)],
  ["environment", text("environment")],
  ["provider", text("provider")],
  ["model", text("model")],
  ["endpoint", text("endpoint")],
  ["key", text("key")],
  ["session", text("session")],
  ["agent", text("agent")],
  ["feature", text("feature")],
  ["service", text("service")],
  ["user_pseudonym", (_, fields) => (fields.user ? bytesOf(fields.user) : null)],
  ["team", text("team")],
  ["customer", text("customer")],
  ["reason", text("reason")],
  ["status", (_, fields) => fields.status ?? null],
  ["input_tokens", (entry, fields) => (fields.usage ? signed(entry, inputTokensOf(fields.usage)) : 0)],
  ["output_tokens", (entry, fields) => (fields.usage ? signed(entry, outputTokensOf(fields.usage)) : 0)],
  ["blocked_calls", (entry, fields) => blockedCalls(entry, fields)],
];

export type Projection = readonly ColumnValue[];

const INDEX = new Map(PROJECTION.map(([column], i) => [column, i]));

/** Values in the order of PROJECTION. Throws LedgerFormatError where a field's bytes are not what its tag says. */
export function project(entry: Entry): Projection {
  return projectFields(entry, decodeFields(entry.fields));
}

/** Of the fields that the entry is encoded from, where they are at hand: decoding them again is a third of the recorder's work. */
export function projectFields(entry: EntryHead, fields: EntryFields): Projection {
  return PROJECTION.map(([, derive]) => derive(entry, fields));
}

/** Who and what a call was: what retention takes away (migrations/0032). Everything else of a projection stays. */
export const DETAILS: ReadonlySet<string> = new Set([
  "provider",
  "model",
  "endpoint",
  "key",
  "session",
  "agent",
  "feature",
  "service",
  "user_pseudonym",
  "team",
  "customer",
  "reason",
  "status",
]);

/** Where a column stands in a projection. */
export function columnAt(column: string): number {
  const index = INDEX.get(column);
  if (index === undefined) throw new Error(`no column ${column} in the projection`);
  return index;
}

/** One value of a projection by its column's name. */
export function columnOf(row: Projection, column: string): ColumnValue {
  return row[columnAt(column)] ?? null;
}

/** How PostgreSQL shows the value as text, so that a stored column can be compared with a derived one. */
export function asText(value: ColumnValue): string | null {
  if (value === null) return null;
  return Buffer.isBuffer(value) ? value.toString("hex") : String(value);
}

/** pg takes bytes as Buffers; a copy of each would be half of what the collector has to clear away. */
export function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** PostgreSQL text cannot hold NUL; a client can send one in a model's name. The body keeps it as it came. */
function columnText(value: string | undefined): string | null {
  if (value === undefined) return null;
  return value.includes("\0") ? value.replaceAll("\0", "\uFFFD") : value;
}

function refOf(bytes: Uint8Array): Buffer | null {
  return bytes.every((byte) => byte === 0) ? null : bytesOf(bytes);
}

/** What is taken back counts below zero. */
function signed(entry: EntryHead, tokens: number): number {
  return tokens !== 0 && entry.type === "correction" && (entry.flags & ENTRY_FLAGS.takenBack) !== 0 ? -tokens : tokens;
}

function blockedCalls(entry: EntryHead, fields: EntryFields): number {
  if (entry.type === "call_blocked") return 1;
  if (entry.type !== "blocked_summary") return 0;
  return (fields.blocked ?? []).reduce((sum, { count }) => sum + count, 0);
}
