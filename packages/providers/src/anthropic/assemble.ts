import type { CallFacts } from "@tollhouse/contract";
import type { Assembler, Refusal } from "../adapter.ts";
import { SseReader } from "../sse.ts";
import type { SseFrame } from "../sse.ts";
import { isObject, parseObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";
import { mergeUsage } from "./merge-usage.ts";

/** A content block under construction. Its arguments stay the text the model wrote, so that no number in it is rounded. */
interface OpenBlock {
  fields: Record<string, unknown>;
  inputJson: string;
}

/** HTTP status of an error type, as the API sends it without a stream (Anthropic, errors). */
const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** Builds the Message that the API would have sent without `stream`, equal to it field for field. */
export class MessageAssembler implements Assembler {
  readonly #facts: CallFacts;
  readonly #reader = new SseReader();
  readonly #onFrame = (frame: SseFrame): void => this.#read(frame);
  #message: Record<string, unknown> | null = null;
  /** By index; an index that never started is left out at the end. */
  readonly #blocks = new Map<number, OpenBlock>();

  error: { readonly status: number; readonly body: Buffer } | null = null;

  constructor(facts: CallFacts) {
    this.#facts = facts;
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk, this.#onFrame);
  }

  finish(cut: Refusal | null): Buffer {
    this.#reader.flush(this.#onFrame);
    const message = this.#message ?? emptyMessage(this.#facts.model);
    if (cut !== null) {
      message["stop_reason"] = "max_tokens";
      message["tollhouse"] = cut.tollhouse;
    }
    const ordered = [...this.#blocks].sort(([left], [right]) => left - right);
    const blocks = ordered.map(([, block]) => blockJson(block));
    // The blocks are JSON text already; the place of `content` among the fields stays as the provider has it.
    const members = Object.entries({ ...message, content: null }).map(([key, value]) =>
      key === "content" ? `"content":[${blocks.join(",")}]` : `${JSON.stringify(key)}:${JSON.stringify(value)}`,
    );
    return Buffer.from(`{${members.join(",")}}`);
  }

  #read(frame: SseFrame): void {
    const event = frame.data === "" ? null : parseObject(frame.data);
    switch (event?.["type"]) {
      case "message_start":
        if (isObject(event["message"])) this.#message = { ...event["message"] };
        return;
      case "content_block_start":
        if (typeof event["index"] === "number" && isObject(event["content_block"]))
          this.#blocks.set(event["index"], { fields: { ...event["content_block"] }, inputJson: "" });
        return;
      case "content_block_delta":
        this.#readDelta(event["index"], event["delta"]);
        return;
      case "message_delta":
        this.#readMessageDelta(event);
        return;
      case "error":
        this.error = { status: statusOf(event["error"]), body: Buffer.from(frame.data) };
        return;
      default:
    }
  }

  #readDelta(index: unknown, delta: unknown): void {
    const block = typeof index === "number" ? this.#blocks.get(index) : undefined;
    if (block === undefined || !isObject(delta)) return;
    switch (delta["type"]) {
      case "text_delta":
        append(block.fields, "text", delta["text"]);
        return;
      case "thinking_delta":
        append(block.fields, "thinking", delta["thinking"]);
        return;
      case "input_json_delta":
        if (typeof delta["partial_json"] === "string") block.inputJson += delta["partial_json"];
        return;
      case "citations_delta": {
        const citations = block.fields["citations"];
        block.fields["citations"] = [...(Array.isArray(citations) ? citations : []), delta["citation"]];
        return;
      }
      default: {
        // signature_delta, compaction_delta and later ones carry final values of the block's fields.
        const { type: _, ...values } = delta;
        Object.assign(block.fields, values);
      }
    }
  }

  #readMessageDelta(event: JsonObject): void {
    const message = this.#message;
    if (message === null) return;
    const { type: _, delta, usage, ...others } = event;
    for (const [key, value] of Object.entries({ ...others, ...(isObject(delta) ? delta : {}) }))
      if (value !== null || !Object.hasOwn(message, key)) message[key] = value;
    message["usage"] = mergeUsage(isObject(message["usage"]) ? message["usage"] : null, usage);
  }
}

function append(fields: Record<string, unknown>, key: string, text: unknown): void {
  const before = fields[key];
  if (typeof text === "string") fields[key] = typeof before === "string" ? before + text : text;
}

/** Arguments cut off in the middle become `{}`: half an argument must not reach a tool. */
function blockJson(block: OpenBlock): string {
  if (block.inputJson === "") return JSON.stringify(block.fields);
  const input = parseObject(block.inputJson) === null ? "{}" : block.inputJson;
  const members = Object.entries({ ...block.fields, input: null }).map(
    ([key, value]) => `${JSON.stringify(key)}:${key === "input" ? input : JSON.stringify(value)}`,
  );
  return `{${members.join(",")}}`;
}

/** Cut before the provider said anything. */
function emptyMessage(model: string): Record<string, unknown> {
  return {
    id: "",
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0 },
  };
}

function statusOf(error: unknown): number {
  const type = isObject(error) ? error["type"] : null;
  return (typeof type === "string" && Object.hasOwn(STATUS_OF_ERROR, type) ? STATUS_OF_ERROR[type] : undefined) ?? 500;
}
