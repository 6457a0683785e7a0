import { USAGE_CLASSES, type Usage, type UsageClass } from "@tollhouse/contract/usage";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { LIMIT_BYTES, type LimitSeen, limitNumbers, limitWords } from "./limit-seen.ts";

/** What a call did to one counter. */
export interface CounterAmount {
  readonly limitId: string;
  readonly windowId: string;
  /** i64, in the limit's unit. */
  readonly amount: bigint;
}

export interface NameCount {
  readonly name: string;
  /** u32 */
  readonly count: number;
}

/** The value a field of each kind has. */
export interface FieldValues {
  readonly text: string;
  readonly bytes32: Uint8Array;
  readonly u32: number;
  readonly i64: bigint;
  readonly usage: Usage;
  readonly counters: readonly CounterAmount[];
  readonly counts: readonly NameCount[];
  readonly limits: readonly LimitSeen[];
}
export type FieldKind = keyof FieldValues;

interface Codec<T> {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T;
}

const utf8 = new TextEncoder();
const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const I64_END = 1n << 63n;
const USAGE_ITEM_BYTES = 9;

/** Bytes of a field and back. Every decoder is strict: it accepts only what its encoder makes. */
export const FIELD_CODECS: { readonly [K in FieldKind]: Codec<FieldValues[K]> } = {
  text: { encode: encodeText, decode: decodeText },
  bytes32: { encode: bytes32, decode: bytes32 },
  u32: { encode: encodeU32, decode: (bytes) => viewOf(bytes, 4).getUint32(0) },
  i64: { encode: encodeI64, decode: (bytes) => viewOf(bytes, 8).getBigInt64(0) },
  usage: { encode: encodeUsage, decode: decodeUsage },
  counters: { encode: encodeCounters, decode: decodeCounters },
  counts: { encode: encodeCounts, decode: decodeCounts },
  limits: { encode: encodeLimits, decode: decodeLimits },
};

/** A lone surrogate has no UTF-8; it becomes U+FFFD here, so that no client can make an entry impossible to write. */
function encodeText(value: string): Uint8Array {
  return asciiOf(value) ?? utf8.encode(value);
}

const SHORT = 48;

/** Null: not ASCII, or long. For most texts of an entry the encoder's own call costs several times as much as the copy. */
function asciiOf(value: string): Uint8Array | null {
  if (value.length > SHORT) return null;
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return null;
    bytes[i] = code;
  }
  return bytes;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8Strict.decode(bytes);
  } catch {
    throw new LedgerFormatError("text", "not UTF-8");
  }
}

function bytes32(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== 32) throw new LedgerFormatError("length", `expected 32 bytes, got ${bytes.length}`);
  return bytes;
}

function encodeU32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, wholeU32(value));
  return bytes;
}

function encodeI64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, wholeI64(value));
  return bytes;
}

/** n × (class index u8 | units u64), classes ascending. An explicit zero is kept: zero is not missing. */
function encodeUsage(usage: Usage): Uint8Array {
  const present = USAGE_CLASSES.filter((name) => usage[name] !== undefined);
  for (const name of Object.keys(usage))
    if (!(USAGE_CLASSES as readonly string[]).includes(name)) throw new LedgerFormatError(name, "no class of usage");
  const bytes = new Uint8Array(present.length * USAGE_ITEM_BYTES);
  const view = new DataView(bytes.buffer);
  present.forEach((name, i) => {
    const units = usage[name] ?? 0;
    if (!Number.isSafeInteger(units) || units < 0)
      throw new LedgerFormatError(name, `expected a whole number from 0 to 2^53 - 1, got ${units}`);
    view.setUint8(i * USAGE_ITEM_BYTES, USAGE_CLASSES.indexOf(name));
    view.setBigUint64(i * USAGE_ITEM_BYTES + 1, BigInt(units));
  });
  return bytes;
}

function decodeUsage(bytes: Uint8Array): Usage {
  if (bytes.length % USAGE_ITEM_BYTES !== 0)
    throw new LedgerFormatError("length", `expected a multiple of ${USAGE_ITEM_BYTES}, got ${bytes.length}`);
  const view = viewOf(bytes, bytes.length);
  const usage: { [K in UsageClass]?: number } = {};
  let last = -1;
  for (let at = 0; at < bytes.length; at += USAGE_ITEM_BYTES) {
    const index = view.getUint8(at);
    const name = USAGE_CLASSES[index];
    if (name === undefined) throw new LedgerFormatError("class", `unknown: ${index}`);
    if (index <= last) throw new LedgerFormatError(name, "duplicate or out of order");
    const units = Number(view.getBigUint64(at + 1));
    if (!Number.isSafeInteger(units)) throw new LedgerFormatError(name, "above 2^53 - 1");
    usage[name] = units;
    last = index;
  }
  return usage;
}

