import { USAGE_CLASSES } from "@tollhouse/contract/usage";
import { FIELD_CODECS, type FieldKind } from "./field-codecs.ts";
import { BODY_HEADER_BYTES, decodeBody, unsignedAt } from "./entry.ts";
import { decodeFields, FIELDS } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { LIMIT_BYTES, LIMIT_WORDS } from "./limit-seen.ts";

const KIND_BY_TAG: (FieldKind | undefined)[] = [];
for (const { tag, kind } of Object.values(FIELDS)) KIND_BY_TAG[tag] = kind;

/**
 * Would `decodeFields` take this field? Without making anything, for the usual ones: whoever walks millions of entries spends more time on
 * clearing away what decoding makes than on hashing. Unknown tags are of a later version, and well-formed.
 */
export function isWellFormedField(tag: number, body: Uint8Array, from: number, to: number): boolean {
  const kind = KIND_BY_TAG[tag];
  switch (kind) {
    case undefined:
      return true;
    case "bytes32":
      return to - from === 32;
    case "u32":
      return to - from === 4;
    case "i64":
      return to - from === 8;
    case "text":
      return isAscii(body, from, to) || decodes(kind, body, from, to);
    case "counters":
      return areCounters(body, from, to) || decodes(kind, body, from, to);
    case "limits":
      return areLimits(body, from, to) || decodes(kind, body, from, to);
    case "usage":
      return isUsage(body, from, to);
    case "counts":
      return decodes(kind, body, from, to);
    default:
      throw new Error(`no such kind of field: ${String(kind satisfies never)}`);
  }
}

/** Throws where `decodeFields` does of the fields of a body that was checked, and makes nothing of what is well-formed. */
export function checkFields(body: Uint8Array): void {
  for (let at = BODY_HEADER_BYTES; at < body.length;) {
    const from = at + 6;
    const tag = unsignedAt(body, at, 2);
    at = from + unsignedAt(body, at + 2, 4);
    if (!isWellFormedField(tag, body, from, at)) decodeFields(decodeBody(body).fields);
  }
}

/** The units of those classes that count (by class number) in a usage field that is well-formed. */
export function sumOfUsage(body: Uint8Array, from: number, to: number, counts: readonly boolean[]): number {
  let sum = 0;
  for (let at = from; at + 9 <= to; at += 9)
    if (counts[body[at] as number] === true) sum += unsignedAt(body, at + 1, 8);
  return sum;
}

function decodes(kind: FieldKind, body: Uint8Array, from: number, to: number): boolean {
  try {
    FIELD_CODECS[kind].decode(body.subarray(from, to));
    return true;
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    return false;
  }
}

function isAscii(body: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((body[at] as number) > 0x7f) return false;
  return true;
}

function areCounters(body: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    for (let text = 0; text < 2; text++) {
      const end = at + 1 + (body[at] ?? 0);
      if (end > to || !isAscii(body, at + 1, end)) return false;
      at = end;
    }
    at += 8;
  }
  return at === to;
}

/** Classes known and ascending, units below 2^53. */
function isUsage(body: Uint8Array, from: number, to: number): boolean {
  if ((to - from) % 9 !== 0) return false;
  let last = -1;
  for (let at = from; at < to; at += 9) {
    const index = body[at] as number;
    if (index <= last || index >= USAGE_CLASSES.length || body[at + 1] !== 0 || (body[at + 2] as number) > 0x1f)
      return false;
    last = index;
  }
  return true;
}

function areLimits(body: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const end = at + 1 + (body[at] as number);
    if (end + LIMIT_BYTES > to || !isAscii(body, at + 1, end)) return false;
    for (let word = 0; word < LIMIT_WORDS.length; word++)
      if ((body[end + word] as number) >= (LIMIT_WORDS[word] as number)) return false;
    at = end + LIMIT_BYTES;
  }
  return at === to;
}
