import { FIELD_CODECS, type FieldKind } from "./field-codecs.ts";
import { FIELDS } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

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
    case "usage":
    case "counts":
    case "limits":
      return decodes(kind, body, from, to);
    default:
      throw new Error(`no such kind of field: ${String(kind satisfies never)}`);
  }
}

/** The units of those classes that count (by class number) in a usage field that is well-formed. */
export function sumOfUsage(body: Uint8Array, from: number, to: number, counts: readonly boolean[]): number {
  let sum = 0;
  for (let at = from; at + 9 <= to; at += 9) if (counts[body[at] as number] === true) sum += units(body, at + 1);
  return sum;
}

/** Below 2^53, as the form demands. */
function units(body: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 8; i++) value = value * 256 + (body[at + i] as number);
  return value;
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
