import type { Answer } from "./assemble.ts";
import { arrayOf, isObject, type JsonObject, objectOf } from "./json-fields.ts";

type Fields = Record<string, unknown>;

/**
 * The answer of Responses is the `response` of the terminal event, as it stands. Only where Tollhouse cuts the stream it is
 * put together from the items so far.
 */
export class ResponseAnswer implements Answer {
  readonly #model: string;
  #started: JsonObject | null = null;
  #terminal: JsonObject | null = null;
  readonly #items = new Map<unknown, Fields>();

  constructor(model: string) {
    this.#model = model;
  }

  add(event: JsonObject): void {
    const type = event["type"];
    const response = event["response"];
    if (isObject(response)) {
      if (/^response\.(?:completed|incomplete|failed|cancelled)$/.test(String(type))) this.#terminal = response;
      else this.#started = response;
      return;
    }
    const index = event["output_index"] ?? 0;
    if (type === "response.output_item.added" || type === "response.output_item.done") {
      this.#items.set(index, { ...objectOf(event["item"]) });
      return;
    }
    const item = this.#items.get(index);
    if (item !== undefined) addToItem(item, event);
  }

  build(cut: boolean): Fields {
    if (this.#terminal !== null) return { ...this.#terminal };
    const items = [...this.#items.entries()].toSorted(([a], [b]) => Number(a) - Number(b));
    return {
      ...(this.#started ?? { id: "", object: "response", created_at: 0, model: this.#model, error: null }),
      status: "incomplete",
      incomplete_details: { reason: cut ? "max_output_tokens" : "stream_ended" },
      output: items.map(([, item]) => (item["status"] === "in_progress" ? { ...item, status: "incomplete" } : item)),
    };
  }
}

function addToItem(item: Fields, event: JsonObject): void {
  const { type, delta } = event;
  if (type === "response.content_part.added" || type === "response.content_part.done") {
    const content = [...arrayOf(item["content"])];
    content[partIndex(event, content.length)] = event["part"];
    item["content"] = content;
  } else if (typeof delta !== "string") return;
  else if (type === "response.output_text.delta") addToPart(item, event, "text", delta);
  else if (type === "response.refusal.delta") addToPart(item, event, "refusal", delta);
  else if (type === "response.function_call_arguments.delta") append(item, "arguments", delta);
  else if (type === "response.custom_tool_call_input.delta") append(item, "input", delta);
}

function addToPart(item: Fields, event: JsonObject, field: "text" | "refusal", delta: string): void {
  const content = [...arrayOf(item["content"])];
  const at = partIndex(event, content.length - 1);
  const part: Fields = { ...objectOf(content[at]) };
  append(part, field, delta);
  content[at] = part;
  item["content"] = content;
}

/** Never beyond the next one: an index from outside must not make a list of a billion holes. */
function partIndex(event: JsonObject, last: number): number {
  const index = Number(event["content_index"] ?? 0);
  return Number.isInteger(index) && index >= 0 ? Math.min(index, Math.max(last, 0)) : 0;
}

function append(into: Fields, field: string, delta: string): void {
  const known = into[field];
  into[field] = (typeof known === "string" ? known : "") + delta;
}
