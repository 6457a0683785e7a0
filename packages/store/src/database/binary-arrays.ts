import { statementName } from "./sql.ts";

/** Types of elements that are sent as PostgreSQL's own bytes: their OIDs (pg_type.dat), which never change. */
const OIDS = { bytea: 17, bigint: 20, smallint: 21, integer: 23, text: 25, uuid: 2950 } as const;
type Element = keyof typeof OIDS;

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/;

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
  const array = new Writer(HEADER_BYTES + values.length * 16);
  array.int32(values.length === 0 ? 0 : 1);
  array.int32(values.includes(null) || values.includes(undefined) ? 1 : 0);
  array.int32(OIDS[element]);
  if (values.length === 0) return array.written();
  array.int32(values.length);
  array.int32(1);
  for (const value of values) {
    if (value === null || value === undefined) array.int32(-1);
    else if (!WRITERS[element](array, value)) return null;
  }
  return array.written();
}

const WRITERS: { readonly [E in Element]: (array: Writer, value: unknown) => boolean } = {
  text(array, value) {
    if (typeof value !== "string") return false;
    array.text(value);
    return true;
  },
  bytea(array, value) {
    if (!(value instanceof Uint8Array)) return false;
    array.int32(value.length);
    array.bytes(value);
    return true;
  },
  bigint(array, value) {
    const whole = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
    if (typeof whole !== "bigint" || BigInt.asIntN(64, whole) !== whole) return false;
    array.int32(8);
    array.int64(whole);
    return true;
  },
  integer(array, value) {
    if (typeof value !== "number" || (value | 0) !== value) return false;
    array.int32(4);
    array.int32(value);
    return true;
  },
  smallint(array, value) {
    if (typeof value !== "number" || (value << 16) >> 16 !== value) return false;
    array.int32(2);
    array.int16(value);
    return true;
  },
  uuid(array, value) {
    if (typeof value !== "string" || !UUID.test(value)) return false;
    array.int32(16);
    array.hex(value.length === 32 ? value : value.replaceAll("-", ""));
    return true;
  },
};

/** Bytes one behind the other. */
class Writer {
  #buffer: Buffer;
  #at = 0;

  constructor(bytes: number) {
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  int16(value: number): void {
    this.#room(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
  }

  int32(value: number): void {
    this.#room(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
  }

  int64(value: bigint): void {
    this.#room(8);
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  hex(value: string): void {
    this.#room(value.length / 2);
    this.#at += this.#buffer.write(value, this.#at, "hex");
  }

  /** UTF-8 with its length before it. Native code is entered for what is long or not ASCII alone: that costs more than the text. */
  text(value: string): void {
    this.#room(LENGTH_BYTES + 3 * value.length);
    const from = this.#at + LENGTH_BYTES;
    let length = value.length <= SHORT ? asciiInto(this.#buffer, from, value) : -1;
    if (length < 0) length = this.#buffer.write(value, from, "utf8");
    this.#buffer.writeInt32BE(length, this.#at);
    this.#at = from + length;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const longer = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#at + bytes));
    this.#buffer.copy(longer, 0, 0, this.#at);
    this.#buffer = longer;
  }
}

const SHORT = 48;

/** Its length, or -1 where it is not ASCII. */
function asciiInto(buffer: Buffer, from: number, value: string): number {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0x7f) return -1;
    buffer[from + i] = code;
  }
  return value.length;
}