/** n × (length u8 | limit id | length u8 | window id | amount i64). */
function encodeCounters(counters: readonly CounterAmount[]): Uint8Array {
  const items = counters.map((item) => ({
    limit: shortText("limit id", item.limitId),
    window: shortText("window id", item.windowId),
    amount: encodeI64(item.amount),
  }));
  return joined(items.flatMap((item) => [item.limit, item.window, item.amount]));
}

function decodeCounters(bytes: Uint8Array): CounterAmount[] {
  const counters: CounterAmount[] = [];
  for (let at = 0; at < bytes.length;) {
    const limit = readShortText("limit id", bytes, at);
    const window = readShortText("window id", bytes, limit.end);
    counters.push({ limitId: limit.text, windowId: window.text, amount: slice(bytes, window.end, 8).getBigInt64(0) });
    at = window.end + 8;
  }
  return counters;
}

/** n × (length u8 | name | count u32). */
function encodeCounts(counts: readonly NameCount[]): Uint8Array {
  return joined(counts.flatMap((item) => [shortText("name", item.name), encodeU32(item.count)]));
}

function decodeCounts(bytes: Uint8Array): NameCount[] {
  const counts: NameCount[] = [];
  for (let at = 0; at < bytes.length;) {
    const name = readShortText("name", bytes, at);
    counts.push({ name: name.text, count: slice(bytes, name.end, 4).getUint32(0) });
    at = name.end + 4;
  }
  return counts;
}

/** n × (length u8 | limit id | scope u8 | measure u8 | window u8 | mode u8 | version u32 | ends, amount, settled, reserved i64). */
function encodeLimits(limits: readonly LimitSeen[]): Uint8Array {
  return joined(limits.flatMap((limit) => [shortText("limit id", limit.limitId), encodeLimit(limit)]));
}

function encodeLimit(limit: LimitSeen): Uint8Array {
  const bytes = new Uint8Array(LIMIT_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(limitNumbers(limit));
  view.setUint32(4, wholeU32(limit.version));
  [limit.endsUs ?? 0n, limit.amount, limit.settled, limit.reserved].forEach((value, i) =>
    view.setBigInt64(8 + 8 * i, wholeI64(value)),
  );
  return bytes;
}

function decodeLimits(bytes: Uint8Array): LimitSeen[] {
  const limits: LimitSeen[] = [];
  for (let at = 0; at < bytes.length;) {
    const { text: limitId, end } = readShortText("limit id", bytes, at);
    const view = slice(bytes, end, LIMIT_BYTES);
    const endsUs = view.getBigInt64(8);
    limits.push({
      limitId,
      ...limitWords([view.getUint8(0), view.getUint8(1), view.getUint8(2), view.getUint8(3)]),
      version: view.getUint32(4),
      endsUs: endsUs === 0n ? null : endsUs,
      amount: view.getBigInt64(16),
      settled: view.getBigInt64(24),
      reserved: view.getBigInt64(32),
    });
    at = end + LIMIT_BYTES;
  }
  return limits;
}

function shortText(field: string, value: string): Uint8Array {
  const encoded = encodeText(value);
  if (encoded.length > 255) throw new LedgerFormatError(field, `expected at most 255 bytes, got ${encoded.length}`);
  const bytes = new Uint8Array(1 + encoded.length);
  bytes[0] = encoded.length;
  bytes.set(encoded, 1);
  return bytes;
}

function readShortText(field: string, bytes: Uint8Array, at: number): { text: string; end: number } {
  const length = bytes[at];
  if (length === undefined || at + 1 + length > bytes.length) throw new LedgerFormatError(field, "truncated");
  return { text: decodeText(bytes.subarray(at + 1, at + 1 + length)), end: at + 1 + length };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function slice(bytes: Uint8Array, at: number, length: number): DataView {
  if (at + length > bytes.length) throw new LedgerFormatError("number", "truncated");
  return new DataView(bytes.buffer, bytes.byteOffset + at, length);
}

function viewOf(bytes: Uint8Array, length: number): DataView {
  if (bytes.length !== length) throw new LedgerFormatError("length", `expected ${length} bytes, got ${bytes.length}`);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

function wholeU32(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new LedgerFormatError("number", `expected a u32, got ${value}`);
  return value;
}

function wholeI64(value: bigint): bigint {
  if (value < -I64_END || value >= I64_END) throw new LedgerFormatError("number", `expected an i64, got ${value}`);
  return value;
}
