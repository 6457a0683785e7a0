import type { CallFacts } from "@tollhouse/contract";
import type { Assembler, Refusal, Route } from "../adapter.ts";
import { type SseFrame, SseReader } from "../sse.ts";
import { bodyKind } from "./body-kind.ts";
import { ChatAnswer } from "./chat-answer.ts";
import { isObject, type JsonObject, objectOf } from "./json-fields.ts";
import { ResponseAnswer } from "./response-answer.ts";

/** Puts the events of one dialect's stream together. */
export interface Answer {
  /** Never throws, whatever the event holds. */
  add(event: JsonObject): void;
  /** The answer; where Tollhouse cut the stream, what there is of it, ended as a length limit would end it. */
  build(cut: boolean): Record<string, unknown>;
}

/** null: what these endpoints stream cannot be put together into what they answer without a stream. */
export function assembler(route: Route, facts: CallFacts): Assembler | null {
  if (route.endpoint === "responses") return new OpenaiAssembler(new ResponseAnswer(facts.model));
  if (route.endpoint === "chat_completions") return new OpenaiAssembler(new ChatAnswer("chat.completion", facts.model));
  if (route.endpoint === "completions") return new OpenaiAssembler(new ChatAnswer("text_completion", facts.model));
  return null;
}

class OpenaiAssembler implements Assembler {
  readonly #answer: Answer;
  readonly #reader = new SseReader();
  #kind: ReturnType<typeof bodyKind> = "unknown";
  /** The answer of a host that does not stream: handed on as it is. */
  readonly #whole: Buffer[] = [];
  #error: { status: number; body: Buffer } | null = null;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  push(chunk: Buffer): void {
    if (this.#kind === "unknown") this.#kind = bodyKind(chunk);
    if (this.#kind === "sse") this.#reader.push(chunk, this.#onFrame);
    else this.#whole.push(chunk);
  }

  finish(cut: Refusal | null): Buffer {
    if (this.#kind === "json" || this.#kind === "other") return this.#finishWhole(cut);
    this.#reader.flush(this.#onFrame);
    const answer = this.#answer.build(cut !== null);
    return Buffer.from(JSON.stringify(cut === null ? answer : { ...answer, tollhouse: cut.tollhouse }));
  }

  get error(): { readonly status: number; readonly body: Buffer } | null {
    if (this.#error !== null || this.#kind !== "json") return this.#error;
    const error = objectOf(parsed(Buffer.concat(this.#whole).toString()))["error"];
    return isSet(error) ? errorOf(error) : null;
  }

  #finishWhole(cut: Refusal | null): Buffer {
    const whole = Buffer.concat(this.#whole);
    if (cut === null) return whole;
    const value = parsed(whole.toString());
    // Half of a JSON body says nothing: an empty answer that says why.
    const answer = isObject(value) ? value : this.#answer.build(true);
    return Buffer.from(JSON.stringify({ ...answer, tollhouse: cut.tollhouse }));
  }

  readonly #onFrame = (frame: SseFrame): void => {
    if (frame.data === "" || frame.data === "[DONE]") return;
    const value = parsed(frame.data);
    if (!isObject(value)) return;
    this.#error ??= streamError(value, frame.event);
    this.#answer.add(value);
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function isSet(error: unknown): boolean {
  return isObject(error) ? Object.keys(error).length > 0 : Boolean(error);
}

function streamError(value: JsonObject, event: string | null): { status: number; body: Buffer } | null {
  if (isSet(value["error"])) return errorOf(value["error"]);
  if (value["type"] === "error" || event === "error") {
    const { message, code, param } = value;
    return errorOf({ message: message ?? null, type: "server_error", param: param ?? null, code: code ?? null });
  }
  if (value["type"] !== "response.failed") return null;
  const error = objectOf(objectOf(value["response"])["error"]);
  const { message, code } = error;
  return errorOf({ message: message ?? "The response failed", type: "server_error", param: null, code: code ?? null });
}

/** In a stream an error has no status: some hosts put it into `code` or `status`, for the others the type says it. */
function errorOf(error: unknown): { status: number; body: Buffer } {
  return { status: statusOf(objectOf(error)), body: Buffer.from(errorText(error)) };
}

/** Serialising recurses: an error nested thousands deep, which no host means, must not take the call down. */
function errorText(error: unknown): string {
  try {
    return JSON.stringify({ error });
  } catch {
    const message = "The provider's error could not be read";
    return JSON.stringify({ error: { message, type: "server_error", param: null, code: null } });
  }
}

function statusOf(error: JsonObject): number {
  for (const value of [error["status"], error["code"]]) {
    const status = Number(value);
    if (Number.isInteger(status) && status >= 400 && status <= 599) return status;
  }
  for (const name of [error["code"], error["type"]]) {
    const status = typeof name === "string" ? STATUS_BY_NAME.get(name) : undefined;
    if (status !== undefined) return status;
  }
  return 500;
}

const STATUS_BY_NAME: ReadonlyMap<string, number> = new Map([
  ["invalid_request_error", 400],
  ["invalid_prompt", 400],
  ["context_length_exceeded", 400],
  ["content_filter", 400],
  ["authentication_error", 401],
  ["permission_error", 403],
  ["not_found_error", 404],
  ["rate_limit_exceeded", 429],
  ["rate_limit_error", 429],
  ["insufficient_quota", 429],
  ["overloaded_error", 503],
]);
