import { USAGE_SOURCES, type UsageSource } from "@tollhouse/contract/usage";
import { ByteWriter } from "./byte-writer.ts";
import { dataView } from "./bytes.ts";
import { type EntryFields, writeFieldsOf } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

/** Type byte of an entry. Append only: a number is never used for anything else. */
export const ENTRY_TYPES = {
  genesis: 1,
  call_settled: 2,
  call_blocked: 3,
  call_released: 4,
  /** Recorded by an SDK, for a call that Tollhouse did not carry. */
  usage_recorded: 5,
  /** Amends the entry named by `refId`; `amountNano` is the difference and may be negative. */
  correction: 6,
  admin_action: 7,
  key_rotation: 8,
  erasure: 9,
  blocked_summary: 10,
} as const;
export type EntryType = keyof typeof ENTRY_TYPES;

/** Usage source byte: 0 for entries without usage, then the contract's sources in their order. */
export const ENTRY_USAGE_SOURCES = ["none", ...USAGE_SOURCES] as const satisfies readonly (UsageSource | "none")[];
export type EntryUsageSource = (typeof ENTRY_USAGE_SOURCES)[number];

/** Bits of `flags`. Append only; a reader keeps bits it does not know. */
export const ENTRY_FLAGS = {
  /** No price was known: `amountNano` is 0 because nothing can be said, not because the call was free. */
  costUnknown: 1,
  streamed: 2,
  /** Tollhouse ended the stream. */
  cut: 4,
  /** Settled above what was held. */
  overrun: 8,
  /** The node stopped before the outcome; settled at what was held. */
  recovered: 16,
  /** Ended by another node, for one that did not come back: settled at what was held. */
  swept: 32,
  /** Of a correction: takes the whole entry named by `refId` back; its amounts are the negatives. */
  takenBack: 64,
  /** Of a correction: says anew, in full, what the entry named by `refId` should have said. */
  restated: 128,
} as const;

export type EntryField = readonly [tag: number, bytes: Uint8Array];

/** An entry without its fields. */
export type EntryHead = Omit<Entry, "fields">;

/** One record of the chain. Byte arrays have exactly the lengths named. */
export interface Entry {
  readonly type: EntryType;
  /** u16, of ENTRY_FLAGS. */
  readonly flags: number;
  /** 16 bytes. */
  readonly tenant: Uint8Array;
  /** u64, from 1, without a gap. */
  readonly sequence: bigint;
  /** u64, microseconds since 1970 UTC. */
  readonly timeUs: bigint;
  /** 16 bytes, unique in the tenant. Of a call: its decision id. */
  readonly entryId: Uint8Array;
  /** 16 bytes: the entry that this one is about; all zero where there is none. */
  readonly refId: Uint8Array;
  /** i64. */
  readonly amountNano: bigint;
  readonly currency: "USD";
  readonly usageSource: EntryUsageSource;
  /** u32: which of the tenant's MAC keys. */
  readonly macKeyId: number;
  /** Tags strictly ascending (u16). Tags that this version does not know are kept as they are. */
  readonly fields: readonly EntryField[];
}

export const BODY_VERSION = 1;
/** Bytes before the first field. */
export const BODY_HEADER_BYTES = 86;
/** A longer body is refused on both sides, so that a reader's memory is bounded. */
export const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** Where each part of a header begins. */
export const BODY_PLACES = {
  version: 0,
  type: 1,
  flags: 2,
  tenant: 4,
  sequence: 20,
  timeUs: 28,
  entryId: 36,
  refId: 52,
  amountNano: 68,
  currency: 76,
  usageSource: 79,
  macKeyId: 80,
  count: 84,
} as const;

/** Tag and length. */
export const FIELD_HEADER_BYTES = 6;
const U64_END = 1n << 64n;
const I64_END = 1n << 63n;
const USD = [0x55, 0x53, 0x44] as const;
const USD_START = USD[0] * 256 + USD[1];
const TYPE_NAMES: (EntryType | undefined)[] = [];
for (const name of Object.keys(ENTRY_TYPES) as EntryType[]) TYPE_NAMES[ENTRY_TYPES[name]] = name;

