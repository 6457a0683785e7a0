import type { CallFacts, UsageReport } from "@tollhouse/contract";
import type { Route, StreamMeter } from "../adapter.ts";
import { SseReader } from "../sse.ts";
import type { SseFrame } from "../sse.ts";
import { collectTexts, isObject, parseObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { JsonArrayReader } from "./json-array-reader.ts";
import { streamsAsArray } from "./route.ts";
import { reportOf, searchesOf } from "./usage.ts";

const TEXT_LENGTH_MAX = 1024 * 1024;
/** Output tokens of one picture at the largest size (4K); 1,290 at the default. */
const OUTPUT_IMAGE_TOKENS_MAX = 2_520;
/** Speech is 25 tokens a second of 48,000 bytes (24 kHz, 16 bit); a token for 1,000 bytes is above it. */
const OUTPUT_AUDIO_BYTES_PER_TOKEN = 1_000;
/** Candidates whose end is followed. The API allows 8. */
const CANDIDATES_MAX = 64;
const OPEN_BRACE = 0x7b;
const NOTHING = Buffer.alloc(0);

/** Follows one candidate: has it ended, and how many searches were made for it. */
interface CandidateSeen {
  finished: boolean;
  searches: number;
}

/**
 * Follows one `streamGenerateContent` in either framing. It hides nothing, and hands bytes on in whole frames only, so that
 * a cut put after them is read by the client and not swallowed by half a frame.
 */
export class GeminiMeter implements StreamMeter {
  readonly #facts: CallFacts;
  readonly #headers: Readonly<Record<string, string | undefined>>;
  readonly #reader: SseReader | JsonArrayReader;
  /** Made once: `push` is on the hot path. */
  readonly #onFrame = (frame: SseFrame): void => this.#read(frame);
  readonly #ready: Buffer[] = [];
  #readyLength = 0;
  #heldLength = 0;

  #usage: unknown = null;
  #modelVersion: unknown = null;
  #responseId: unknown = null;
  readonly #candidates = new Map<number, CandidateSeen>();
  #blocked = false;
  #text = "";

  outputBytes = 0;
  failed = false;

  constructor(route: Route, facts: CallFacts, headers: Readonly<Record<string, string | undefined>>) {
    this.#facts = facts;
    this.#headers = headers;
    this.#reader = streamsAsArray(route) ? new JsonArrayReader() : new SseReader();
  }

  /** There is no end mark in this dialect: a stream broken off shows only as a candidate without a finishReason. */
  get ended(): boolean {
    if (this.#blocked) return true;
    for (const candidate of this.#candidates.values()) if (!candidate.finished) return false;
    return this.#candidates.size > 0;
  }

  push(chunk: Buffer): Buffer {
    const heldBefore = this.#heldLength;
    this.#reader.push(chunk, this.#onFrame);
    this.#heldLength = heldBefore + chunk.length - this.#readyLength;
    if (heldBefore > 0) return this.#take();
    const whole = this.#heldLength === 0 ? chunk : chunk.subarray(0, this.#readyLength);
    this.#forgetReady();
    return whole;
  }

  flush(): Buffer {
    this.#reader.flush(this.#onFrame);
    this.#heldLength = 0;
    return this.#take();
  }

  takeText(): string {
    const text = this.#text.length > TEXT_LENGTH_MAX ? this.#text.slice(-TEXT_LENGTH_MAX) : this.#text;
    this.#text = "";
    return text;
  }

  /**
   * The last usage, once the answer has come to its end. Chunks before it tell the usage so far, and to settle a stream that
   * broke off by that would be too little: Google's service runs on after an abort, and charges for it.
   */
  report(): UsageReport | null {
    return this.ended ? this.#reportSeen() : null;
  }

  partial(): UsageReport | null {
    const report = this.#reportSeen();
    if (report === null) return null;
    const { output: _, output_reasoning: __, output_audio: ___, output_image: ____, ...usage } = report.usage;
    return { ...report, usage };
  }

  #reportSeen(): UsageReport | null {
    let searches = 0;
    for (const candidate of this.#candidates.values()) searches += candidate.searches;
    return reportOf(
      {
        usage: this.#usage,
        modelVersion: this.#modelVersion,
        responseId: this.#responseId,
        searches,
        headers: this.#headers,
      },
      this.#facts,
    );
  }

  #take(): Buffer {
    const [first] = this.#ready;
    const bytes = this.#ready.length > 1 ? Buffer.concat(this.#ready) : (first ?? NOTHING);
    this.#forgetReady();
    return bytes;
  }

  #forgetReady(): void {
    this.#ready.length = 0;
    this.#readyLength = 0;
  }

  #read(frame: SseFrame): void {
    this.#ready.push(frame.raw);
    this.#readyLength += frame.raw.length;
    if (frame.unread) return;
    // A host may answer a request for a stream with the one JSON object.
    const text = frame.data === "" && frame.raw[0] === OPEN_BRACE ? frame.raw.toString("utf8") : frame.data;
    const chunk = text === "" ? null : parseObject(text);
    if (chunk === null) return;
    if (isObject(chunk["error"])) this.failed = true;
    this.#usage = chunk["usageMetadata"] ?? this.#usage;
    this.#modelVersion = chunk["modelVersion"] ?? this.#modelVersion;
    this.#responseId = chunk["responseId"] ?? this.#responseId;
    const feedback = chunk["promptFeedback"];
    if (isObject(feedback) && typeof feedback["blockReason"] === "string") this.#blocked = true;
    const candidates = chunk["candidates"];
    if (!Array.isArray(candidates)) return;
    for (const candidate of candidates) if (isObject(candidate)) this.#readCandidate(candidate, frame);
  }

  #readCandidate(candidate: JsonObject, frame: SseFrame): void {
    const seen = this.#candidate(candidate["index"]);
    const reason = candidate["finishReason"];
    if (typeof reason === "string" && reason !== "FINISH_REASON_UNSPECIFIED") seen.finished = true;
    // Grounding is told again with each chunk, or once: the largest is the whole.
    seen.searches = Math.max(seen.searches, searchesOf(candidate));
    const content = candidate["content"];
    const parts = isObject(content) ? content["parts"] : null;
    if (Array.isArray(parts)) for (const part of parts) if (isObject(part)) this.#readPart(part, frame);
  }

  #candidate(value: unknown): CandidateSeen {
    const index = typeof value === "number" ? value : 0;
    let seen = this.#candidates.get(index);
    if (seen === undefined) {
      seen = { finished: false, searches: 0 };
      if (this.#candidates.size < CANDIDATES_MAX) this.#candidates.set(index, seen);
    }
    return seen;
  }

  #readPart(part: JsonObject, frame: SseFrame): void {
    if (typeof part["text"] === "string") this.#count(part["text"], Buffer.byteLength(part["text"]));
    const call = part["functionCall"];
    // The frame's own length bounds the arguments with their punctuation, which is part of the output.
    if (isObject(call)) this.#count(collectTexts([call], () => false).join(" "), frame.raw.length);
    const code = part["executableCode"];
    if (isObject(code) && typeof code["code"] === "string") this.#count(code["code"], Buffer.byteLength(code["code"]));
    const media = part["inlineData"];
    if (isObject(media) && typeof media["data"] === "string")
      this.outputBytes += String(media["mimeType"]).startsWith("audio/")
        ? Math.ceil(media["data"].length / OUTPUT_AUDIO_BYTES_PER_TOKEN)
        : OUTPUT_IMAGE_TOKENS_MAX;
  }

  #count(text: string, bytes: number): void {
    this.outputBytes += bytes;
    this.#text += text;
    if (this.#text.length > 2 * TEXT_LENGTH_MAX) this.#text = this.#text.slice(-TEXT_LENGTH_MAX);
  }
}
