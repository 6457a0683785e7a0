const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Map(Array.from(ALPHABET, (letter, value) => [letter, value]));

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
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
  const data = text.replace(/={0,2}$/, "");
  if (text.length % 4 !== 0 || data.length % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((data.length * 3) / 4));
  let [bits, held, at] = [0, 0, 0];
  for (const letter of data) {
    const value = VALUES.get(letter);
    if (value === undefined) return null;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes[at++] = (bits >> held) & 0xff;
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : null;
}
