import { USAGE_CLASSES } from "@tollhouse/contract/usage";
import { dataView, isAscii } from "./bytes.ts";
import { FIELD_CODECS, type FieldKind } from "./field-codecs.ts";
import { BODY_HEADER_BYTES, decodeBody, FIELD_HEADER_BYTES } from "./entry.ts";
import { decodeFields, FIELDS } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { LIMIT_BYTES, LIMIT_WORDS } from "./limit-seen.ts";

const KIND_BY_TAG: (FieldKind | undefined)[] = [];
for (const { tag, kind } of Object.values(FIELDS)) KIND_BY_TAG[tag] = kind;

/**
 * Would `decodeFields` take this field? Without making anything, for the usual ones: whoever walks millions of entries spends more time on
 * clearing away what decoding makes than on hashing. Unknown tags are of a later version, and well-formed.
 */
export function isWellFormedField(tag: number, view: DataView, from: number, to: number): boolean {
  const kind = KIND_BY_TAG[tag];
  switch (kind) {
    case undefined:
      return true;
    case "text":
      return isAscii(view, from, to) || decodes(kind, view, from, to);
    case "bytes32":
      return to - from === 32;
    case "u32":
      return to - from === 4;
    case "i64":
      return to - from === 8;
    case "counters":
      return areCounters(view, from, to) || decodes(kind, view, from, to);
    case "limits":
      return areLimits(view, from, to) || decodes(kind, view, from, to);
    case "usage":
      return isUsage(view, from, to);
    case "counts":
      return decodes(kind, view, from, to);
    default:
      throw new Error(`no such kind of field: ${String(kind satisfies never)}`);
  }
}

/** Throws where `decodeFields` does of the fields of a body that was checked, and makes nothing of what is well-formed. */
export function checkFields(body: Uint8Array): void {
  const view = dataView(body);
  for (let at = BODY_HEADER_BYTES; at < body.length;) {
    const from = at + FIELD_HEADER_BYTES;
    const tag = view.getUint16(at);
    at = from + view.getUint32(at + 2);
    if (!isWellFormedField(tag, view, from, at)) decodeFields(decodeBody(body).fields);
  }
}

/** The units of those classes that count (by class number) in a usage field that is well-formed. */
export function sumOfUsage(view: DataView, from: number, to: number, counts: readonly boolean[]): number {
  let sum = 0;
  for (let at = from; at + 9 <= to; at += 9)
    if (counts[view.getUint8(at)] === true) sum += view.getUint32(at + 1) * 2 ** 32 + view.getUint32(at + 5);
  return sum;
}

function decodes(kind: FieldKind, view: DataView, from: number, to: number): boolean {
  try {
    FIELD_CODECS[kind].decode(new Uint8Array(view.buffer, view.byteOffset + from, to - from));
    return true;
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    return false;
  }
}

function areCounters(view: DataView, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    for (let text = 0; text < 2; text++) {
      if (at >= to) return false;
      const end = at + 1 + view.getUint8(at);
      if (end > to || !isAscii(view, at + 1, end)) return false;
      at = end;
    }
    at += 8;
  }
  return at === to;
}

/** Classes known and ascending, units below 2^53. */
function isUsage(view: DataView, from: number, to: number): boolean {
  if ((to - from) % 9 !== 0) return false;
  let last = -1;
  for (let at = from; at < to; at += 9) {
    const index = view.getUint8(at);
    if (index <= last || index >= USAGE_CLASSES.length || view.getUint16(at + 1) > 0x1f) return false;
    last = index;
  }
  return true;
}

function areLimits(view: DataView, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const end = at + 1 + view.getUint8(at);
    if (end + LIMIT_BYTES > to || !isAscii(view, at + 1, end)) return false;
    for (let word = 0; word < LIMIT_WORDS.length; word++)
      if (view.getUint8(end + word) >= (LIMIT_WORDS[word] as number)) return false;
    at = end + LIMIT_BYTES;
  }
  return at === to;
}
