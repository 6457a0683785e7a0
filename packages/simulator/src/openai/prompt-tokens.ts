import { type Fields, isFields, listOf } from "../fields.ts";
import { type Counted, jsonTokens, MESSAGE_TOKENS, textTokens } from "../plan.ts";

/** A picture of any size, as `detail: low` counts it. */
const IMAGE_TOKENS = 85;

const IMAGE_PARTS = new Set(["image_url", "input_image"]);
const AUDIO_PARTS = new Set(["input_audio"]);

/** Content of a message: text, or a list of parts. Audio counts as the steering says, not here. */
function contentTokens(content: unknown): Counted {
  if (typeof content === "string") return { text: textTokens(content), image: 0 };
  let text = 0;
  let image = 0;
  for (const part of listOf(content)) {
    if (!isFields(part)) continue;
    if (IMAGE_PARTS.has(String(part["type"]))) image += IMAGE_TOKENS;
    else if (!AUDIO_PARTS.has(String(part["type"]))) text += jsonTokens(part["text"] ?? part["refusal"] ?? null);
  }
  return { text, image };
}

/** Chat messages, or input items of the Responses API: both are objects with `content`, or calls and their outputs. */
export function messageTokens(messages: readonly unknown[]): Counted {
  let text = 0;
  let image = 0;
  for (const message of messages) {
    if (!isFields(message)) continue;
    const content = contentTokens(message["content"]);
    text += MESSAGE_TOKENS + content.text + jsonTokens(message["tool_calls"]);
    text += jsonTokens(message["arguments"]) + jsonTokens(message["output"]);
    image += content.image;
  }
  return { text, image };
}

/** A prompt, or the input of an embedding: text, tokens, or a list of either. */
export function promptTokens(prompt: unknown): number {
  if (typeof prompt === "string") return textTokens(prompt);
  if (typeof prompt === "number") return 1;
  let sum = 0;
  for (const part of listOf(prompt)) sum += promptTokens(part);
  return sum;
}

export function chatTokens(body: Fields): Counted {
  const counted = messageTokens(listOf(body["messages"]));
  return { text: counted.text + jsonTokens(body["tools"]), image: counted.image };
}

export function responsesTokens(body: Fields): Counted {
  const input = body["input"];
  const counted =
    typeof input === "string" ? { text: MESSAGE_TOKENS + textTokens(input), image: 0 } : messageTokens(listOf(input));
  const text = counted.text + jsonTokens(body["instructions"]) + jsonTokens(body["tools"]);
  return { text, image: counted.image };
}
