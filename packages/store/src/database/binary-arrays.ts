import { statementName } from "./sql.ts";

/** Types of elements that are sent as PostgreSQL's own bytes: their OIDs (pg_type.dat), which never change. */
const OIDS = { bytea: 17, bigint: 20, smallint: 21, integer: 23, text: 25, uuid: 2950 } as const;
type Element = keyof typeof OIDS;

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const UUID_BYTES = 16;
const NULL = -1;

/** Of a statement of `sql/`, by parameter: the elements of arrays that it casts to one of these types. */
const elementsOf = new Map<string, readonly (Element | undefined)[]>();

/**
 * The values of a statement with its arrays in binary form, as far as the statement says by a cast (`$1::uuid[]`) of what they are. As texts,
 * which is how pg sends an array, the columns of a batch of entries took longer to write and to read again than anything else of it.
 * A value that is not what the cast says is left to PostgreSQL, which says so.
 */
export function withBinaryArrays(text: string, values: readonly unknown[]): unknown[] {
  const elements = elementsIn(text);
  if (elements.length === 0) return [...values];
  return values.map((value, i) => {
    const element = elements[i];
    return element === undefined || !Array.isArray(value) ? value : (arrayOf(element, value) ?? value);
  });
}

/** Statements that are put together are not remembered: there is no end of them. */
function elementsIn(text: string): readonly (Element | undefined)[] {
  if (statementName(text) === undefined) return [];
  let elements = elementsOf.get(text);
  if (elements === undefined) {
    const found: (Element | undefined)[] = [];
    for (const [, parameter, type] of text.matchAll(/\$(\d+)::(\w+)\[\]/g))
      if (type !== undefined && Object.hasOwn(OIDS, type)) found[Number(parameter) - 1] = type as Element;
    elementsOf.set(text, (elements = found));
  }
  return elements;
}

/** `array_recv` of PostgreSQL: one dimension, from 1. Null: an element is not of this type. */
function arrayOf(element: Element, values: readonly unknown[]): Buffer | null {
  const array = new Writer(HEADER_BYTES + values.length * 24);
  array.int32(values.length === 0 ? 0 : 1);
  array.int32(values.includes(null) || values.includes(undefined) ? 1 : 0);
  array.int32(OIDS[element]);
  if (values.length === 0) return array.written();
  array.int32(values.length);
  array.int32(1);
  return WRITERS[element](array, values) ? array.written() : null;
}

/** All values, each behind its length. A loop for each type: a call for each value through a table took as long as the writing. */
const WRITERS: { readonly [E in Element]: (array: Writer, values: readonly unknown[]) => boolean } = {
  text(array, values) {
    for (const value of values) {
      if (typeof value === "string") array.text(value);
      else if (value === null || value === undefined) array.int32(NULL);
      else return false;
    }
    return true;
  },
  bytea(array, values) {
    for (const value of values) {
      if (value instanceof Uint8Array) array.bytes(value);
      else if (value === null || value === undefined) array.int32(NULL);
      else return false;
    }
    return true;
  },
  bigint(array, values) {
    for (const value of values) {
      if (typeof value === "number" && Number.isSafeInteger(value)) array.safe64(value);
      else if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) array.int64(value);
      else if (value === null || value === undefined) array.int32(NULL);
      else return false;
    }
    return true;
  },
  integer(array, values) {
    for (const value of values) {
      if (typeof value === "number" && (value | 0) === value) array.sized32(value);
      else if (value === null || value === undefined) array.int32(NULL);
      else return false;
    }
    return true;
  },
  smallint(array, values) {
    for (const value of values) {
      if (typeof value === "number" && (value << 16) >> 16 === value) array.int16(value);
      else if (value === null || value === undefined) array.int32(NULL);
      else return false;
    }
    return true;
  },
  uuid(array, values) {
    let last: unknown;
    for (const value of values) {
      if (value === null || value === undefined) array.int32(NULL);
      else if (value === last) array.again(LENGTH_BYTES + UUID_BYTES);
      else if (typeof value === "string" ? !array.uuid(value) : !isUuid(value)) return false;
      else if (typeof value !== "string") array.bytes(value as Uint8Array);
      last = value;
    }
    return true;
  },
};

