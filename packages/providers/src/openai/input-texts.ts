import { isObject, type JsonObject } from "./json-fields.ts";

const INPUT_FIELDS = ["messages", "input", "prompt", "instructions", "tools", "functions", "response_format", "text"];

/**
 * Every text of the request that becomes input tokens, for an exact count off the event loop. Keys, numbers and braces of
 * schemas are included (they are rendered to the model in some form), base64 media is not. An explicit stack: hostile
 * nesting is as deep as the body is long.
 */
export function inputTexts(body: unknown): string[] {
  const texts: string[] = [];
  if (!isObject(body)) return texts;
  const stack: { value: unknown; key: string }[] = [];
  for (const key of INPUT_FIELDS.toReversed()) if (body[key] !== undefined) stack.push({ value: body[key], key });
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { value, key } = top;
    if (typeof value === "string") {
      if (!isMedia(key, value)) texts.push(value);
    } else if (typeof value === "number" || typeof value === "boolean") texts.push(String(value));
    else if (Array.isArray(value)) {
      for (let at = value.length - 1; at >= 0; at--) stack.push({ value: value[at] as unknown, key });
    } else if (isObject(value)) pushMembers(value, texts, stack);
  }
  return texts;
}

function pushMembers(value: JsonObject, texts: string[], stack: { value: unknown; key: string }[]): void {
  const members = Object.entries(value);
  texts.push(`{${members.map(([key]) => `"${key}":`).join(",")}}`);
  for (let at = members.length - 1; at >= 0; at--) {
    const member = members[at];
    if (member !== undefined) stack.push({ key: member[0], value: member[1] });
  }
}

/** Where the API documents base64: audio `data`, a picture's `result`, and data URLs. */
function isMedia(key: string, value: string): boolean {
  if (key === "url" || key === "image_url" || key === "file_data") return value.startsWith("data:");
  return (key === "data" || key === "result") && value.length > 256 && !/[\s{"]/.test(value.slice(0, 256));
}
