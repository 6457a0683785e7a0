const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** By character code; -1 = not of the alphabet. */
const BASE64 = valuesOf(ALPHABET);
/** Of each of four bytes. */
const HIGH_BITS = 0x80808080 | 0;
const HEX = valuesOf("0123456789abcdef");

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The same bytes, for four of them at once. */
export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Have both these bytes, wherever they lie? The last four are looked at together, some of them twice: short rests cost more than whole words. */
export function sameBytes(a: DataView, aAt: number, b: DataView, bAt: number, length: number): boolean {
  const last = length - 4;
  for (let i = 0; i < last; i += 4) if (a.getInt32(aAt + i, true) !== b.getInt32(bAt + i, true)) return false;
  if (last >= 0) return a.getInt32(aAt + last, true) === b.getInt32(bAt + last, true);
  for (let i = 0; i < length; i++) if (a.getUint8(aAt + i) !== b.getUint8(bAt + i)) return false;
  return true;
}

/** To memory that is not the same. A call of `set` takes longer for a hash than this does. */
export function copyBytes(from: DataView, fromAt: number, to: DataView, toAt: number, length: number): void {
  const last = length - 4;
  for (let i = 0; i < last; i += 4) to.setInt32(toAt + i, from.getInt32(fromAt + i, true), true);
  if (last >= 0) return to.setInt32(toAt + last, from.getInt32(fromAt + last, true), true);
  for (let i = 0; i < length; i++) to.setUint8(toAt + i, from.getUint8(fromAt + i));
}

/** As `sameBytes` looks at them. */
export function isAscii(view: DataView, from: number, to: number): boolean {
  const last = to - 4;
  for (let at = from; at < last; at += 4) if ((view.getInt32(at) & HIGH_BITS) !== 0) return false;
  if (last >= from) return (view.getInt32(last) & HIGH_BITS) === 0;
  for (let at = from; at < to; at++) if (view.getUint8(at) > 0x7f) return false;
  return true;
}

/** RFC 4648, section 4, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const letters = [18, 12, 6, 0].map((shift) => ALPHABET[(group >> shift) & 63]);
    const given = Math.min(3, bytes.length - at);
    text += letters.slice(0, given + 1).join("") + "=".repeat(3 - given);
  }
  return text;
}

/** Null where the text is not the one encoding of some bytes: no other alphabet, no missing padding, no stray bits. */
export function fromBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null;
  let letters = text.length;
  for (let padding = 0; padding < 2 && text.charCodeAt(letters - 1) === 0x3d; padding++) letters -= 1;
  if (letters % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((letters * 3) / 4));
  const value = (i: number): number => BASE64[text.charCodeAt(i)] ?? -1;
  let at = 0;
  let i = 0;
  // Four letters at once; one that is none makes the group negative.
  for (; i + 4 <= letters; i += 4) {
    const group = (value(i) << 18) | (value(i + 1) << 12) | (value(i + 2) << 6) | value(i + 3);
    if (group < 0) return null;
    bytes[at++] = group >> 16;
    bytes[at++] = group >> 8;
    bytes[at++] = group;
  }
  if (i === letters) return bytes;
  const isThree = letters - i === 3;
  const rest = (value(i) << 12) | (value(i + 1) << 6) | (isThree ? value(i + 2) : 0);
  if (rest < 0 || (rest & (isThree ? 0x3 : 0x3ff)) !== 0) return null;
  bytes[at++] = rest >> 10;
  if (isThree) bytes[at] = rest >> 2;
  return bytes;
}

/** Null where the text is not this many bytes as lower-case digits, two a byte. */
export function fromHex(text: string, length: number): Uint8Array | null {
  if (text.length !== 2 * length) return null;
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const high = HEX[text.charCodeAt(2 * i)] ?? -1;
    const low = HEX[text.charCodeAt(2 * i + 1)] ?? -1;
    if (high < 0 || low < 0) return null;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

function valuesOf(alphabet: string): Int8Array {
  const values = new Int8Array(128).fill(-1);
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;
  return values;
}
