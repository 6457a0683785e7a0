import type { Answer } from "./assemble.ts";
import { arrayOf, isObject, type JsonObject, objectOf, textOf } from "./json-fields.ts";

type Fields = Record<string, unknown>;

/** Answers have no prototype: a field named `__proto__` is a field. */
const fields = (): Fields => Object.create(null) as Fields;

/** Puts the chunks of chat completions (or of the legacy completions) together into the one answer. */
export class ChatAnswer implements Answer {
  readonly #object: string;
  readonly #model: string;
  readonly #top = fields();
  readonly #choices = new Map<unknown, Choice>();

  constructor(object: "chat.completion" | "text_completion", model: string) {
    this.#object = object;
    this.#model = model;
  }

  add(chunk: JsonObject): void {
    for (const [key, value] of Object.entries(chunk)) {
      // Padding of the stream, and what is put together below.
      if (key === "choices" || key === "object" || key === "obfuscation") continue;
      // Azure's first chunk has an empty id and model, and `created: 0`.
      const isBlank = value === null || value === "" || (key === "created" && value === 0);
      if (!isBlank || !(key in this.#top)) this.#top[key] = value;
    }
    for (const entry of arrayOf(chunk["choices"])) {
      if (!isObject(entry)) continue;
      const index = entry["index"] ?? 0;
      let choice = this.#choices.get(index);
      if (choice === undefined) {
        choice = new Choice(index, this.#object === "chat.completion");
        this.#choices.set(index, choice);
      }
      choice.add(entry);
    }
  }

  build(cut: boolean): Fields {
    const { id, created, model, usage, ...rest } = this.#top;
    const chat = this.#object === "chat.completion";
    if (cut && this.#choices.size === 0) this.#choices.set(0, new Choice(0, chat));
    const choices = [...this.#choices.entries()].toSorted(([a], [b]) => Number(a) - Number(b));
    const answer: Fields = {
      id: id ?? "",
      object: this.#object,
      created: created ?? 0,
      model: model ?? this.#model,
      choices: choices.map(([, choice]) => choice.build(cut)),
    };
    const { x_groq: groq } = rest;
    const reported = isObject(usage) ? usage : objectOf(groq)["usage"];
    if (isObject(reported)) answer["usage"] = reported;
    if (isObject(groq)) {
      const { usage: _usage, ...others } = groq;
      rest["x_groq"] = others;
    }
    return Object.assign(answer, rest);
  }
}

class Choice {
  readonly #index: unknown;
  readonly #chat: boolean;
  readonly #message = fields();
  readonly #calls = new Map<unknown, Fields>();
  readonly #rest = fields();
  #text = "";
  #logprobs: Fields | null = null;
  #finishReason: unknown = null;

  constructor(index: unknown, chat: boolean) {
    this.#index = index;
    this.#chat = chat;
  }

  add(choice: JsonObject): void {
    for (const [key, value] of Object.entries(choice)) {
      if (key === "delta") this.#addDelta(objectOf(value));
      else if (key === "text") this.#text += typeof value === "string" ? value : "";
      else if (key === "logprobs") this.#logprobs = joinLists(this.#logprobs, value);
      else if (key === "finish_reason") this.#finishReason = value ?? this.#finishReason;
      else if (key !== "index") merge(this.#rest, key, value);
    }
  }

  #addDelta(delta: JsonObject): void {
    for (const [key, value] of Object.entries(delta)) {
      if (key === "tool_calls") for (const call of arrayOf(value)) this.#addCall(objectOf(call));
      else if (key === "role") this.#message["role"] = textOf(value) ?? this.#message["role"];
      else if (key === "function_call") this.#message[key] = joinCall(this.#message[key], value);
      else if (key === "audio") this.#message[key] = joinAudio(this.#message[key], value);
      else if (typeof value === "string" && typeof this.#message[key] === "string") this.#message[key] += value;
      else merge(this.#message, key, value);
    }
  }

  #addCall(call: JsonObject): void {
    // Hosts that send whole calls leave the index out.
    const index = call["index"] ?? call["id"] ?? this.#calls.size;
    const known = this.#calls.get(index) ?? fields();
    this.#calls.set(index, known);
    for (const [key, value] of Object.entries(call)) {
      if (key === "index") continue;
      if (key === "function" || key === "custom") known[key] = joinCall(known[key], value);
      else known[key] = (value === "" ? null : value) ?? known[key] ?? value;
    }
  }

  build(cut: boolean): Fields {
    const finishReason = this.#finishReason ?? (cut ? "length" : null);
    if (!this.#chat)
      return {
        text: this.#text,
        index: this.#index,
        logprobs: this.#logprobs,
        finish_reason: finishReason,
        ...this.#rest,
      };
    const { role, content, refusal, ...rest } = this.#message;
    const message: Fields = { role: role ?? "assistant", content: this.#content(content) };
    if (refusal !== undefined) {
      message["refusal"] = refusal;
      // Hosts that send `refusal` at all are OpenAI's own surface, whose whole answers have the list even where it is empty.
      message["annotations"] = [];
    }
    Object.assign(message, rest);
    if (this.#calls.size > 0) message["tool_calls"] = [...this.#calls.values()];
    return {
      index: this.#index,
      message,
      logprobs: this.#logprobs,
      finish_reason: finishReason,
      ...this.#rest,
    };
  }

  /** A stream of tool calls alone may begin with an empty text, which the whole answer has as null. */
  #content(content: unknown): unknown {
    if (content === undefined) return null;
    return content === "" && this.#calls.size > 0 ? null : content;
  }
}

/** Unknown fields of a stream: lists grow, objects are filled up, anything else is replaced; null never hides a value. */
function merge(into: Fields, key: string, value: unknown): void {
  const known = into[key];
  // In place: a list copied for every chunk would be quadratic (log probabilities). Both were parsed here, so they are ours.
  if (Array.isArray(known) && Array.isArray(value)) for (const entry of value as unknown[]) known.push(entry);
  else if (isObject(known) && isObject(value)) into[key] = { ...known, ...value };
  else into[key] = value ?? known ?? null;
}

/** `{name, arguments}` or `{name, input}`: the name comes once, the arguments in pieces. */
function joinCall(known: unknown, value: unknown): Fields {
  const call: Fields = { ...objectOf(known) };
  for (const [key, part] of Object.entries(objectOf(value))) {
    const before = call[key];
    if ((key === "arguments" || key === "input") && typeof part === "string")
      call[key] = (typeof before === "string" ? before : "") + part;
    else call[key] = (part === "" ? null : part) ?? before ?? part;
  }
  return call;
}

/** Each piece is base64 of its own, with its own padding. */
function joinAudio(known: unknown, value: unknown): Fields {
  const audio: Fields = { ...objectOf(known) };
  for (const [key, part] of Object.entries(objectOf(value))) {
    const before = audio[key];
    if (typeof part !== "string" || typeof before !== "string") audio[key] = part ?? before;
    else if (key === "transcript") audio[key] = before + part;
    else if (key === "data")
      audio[key] = Buffer.concat([Buffer.from(before, "base64"), Buffer.from(part, "base64")]).toString("base64");
    else audio[key] = part;
  }
  return audio;
}

/** `{content: […], refusal: […]}`, and in completions `{tokens: […], …}`. */
function joinLists(known: Fields | null, value: unknown): Fields | null {
  if (!isObject(value)) return known;
  const joined: Fields = known ?? fields();
  for (const [key, list] of Object.entries(value)) merge(joined, key, list);
  return joined;
}
