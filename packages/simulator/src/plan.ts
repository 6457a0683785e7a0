import type { Call } from "./call.ts";
import type { Classes, Segments } from "./model.ts";

/** Text tokens: ceil(UTF-8 bytes / 4), which is never more than the bytes (nor is the tool text below). */
export function textTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/** Text counts as it is, without quotes and escapes; everything else as its JSON. */
export function jsonTokens(value: unknown): number {
  if (typeof value === "string") return textTokens(value);
  return value === undefined || value === null ? 0 : textTokens(JSON.stringify(value));
}

/** Framing of one message, in tokens. */
export const MESSAGE_TOKENS = 3;

/** What a request holds, by the simulator's own count. */
export interface Counted {
  readonly text: number;
  readonly image: number;
}

/** Input of a call, split into disjoint parts. */
export interface InputPlan {
  readonly text: number;
  readonly cacheRead: number;
  readonly write5m: number;
  readonly write1h: number;
  readonly audio: number;
  readonly image: number;
  readonly total: number;
}

/**
 * Cached and written tokens are parts of the text that was counted, so they never exceed it; audio comes on top, as the
 * steering says. `imageIsText`: this dialect does not tell image tokens from text.
 */
export function planInput(call: Call, counted: Counted, imageIsText: boolean): InputPlan {
  const { steering } = call;
  let left = counted.text + steering.hiddenInputTokens + (imageIsText ? counted.image : 0);
  const take = (wanted: number): number => {
    const taken = Math.min(wanted, left);
    left -= taken;
    return taken;
  };
  const cacheRead = take(steering.cachedTokens);
  const write5m = take(steering.cacheWriteTokens);
  const write1h = take(steering.cacheWrite1hTokens);
  const image = imageIsText ? 0 : counted.image;
  const total = left + cacheRead + write5m + write1h + image + steering.audioTokens;
  return { text: left, cacheRead, write5m, write1h, audio: steering.audioTokens, image, total };
}

export function inputClasses(input: InputPlan, units: Classes): Classes {
  return {
    input: input.text,
    input_cache_read: input.cacheRead,
    input_cache_write_5m: input.write5m,
    input_cache_write_1h: input.write1h,
    input_audio: input.audio,
    input_image: input.image,
    ...units,
  };
}

/** One of the outputs of a call (`n`, `best_of`, `candidateCount`). */
export interface Choice {
  /** Where its words start on the tape. */
  readonly start: number;
  readonly hidden: number;
  readonly visible: number;
  readonly audio: number;
  /** Did the output cap end it? */
  readonly capped: boolean;
  readonly tool: boolean;
}

export interface OutputPlan {
  readonly choices: readonly Choice[];
  readonly hidden: number;
  readonly visible: number;
  readonly audio: number;
  readonly segments: Segments;
  /** As reported: `usage_too_big` multiplies it. */
  readonly reported: { readonly hidden: number; readonly visible: number; readonly audio: number };
  readonly billed: Segments;
}

const SEEDED_TOKENS_MIN = 20;
const SEEDED_TOKENS_MAX = 200;

/** `cap` is the request's own output limit for each choice, hidden tokens included; null where it names none. */
export function planOutput(call: Call, cap: number | null, count: number, hasTools: boolean): OutputPlan {
  const choices: Choice[] = [];
  for (let i = 0; i < count; i++) choices.push(planChoice(call, cap ?? Number.MAX_SAFE_INTEGER, hasTools));
  let hidden = 0;
  let visible = 0;
  let audio = 0;
  for (const choice of choices) {
    hidden += choice.hidden;
    visible += choice.visible;
    audio += choice.audio;
  }
  const factor = call.fault?.kind === "usage_too_big" ? call.fault.factor : 1;
  const reported = { hidden: hidden * factor, visible: visible * factor, audio: audio * factor };
  const segments = segmentsOf(hidden, visible, audio);
  const billed = factor === 1 ? segments : segmentsOf(reported.hidden, reported.visible, reported.audio);
  return { choices, hidden, visible, audio, segments, reported, billed };
}

function segmentsOf(hidden: number, visible: number, audio: number): Segments {
  return [
    ["output_reasoning", hidden],
    ["output", visible],
    ["output_audio", audio],
  ];
}

function planChoice(call: Call, cap: number, hasTools: boolean): Choice {
  const { steering, random } = call;
  const start = random.next();
  const wanted = steering.outputTokens ?? random.between(SEEDED_TOKENS_MIN, SEEDED_TOKENS_MAX);
  const hidden = Math.min(steering.reasoningTokens, cap);
  const visible = Math.min(wanted, cap - hidden);
  const audio = Math.min(steering.outputAudioTokens, cap - hidden - visible);
  const capped = hidden + visible + audio < steering.reasoningTokens + wanted + steering.outputAudioTokens;
  return { start, hidden, visible, audio, capped, tool: hasTools && steering.tool };
}

/** A streamed piece of one choice. */
export interface Piece {
  readonly text: string;
  readonly tokens: number;
}

const TOOL_HEAD = '{"query":"';
const TOOL_HEAD_TOKENS = 3;
const TOOL_TAIL = '"}';
const TOOL_TAIL_TOKENS = 1;

/** The text of a choice: words, or the arguments of its tool call (unfinished JSON where the cap ended it). */
export function* piecesOf(call: Call, choice: Choice): Generator<Piece> {
  if (!choice.tool) {
    yield* wordPieces(call, choice.start, choice.visible);
    return;
  }
  const words = choice.visible - TOOL_HEAD_TOKENS - TOOL_TAIL_TOKENS;
  if (words < 0) {
    const blanks = " ".repeat(choice.visible);
    yield { text: choice.capped ? `{${blanks}` : `{${blanks}}`, tokens: choice.visible };
    return;
  }
  yield { text: TOOL_HEAD, tokens: TOOL_HEAD_TOKENS };
  yield* wordPieces(call, choice.start, words);
  yield { text: choice.capped ? "" : TOOL_TAIL, tokens: TOOL_TAIL_TOKENS };
}

function* wordPieces(call: Call, start: number, count: number): Generator<Piece> {
  for (let at = 0; at < count; at += call.chunkTokens) {
    const tokens = Math.min(call.chunkTokens, count - at);
    yield { text: call.text.words(start + at, tokens), tokens };
  }
}

/** The same text in one piece. */
export function wholeText(call: Call, choice: Choice): string {
  if (!choice.tool) return call.text.words(choice.start, choice.visible);
  let text = "";
  for (const piece of piecesOf(call, choice)) text += piece.text;
  return text;
}

/** Hidden tokens take their time like others, and show nothing. */
export function* hiddenPieces(call: Call, hidden: number): Generator<Piece> {
  for (let at = 0; at < hidden; at += call.chunkTokens) {
    yield { text: "", tokens: Math.min(call.chunkTokens, hidden - at) };
  }
}
