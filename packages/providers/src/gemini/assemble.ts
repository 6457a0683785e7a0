import type { Assembler, Refusal, Route } from "../adapter.ts";
import { SseReader } from "../sse.ts";
import type { SseFrame } from "../sse.ts";
import { isObject, parseObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { JsonArrayReader } from "./json-array-reader.ts";
import { streamsAsArray } from "./route.ts";

/** A candidate under construction. */
interface OpenCandidate {
  fields: Record<string, unknown>;
  content: Record<string, unknown> | null;
  parts: Record<string, unknown>[] | null;
}

/** Builds the GenerateContentResponse that `generateContent` would have sent, equal to it field for field. */
export class GeminiAssembler implements Assembler {
  readonly #reader: SseReader | JsonArrayReader;
  readonly #onFrame = (frame: SseFrame): void => this.#read(frame);
  readonly #response: Record<string, unknown> = {};
  readonly #candidates = new Map<number, OpenCandidate>();

  error: { readonly status: number; readonly body: Buffer } | null = null;

  constructor(route: Route) {
    this.#reader = streamsAsArray(route) ? new JsonArrayReader() : new SseReader();
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk, this.#onFrame);
  }

  finish(cut: Refusal | null): Buffer {
    this.#reader.flush(this.#onFrame);
    if (cut !== null && this.#candidates.size === 0) this.#candidates.set(0, emptyCandidate());
    const candidates = [...this.#candidates]
      .sort(([left], [right]) => left - right)
      .map(([, open]) => closed(open, cut));
    const response = { ...this.#response };
    // In the place the provider gave it; a blocked prompt has none.
    if (candidates.length > 0) response["candidates"] = candidates;
    if (cut !== null) response["tollhouse"] = cut.tollhouse;
    return Buffer.from(JSON.stringify(response));
  }

  #read(frame: SseFrame): void {
    const chunk = frame.data === "" ? null : parseObject(frame.data);
    if (chunk === null) return;
    if (isObject(chunk["error"])) {
      this.error = { status: statusOf(chunk["error"]), body: Buffer.from(JSON.stringify({ error: chunk["error"] })) };
      return;
    }
    for (const [key, value] of Object.entries(chunk)) {
      if (key === "candidates" && Array.isArray(value)) {
        this.#response["candidates"] ??= null;
        for (const candidate of value) if (isObject(candidate)) this.#readCandidate(candidate);
      } else if (value !== null) this.#response[key] = value;
    }
  }

  #readCandidate(candidate: JsonObject): void {
    const index = typeof candidate["index"] === "number" ? candidate["index"] : 0;
    let open = this.#candidates.get(index);
    if (open === undefined) {
      open = { fields: {}, content: null, parts: null };
      this.#candidates.set(index, open);
    }
    for (const [key, value] of Object.entries(candidate)) {
      if (key === "content" && isObject(value)) readContent(open, value);
      else if (key === "logprobsResult") open.fields[key] = joinLists(open.fields[key], value);
      else if (value !== null) open.fields[key] = value;
      if (key === "content") open.fields["content"] = null;
    }
  }
}

function readContent(open: OpenCandidate, content: JsonObject): void {
  const { parts, ...others } = content;
  open.content = { ...open.content, ...others };
  if (!Array.isArray(parts)) return;
  open.parts ??= [];
  for (const part of parts) if (isObject(part)) addPart(open.parts, part);
}

/**
 * A text that goes on from chunk to chunk is one part in the whole answer. Thoughts and answer, and anything that is not
 * text (calls, media, code), keep parts of their own. A signature ends the part it comes with.
 */
function addPart(parts: Record<string, unknown>[], part: JsonObject): void {
  const last = parts.at(-1);
  if (last === undefined || !continues(last, part)) parts.push({ ...part });
  else parts[parts.length - 1] = { ...last, ...part, text: String(last["text"]) + String(part["text"]) };
}

const TEXT_PART_KEYS = new Set(["text", "thought", "thoughtSignature"]);

function continues(last: JsonObject, part: JsonObject): boolean {
  if (!isTextPart(last) || !isTextPart(part)) return false;
  return last["thoughtSignature"] === undefined && (last["thought"] === true) === (part["thought"] === true);
}

function isTextPart(part: JsonObject): boolean {
  return typeof part["text"] === "string" && Object.keys(part).every((key) => TEXT_PART_KEYS.has(key));
}

/** Log probabilities are told for the tokens of each chunk. */
function joinLists(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return after ?? before;
  const joined: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(after)) {
    const list = joined[key];
    joined[key] = Array.isArray(list) && Array.isArray(value) ? [...list, ...value] : value;
  }
  return joined;
}

function closed(open: OpenCandidate, cut: Refusal | null): Record<string, unknown> {
  const fields = { ...open.fields };
  if (open.content !== null || open.parts !== null)
    fields["content"] = { ...(open.parts !== null && { parts: open.parts }), ...open.content };
  if (cut !== null) fields["finishReason"] ??= "MAX_TOKENS";
  return fields;
}

/** Cut before the provider said anything. */
function emptyCandidate(): OpenCandidate {
  return { fields: { content: null, finishReason: "MAX_TOKENS", index: 0 }, content: { role: "model" }, parts: [] };
}

function statusOf(error: JsonObject): number {
  const code = error["code"];
  return typeof code === "number" && code >= 400 && code < 600 && Number.isInteger(code) ? code : 500;
}