const block = new ByteWriter();

/** The bytes that are hashed and stored. Throws LedgerFormatError where a value does not fit its place. */
export function encodeBody(entry: Entry): Uint8Array {
  const { fields } = entry;
  const body = new ByteWriter(bodyLength(fields));
  writeHead(body, entry, fields.length);
  for (const [tag, bytes] of fields) {
    body.u16(tag);
    body.u32(bytes.length);
    body.bytes(bytes);
  }
  return body.taken();
}

/** `encodeBody` of an entry with these fields, without making anything of them first: for whoever makes thousands a second. */
export function encodeEntry(entry: EntryHead, fields: EntryFields): Uint8Array {
  block.start();
  writeHead(block, entry, 0);
  block.u16At(BODY_PLACES.count, writeFieldsOf(block, fields));
  checkBodyLength(block.length);
  return block.taken();
}

function writeHead(to: ByteWriter, entry: EntryHead, fields: number): void {
  checkEntry(entry);
  to.u8(BODY_VERSION);
  to.u8(ENTRY_TYPES[entry.type]);
  to.u16(entry.flags);
  to.bytes(entry.tenant);
  to.u64(entry.sequence);
  to.u64(entry.timeUs);
  to.bytes(entry.entryId);
  to.bytes(entry.refId);
  to.i64(entry.amountNano);
  for (const letter of USD) to.u8(letter);
  to.u8(ENTRY_USAGE_SOURCES.indexOf(entry.usageSource));
  to.u32(entry.macKeyId);
  to.u16(fields);
}

/**
 * The entry in these bytes. Byte arrays of the answer are views into `body`, not copies. Strict: what it accepts,
 * `encodeBody` gives back byte for byte. Throws LedgerFormatError naming the place.
 */
export function decodeBody(body: Uint8Array): Entry {
  const view = dataView(body);
  checkBody(view, 0, body.length);
  const bytes = (at: number, length: number): Uint8Array => body.subarray(at, at + length);
  return {
    type: TYPE_NAMES[view.getUint8(BODY_PLACES.type)] as EntryType,
    flags: view.getUint16(BODY_PLACES.flags),
    tenant: bytes(BODY_PLACES.tenant, 16),
    sequence: view.getBigUint64(BODY_PLACES.sequence),
    timeUs: view.getBigUint64(BODY_PLACES.timeUs),
    entryId: bytes(BODY_PLACES.entryId, 16),
    refId: bytes(BODY_PLACES.refId, 16),
    amountNano: view.getBigInt64(BODY_PLACES.amountNano),
    currency: "USD",
    usageSource: ENTRY_USAGE_SOURCES[view.getUint8(BODY_PLACES.usageSource)] as EntryUsageSource,
    macKeyId: view.getUint32(BODY_PLACES.macKeyId),
    fields: readFields(body, view, view.getUint16(BODY_PLACES.count)),
  };
}

/**
 * Throws where `decodeBody` does of a body of `length` bytes from `start` on, and makes nothing: most of a walk over millions of entries was
 * clearing away what decoding makes.
 */
export function checkBody(view: DataView, start: number, length: number): void {
  if (length < BODY_HEADER_BYTES) throw new LedgerFormatError("body", `truncated at ${length} bytes`);
  if (length > BODY_BYTES_MAX) throw new LedgerFormatError("body", `longer than ${BODY_BYTES_MAX} bytes`);
  const version = view.getUint8(start);
  const type = view.getUint8(start + BODY_PLACES.type);
  const source = view.getUint8(start + BODY_PLACES.usageSource);
  const currency = start + BODY_PLACES.currency;
  if (version !== BODY_VERSION) throw new LedgerFormatError("version", `unknown: ${version}`);
  if (TYPE_NAMES[type] === undefined) throw new LedgerFormatError("type", `unknown: ${type}`);
  if (source >= ENTRY_USAGE_SOURCES.length) throw new LedgerFormatError("usage source", `unknown: ${source}`);
  if (view.getUint16(currency) !== USD_START || view.getUint8(currency + 2) !== USD[2])
    throw new LedgerFormatError("currency", "expected USD");
  checkFrames(view, start + BODY_HEADER_BYTES, start + length, view.getUint16(start + BODY_PLACES.count));
}

