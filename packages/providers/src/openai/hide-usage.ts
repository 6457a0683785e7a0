import { editTopLevel } from "../json-edit.ts";
import type { SseFrame } from "../sse.ts";
import { arrayOf, type JsonObject } from "./json-fields.ts";

const NOTHING = Buffer.alloc(0);
const DATA = Buffer.from("data:");
const USAGE_KEY = Buffer.from('"usage"');
const NULL_VALUE = Buffer.from(":null");
const UNICODE_ESCAPE = Buffer.from("\\u");
const COMMA = 0x2c;

/**
 * The chunk that is there only because we asked for usage goes away whole; `"usage":null` goes out of the others. Azure's
 * first chunk has no choices either, but filter results: it stays. Usage that a host sends unasked beside choices stays.
 */
export function withoutUsage(frame: SseFrame, chunk: JsonObject): Buffer {
  const usage = chunk["usage"];
  if (usage === undefined) return frame.raw;
  const choices = chunk["choices"];
  const filtered = arrayOf(chunk["prompt_filter_results"]).length > 0;
  const onlyUsage = Array.isArray(choices) && choices.length === 0 && !filtered;
  if (usage !== null && onlyUsage) return NOTHING;
  if (usage !== null && !filtered) return frame.raw;
  return (usage === null ? withoutNullAtOnce(frame.raw) : null) ?? withoutKey(frame);
}

const USAGE_REMOVED = [{ path: ["usage"], json: null }] as const;

function withoutKey(frame: SseFrame): Buffer {
  const { raw, data } = frame;
  const start = raw.subarray(0, DATA.length).equals(DATA) ? raw.indexOf("{") : raw.indexOf(data);
  const end = start + Buffer.byteLength(data);
  // JSON over several data lines: no host writes it; it stays as it came.
  if (start === -1 || breaksWithin(raw, start, end)) return raw;
  return Buffer.concat([
    raw.subarray(0, start),
    editTopLevel(raw.subarray(start, end), USAGE_REMOVED),
    raw.subarray(end),
  ]);
}

function breaksWithin(raw: Buffer, start: number, end: number): boolean {
  const [lf, cr] = [raw.indexOf("\n", start), raw.indexOf("\r", start)];
  return (lf !== -1 && lf < end) || (cr !== -1 && cr < end);
}

/**
 * The usual spelling, `,"usage":null` once, on every chunk of every stream that we asked for usage: three native searches
 * instead of a scan. Bytes `"usage"` cannot stand inside of a text (its quotes would be escaped), so if they are there once and
 * no key can be spelled with escapes, they are the top-level key that the parsed chunk has. Null = it takes the scan.
 */
function withoutNullAtOnce(raw: Buffer): Buffer | null {
  const at = raw.indexOf(USAGE_KEY);
  const value = at + USAGE_KEY.length;
  const end = value + NULL_VALUE.length;
  if (at < 1 || end > raw.length || raw[at - 1] !== COMMA) return null;
  if (raw.compare(NULL_VALUE, 0, NULL_VALUE.length, value, end) !== 0) return null;
  if (raw.indexOf(USAGE_KEY, end) !== -1 || raw.indexOf(UNICODE_ESCAPE) !== -1) return null;
  return Buffer.concat([raw.subarray(0, at - 1), raw.subarray(end)]);
}
