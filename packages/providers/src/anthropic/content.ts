import { isObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";

/** What the content blocks of a request hold, found in one pass over its blocks without recursion. */
export interface ContentFacts {
  readonly images: number;
  /** Length of base64 that the provider reads as media: it is in the body, and never becomes text tokens. */
  readonly mediaBytes: number;
  /** A document, file or URL whose text we do not have. */
  readonly hidden: boolean;
  /** `1h` where any breakpoint asks for it, or for a time to live that we do not know (1h is the dearer one). */
  readonly cacheWrite: "5m" | "1h" | null;
}

/**
 * Only the places where the API takes blocks are walked (system, messages, tools, nested `content`): base64 in the `input` of
 * a tool call or in a schema is text to the model, and taking it off the bound would let a client hide a prompt in it.
 */
export function surveyContent(body: JsonObject): ContentFacts {
  let images = 0;
  let mediaBytes = 0;
  let hidden = false;
  let cacheWrite = writeOf(null, body["cache_control"]);
  const pending: unknown[] = [body["system"], body["messages"], body["tools"]];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) {
      for (const block of next) if (typeof block === "object") pending.push(block);
      continue;
    }
    if (!isObject(next)) continue;
    cacheWrite = writeOf(writeOf(cacheWrite, next["cache_control"]), next["caching"]);
    const source = next["source"];
    const type = next["type"];
    if (isObject(source)) {
      if (source["type"] === "base64" && typeof source["data"] === "string") mediaBytes += source["data"].length;
      if (type === "image") images++;
      else if (source["type"] === "content") pending.push(source["content"]);
      else if (source["type"] !== "text") hidden = true;
    }
    if (type === "container_upload") hidden = true;
    pending.push(next["content"]);
  }
  return { images, mediaBytes, hidden, cacheWrite };
}

function writeOf(found: "5m" | "1h" | null, control: unknown): "5m" | "1h" | null {
  if (control === undefined || control === null || found === "1h") return found;
  const ttl = isObject(control) ? (control["ttl"] ?? "5m") : null;
  return ttl === "5m" ? "5m" : "1h";
}

/** Fields of the request that become part of the prompt. */
const PROMPT_FIELDS = ["system", "messages", "tools", "tool_choice", "output_config", "output_format"] as const;

/**
 * Every string, number and key of the prompt, base64 media left out. Keys and type names count too: that stands for the
 * framing, which the API does not publish.
 */
export function promptTexts(body: unknown): string[] {
  const texts: string[] = [];
  if (!isObject(body)) return texts;
  const pending: unknown[] = PROMPT_FIELDS.map((field) => body[field]);
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next === "string") texts.push(next);
    else if (typeof next === "number") texts.push(String(next));
    else if (Array.isArray(next)) for (const item of next) pending.push(item);
    else if (isObject(next) && !(next["type"] === "base64" && typeof next["data"] === "string"))
      for (const [key, value] of Object.entries(next)) {
        texts.push(key);
        pending.push(value);
      }
  }
  return texts;
}
