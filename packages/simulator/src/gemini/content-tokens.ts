import { type Fields, isFields, listOf, textOf } from "../fields.ts";
import { type Counted, jsonTokens, MESSAGE_TOKENS } from "../plan.ts";

const IMAGE_TOKENS = 258;

function partTokens(part: Fields): Counted {
  const inline = part["inlineData"] ?? part["inline_data"];
  if (isFields(inline)) {
    const type = textOf(inline["mimeType"] ?? inline["mime_type"]) ?? "";
    return { text: 0, image: type.startsWith("audio/") ? 0 : IMAGE_TOKENS };
  }
  const text = jsonTokens(part["text"]) + jsonTokens(part["functionCall"]) + jsonTokens(part["functionResponse"]);
  return { text, image: 0 };
}

/** One content, or a list of them; a bare string counts as one part. */
export function contentsTokens(contents: unknown): Counted {
  let text = 0;
  let image = 0;
  for (const content of Array.isArray(contents) ? contents : [contents]) {
    if (!isFields(content)) continue;
    text += MESSAGE_TOKENS;
    for (const part of listOf(content["parts"])) {
      const counted = isFields(part) ? partTokens(part) : { text: 0, image: 0 };
      text += counted.text;
      image += counted.image;
    }
  }
  return { text, image };
}

export function generateTokens(body: Fields): Counted {
  const contents = contentsTokens(body["contents"]);
  const system = contentsTokens(body["systemInstruction"] ?? body["system_instruction"]);
  const text = contents.text + system.text + jsonTokens(body["tools"]);
  return { text, image: contents.image + system.image };
}
