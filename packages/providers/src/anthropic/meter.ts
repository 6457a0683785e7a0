import type { CallFacts, UsageReport } from "@tollhouse/contract";
import type { StreamMeter } from "../adapter.ts";
import { SseReader } from "../sse.ts";
import type { SseFrame } from "../sse.ts";
import { isObject, parseObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { mergeUsage } from "./merge-usage.ts";
import { partialOf, reportOf } from "./usage.ts";
import type { MessageSeen } from "./usage.ts";

const TEXT_LENGTH_MAX = 1024 * 1024;
/** Tokens around a tool call that are in none of its fields. */
const TOOL_CALL_TOKENS = 32;
const OPEN_BRACE = 0x7b;
const NOTHING = Buffer.alloc(0);

/**
 * Follows one Messages stream. It hides nothing, and hands bytes on in whole frames only: half a frame is of no use to the
 * client, and a cut (`event: error`) put after half a frame would be swallowed by it.
 */
export class AnthropicMeter implements StreamMeter {
  readonly #facts: CallFacts;
  readonly #reader = new SseReader();
  /** Made once: `push` is on the hot path. */
  readonly #onFrame = (frame: SseFrame): void => this.#read(frame);
  readonly #ready: Buffer[] = [];
  #readyLength = 0;
  #heldLength = 0;

  #usage: Record<string, unknown> | null = null;
  #complete = false;
  #model: unknown = null;
  #id: unknown = null;
  #stopReason: unknown = null;
  #hasContent = false;
  #text = "";

  outputBytes = 0;
  ended = false;
  failed = false;

  constructor(facts: CallFacts) {
    this.#facts = facts;
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
   * Null until the answer has come to its end: turns with tools at the provider tell the usage so far on the way, and to
   * settle a stream that broke off by that would be too little.
   */
  report(): UsageReport | null {
    return this.#complete && (this.ended || this.#stopReason !== null) ? reportOf(this.#seen(), this.#facts) : null;
  }

  partial(): UsageReport | null {
    return partialOf(this.#seen(), this.#facts);
  }

  #seen(): MessageSeen {
    return {
      usage: this.#usage,
      model: this.#model,
      id: this.#id,
      stopReason: this.#stopReason,
      hasContent: this.#hasContent,
    };
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
    if (frame.data !== "") {
      const event = parseObject(frame.data);
      if (event !== null) this.#readEvent(event);
    } else if (frame.raw[0] === OPEN_BRACE) this.#readWholeAnswer(parseObject(frame.raw.toString("utf8")));
  }

  #readEvent(event: JsonObject): void {
    switch (event["type"]) {
      case "message_start":
        if (isObject(event["message"])) this.#readMessage(event["message"]);
        return;
      case "content_block_start":
        if (isObject(event["content_block"])) this.#readBlock(event["content_block"]);
        return;
      case "content_block_delta":
        if (isObject(event["delta"])) this.#readDelta(event["delta"]);
        return;
      case "message_delta":
        this.#readMessageDelta(event);
        return;
      case "message_stop":
        this.ended = true;
        return;
      case "error":
        this.failed = true;
        return;
      default:
      // ping, content_block_stop, and what may come later.
    }
  }

  #readMessage(message: JsonObject): void {
    this.#model = message["model"] ?? this.#model;
    this.#id = message["id"] ?? this.#id;
    this.#usage = mergeUsage(this.#usage, message["usage"]);
  }

  /** Tool results inside the answer are input that the provider appended, so only what the model wrote is counted. */
  #readBlock(block: JsonObject): void {
    this.#hasContent = true;
    this.#count(block["text"]);
    this.#count(block["thinking"]);
    switch (block["type"]) {
      case "redacted_thinking":
        if (typeof block["data"] === "string") this.outputBytes += block["data"].length;
        return;
      case "tool_use":
      case "server_tool_use":
      case "mcp_tool_use":
        this.#count(block["name"]);
        this.outputBytes += TOOL_CALL_TOKENS;
        return;
      case "fallback":
        if (isObject(block["to"])) this.#model = block["to"]["model"] ?? this.#model;
        return;
      default:
    }
  }

  /** `signature_delta` and `citations_delta` are no output tokens. */
  #readDelta(delta: JsonObject): void {
    this.#count(delta["text"]);
    this.#count(delta["partial_json"]);
    this.#count(delta["thinking"]);
    if (delta["type"] === "compaction_delta") this.#count(delta["content"]);
  }

  #readMessageDelta(event: JsonObject): void {
    const delta = event["delta"];
    if (isObject(delta)) this.#stopReason = delta["stop_reason"] ?? this.#stopReason;
    const usage = event["usage"];
    if (!isObject(usage)) return;
    this.#usage = mergeUsage(this.#usage, usage);
    if ((usage["output_tokens"] ?? null) !== null) this.#complete = true;
  }

  /** A host may answer a request for a stream with the one JSON object. */
  #readWholeAnswer(body: JsonObject | null): void {
    if (body?.["type"] === "error") this.failed = true;
    if (body?.["type"] !== "message") return;
    this.#readMessage(body);
    this.#stopReason = body["stop_reason"];
    if (Array.isArray(body["content"]))
      for (const block of body["content"]) if (isObject(block)) this.#readBlock(block);
    this.#complete = this.ended = true;
  }

  #count(text: unknown): void {
    if (typeof text !== "string" || text === "") return;
    this.outputBytes += Buffer.byteLength(text);
    this.#text += text;
    if (this.#text.length > 2 * TEXT_LENGTH_MAX) this.#text = this.#text.slice(-TEXT_LENGTH_MAX);
  }
}
