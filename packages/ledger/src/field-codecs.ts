import { USAGE_CLASSES, type Usage, type UsageClass } from "@tollhouse/contract/usage";
import type { ByteWriter } from "./byte-writer.ts";
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
  readonly write: (to: ByteWriter, value: T) => void;
  readonly decode: (bytes: Uint8Array) => T;
}

const utf8Strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const I64_END = 1n << 63n;
const USAGE_ITEM_BYTES = 9;
const U32_END = 2 ** 32;

/** Bytes of a field and back. Every decoder is strict: it accepts only what its encoder makes. */
export const FIELD_CODECS: { readonly [K in FieldKind]: Codec<FieldValues[K]> } = {
  text: { write: (to, value) => void to.text(value), decode: decodeText },
  bytes32: { write: (to, value) => to.bytes(bytes32(value)), decode: bytes32 },
  u32: { write: (to, value) => to.u32(wholeU32(value)), decode: (bytes) => viewOf(bytes, 4).getUint32(0) },
  i64: { write: (to, value) => to.i64(wholeI64(value)), decode: (bytes) => viewOf(bytes, 8).getBigInt64(0) },
  usage: { write: writeUsage, decode: decodeUsage },
  counters: { write: writeCounters, decode: decodeCounters },
  counts: { write: writeCounts, decode: decodeCounts },
  limits: { write: writeLimits, decode: decodeLimits },
};

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

/** n × (class index u8 | units u64), classes ascending. An explicit zero is kept: zero is not missing. */
function writeUsage(to: ByteWriter, usage: Usage): void {
  for (const name in usage)
    if (!(USAGE_CLASSES as readonly string[]).includes(name)) throw new LedgerFormatError(name, "no class of usage");
  for (let index = 0; index < USAGE_CLASSES.length; index++) {
    const name = USAGE_CLASSES[index] as UsageClass;
    const units = usage[name];
    if (units === undefined) continue;
    if (!Number.isSafeInteger(units) || units < 0)
      throw new LedgerFormatError(name, `expected a whole number from 0 to 2^53 - 1, got ${units}`);
    to.u8(index);
    to.u32(Math.floor(units / U32_END));
    to.u32(units % U32_END);
  }
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
function writeCounters(to: ByteWriter, counters: readonly CounterAmount[]): void {
  for (const { limitId, windowId, amount } of counters) {
    writeShortText(to, "limit id", limitId);
    writeShortText(to, "window id", windowId);
    to.i64(wholeI64(amount));
  }
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
function writeCounts(to: ByteWriter, counts: readonly NameCount[]): void {
  for (const { name, count } of counts) {
    writeShortText(to, "name", name);
    to.u32(wholeU32(count));
  }
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
function writeLimits(to: ByteWriter, limits: readonly LimitSeen[]): void {
  for (const limit of limits) {
    writeShortText(to, "limit id", limit.limitId);
    for (const number of limitNumbers(limit)) to.u8(number);
    to.u32(wholeU32(limit.version));
    to.i64(wholeI64(limit.endsUs ?? 0n));
    to.i64(wholeI64(limit.amount));
    to.i64(wholeI64(limit.settled));
    to.i64(wholeI64(limit.reserved));
  }
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

function writeShortText(to: ByteWriter, field: string, value: string): void {
  const place = to.leave(1);
  const length = to.text(value);
  if (length > 255) throw new LedgerFormatError(field, `expected at most 255 bytes, got ${length}`);
  to.u8At(place, length);
}

function readShortText(field: string, bytes: Uint8Array, at: number): { text: string; end: number } {
  const length = bytes[at];
  if (length === undefined || at + 1 + length > bytes.length) throw new LedgerFormatError(field, "truncated");
  return { text: decodeText(bytes.subarray(at + 1, at + 1 + length)), end: at + 1 + length };
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