/** So many fields from there on, in their order, and nothing behind them. */
function checkFrames(view: DataView, start: number, end: number, count: number): void {
  let at = start;
  let last = -1;
  for (let i = 0; i < count; i++) {
    if (at + FIELD_HEADER_BYTES > end) throw new LedgerFormatError(`field ${i + 1} of ${count}`, "truncated");
    const tag = view.getUint16(at);
    at += FIELD_HEADER_BYTES + view.getUint32(at + 2);
    if (tag === last) throw new LedgerFormatError(`tag ${tag}`, "duplicate");
    if (tag < last) throw new LedgerFormatError(`tag ${tag}`, `descending after ${last}`);
    if (at > end) throw new LedgerFormatError(`tag ${tag}`, "truncated");
    last = tag;
  }
  if (at !== end) throw new LedgerFormatError("body", `${end - at} trailing bytes`);
}

function readFields(body: Uint8Array, view: DataView, count: number): EntryField[] {
  const fields: EntryField[] = [];
  for (let at = BODY_HEADER_BYTES; fields.length < count;) {
    const end = at + FIELD_HEADER_BYTES + view.getUint32(at + 2);
    fields.push([view.getUint16(at), body.subarray(at + FIELD_HEADER_BYTES, end)]);
    at = end;
  }
  return fields;
}

function bodyLength(fields: readonly EntryField[]): number {
  if (fields.length > 0xffff) throw new LedgerFormatError("fields", `more than ${0xffff}`);
  let length = BODY_HEADER_BYTES;
  let last = -1;
  for (const [tag, bytes] of fields) {
    checkUnsigned("tag", tag, 0xffff);
    if (tag <= last) throw new LedgerFormatError(`tag ${tag}`, tag === last ? "duplicate" : `descending after ${last}`);
    last = tag;
    length += FIELD_HEADER_BYTES + bytes.length;
  }
  checkBodyLength(length);
  return length;
}

function checkBodyLength(length: number): void {
  if (length > BODY_BYTES_MAX) throw new LedgerFormatError("body", `longer than ${BODY_BYTES_MAX} bytes`);
}

function checkEntry(entry: EntryHead): void {
  if (!Object.hasOwn(ENTRY_TYPES, entry.type)) throw new LedgerFormatError("type", `unknown: ${entry.type}`);
  if (!ENTRY_USAGE_SOURCES.includes(entry.usageSource))
    throw new LedgerFormatError("usage source", `unknown: ${entry.usageSource}`);
  if (entry.currency !== "USD") throw new LedgerFormatError("currency", "expected USD");
  checkUnsigned("flags", entry.flags, 0xffff);
  checkUnsigned("mac key id", entry.macKeyId, 0xffffffff);
  checkLength("tenant", entry.tenant, 16);
  checkLength("entry id", entry.entryId, 16);
  checkLength("ref id", entry.refId, 16);
  // DataView would wrap these silently.
  if (entry.sequence < 0n || entry.sequence >= U64_END) throw new LedgerFormatError("sequence", "expected a u64");
  if (entry.timeUs < 0n || entry.timeUs >= U64_END) throw new LedgerFormatError("time", "expected a u64");
  if (entry.amountNano < -I64_END || entry.amountNano >= I64_END)
    throw new LedgerFormatError("amount", "expected an i64");
}

function checkUnsigned(field: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new LedgerFormatError(field, `expected a whole number from 0 to ${max}, got ${value}`);
}

function checkLength(field: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new LedgerFormatError(field, `expected ${length} bytes, got ${bytes.length}`);
}