function isUuid(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === UUID_BYTES;
}

const SHORT = 48;

/** By character code; -1 = no digit. */
const DIGITS = new Int8Array(128).fill(-1);
for (let i = 0; i < 16; i++) DIGITS["0123456789abcdef".charCodeAt(i)] = i;

/** Where a UUID's text has its hyphens, if it has them. */
const HYPHENS: ReadonlySet<number> = new Set([8, 13, 18, 23]);
const HYPHEN = 0x2d;

/** Bytes one behind the other. */
class Writer {
  #buffer: Buffer;
  #view: DataView;
  #at = 0;

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes);
    this.#view = viewOf(this.#buffer);
  }

  written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  int16(value: number): void {
    this.#room(6);
    this.#view.setInt32(this.#at, 2);
    this.#view.setInt16(this.#at + 4, value);
    this.#at += 6;
  }

  /** Without a length before it. */
  int32(value: number): void {
    this.#room(4);
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  sized32(value: number): void {
    this.#room(8);
    this.#view.setInt32(this.#at, 4);
    this.#view.setInt32(this.#at + 4, value);
    this.#at += 8;
  }

  int64(value: bigint): void {
    this.#room(12);
    this.#view.setInt32(this.#at, 8);
    this.#view.setBigInt64(this.#at + 4, value);
    this.#at += 12;
  }

  /** A safe integer, without making a bigint of it. */
  safe64(value: number): void {
    this.#room(12);
    this.#view.setInt32(this.#at, 8);
    this.#view.setInt32(this.#at + 4, Math.floor(value / 2 ** 32));
    this.#view.setUint32(this.#at + 8, value >>> 0);
    this.#at += 12;
  }

  bytes(value: Uint8Array): void {
    this.#room(LENGTH_BYTES + value.length);
    this.#view.setInt32(this.#at, value.length);
    this.#buffer.set(value, this.#at + LENGTH_BYTES);
    this.#at += LENGTH_BYTES + value.length;
  }

  /** So many bytes as they stand before. */
  again(bytes: number): void {
    this.#room(bytes);
    for (let i = 0; i < bytes; i++, this.#at++) this.#buffer[this.#at] = this.#buffer[this.#at - bytes] as number;
  }

  /** False: it is none, and nothing counts as written. With hyphens or without. */
  uuid(value: string): boolean {
    if (value.length !== 32 && value.length !== 36) return false;
    this.#room(LENGTH_BYTES + UUID_BYTES);
    this.#view.setInt32(this.#at, UUID_BYTES);
    let at = this.#at + LENGTH_BYTES;
    for (let i = 0; i < value.length; i += 2) {
      if (value.length === 36 && HYPHENS.has(i) && value.charCodeAt(i++) !== HYPHEN) return false;
      const high = DIGITS[value.charCodeAt(i)] ?? -1;
      const low = DIGITS[value.charCodeAt(i + 1)] ?? -1;
      if (high < 0 || low < 0) return false;
      this.#buffer[at++] = high * 16 + low;
    }
    this.#at = at;
    return true;
  }

  /** UTF-8 with its length before it. Native code is entered for what is long or not ASCII alone: that costs more than the text. */
  text(value: string): void {
    this.#room(LENGTH_BYTES + 3 * value.length);
    const from = this.#at + LENGTH_BYTES;
    let length = value.length <= SHORT ? asciiInto(this.#buffer, from, value) : -1;
    if (length < 0) length = this.#buffer.write(value, from, "utf8");
    this.#view.setInt32(this.#at, length);
    this.#at = from + length;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const longer = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(longer, 0, 0, this.#at);
    this.#buffer = longer;
    this.#view = viewOf(longer);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Its length, or -1 where it is not ASCII. */
function asciiInto(buffer: Buffer, from: number, value: string): number {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return -1;
    buffer[from + i] = code;
  }
  return value.length;
}
