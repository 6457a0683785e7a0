import { type Fields, isFields, listOf } from "../fields.ts";
import { type Counted, jsonTokens, MESSAGE_TOKENS, textTokens } from "../plan.ts";

/** A picture of middle size. */
const IMAGE_TOKENS = 258;

function blocksTokens(content: unknown): Counted {
  if (typeof content === "string") return { text: textTokens(content), image: 0 };
  let text = 0;
  let image = 0;
  for (const block of listOf(content)) {
    if (!isFields(block)) continue;
    if (block["type"] === "image" || block["type"] === "document") image += IMAGE_TOKENS;
    text += jsonTokens(block["text"]) + jsonTokens(block["input"]) + jsonTokens(block["thinking"]);
    const nested = blocksTokens(block["content"]);
    text += nested.text;
    image += nested.image;
  }
  return { text, image };
}

/** Input of a Messages request: system, messages and tools. */
export function messagesTokens(body: Fields): Counted {
  const system = blocksTokens(body["system"]);
  let text = system.text + jsonTokens(body["tools"]);
  let image = system.image;
  for (const message of listOf(body["messages"])) {
    const content = blocksTokens(isFields(message) ? message["content"] : null);
    text += MESSAGE_TOKENS + content.text;
    image += content.image;
  }
  return { text, image };
}
