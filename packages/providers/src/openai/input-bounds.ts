import { arrayOf, isObject, type JsonObject, objectOf } from "./json-fields.ts";
import { audioTokensMax, base64Of, imageTokensMax } from "./media-tokens.ts";

/** Upper bounds of a request's input. */
export interface InputBounds {
  /** Bytes of base64 media: in the body, but no text. */
  mediaBytes: number;
  imageTokens: number;
  audioTokens: number;
  /** Something the provider adds and we cannot see. */
  hidden: boolean;
}

/**
 * Walks messages and their parts, three fixed levels and no recursion. Only media at the places the API documents is taken
 * out of the text bound; anything else, however deep, stays counted as text by the body's length.
 */
export function inputBounds(body: JsonObject, model: string, hiddenModel: boolean): InputBounds {
  const bounds: InputBounds = { mediaBytes: 0, imageTokens: 0, audioTokens: 0, hidden: hidesInput(body) };
  const read = (part: unknown): void => {
    if (isObject(part)) readPart(part, model, hiddenModel, bounds);
  };
  for (const list of [body["messages"], body["input"]]) {
    for (const entry of arrayOf(list)) {
      const item = objectOf(entry);
      read(item);
      // Audio of an earlier answer, named by id.
      if (isObject(item["audio"])) bounds.hidden = true;
      for (const part of arrayOf(item["content"])) read(part);
      for (const part of arrayOf(item["output"])) read(part);
      read(item["output"]);
    }
  }
  return bounds;
}

/** Server-side history, stored prompts, retrieval, and answers of tools that the provider runs. */
function hidesInput(body: JsonObject): boolean {
  if (["previous_response_id", "conversation", "prompt_id", "data_sources"].some((key) => isSet(body[key])))
    return true;
  if (isObject(body["prompt"])) return true;
  if (isSet(body["web_search_options"]) || isSet(body["search_parameters"])) return true;
  if (arrayOf(body["plugins"]).length > 0) return true;
  return arrayOf(body["tools"]).some((tool) => !CLIENT_TOOLS.has(objectOf(tool)["type"]));
}

/** Tools that the client runs: what they return comes in a later request, in its body. */
const CLIENT_TOOLS: ReadonlySet<unknown> = new Set([
  undefined,
  "function",
  "custom",
  "local_shell",
  "apply_patch",
  "computer",
  "computer_use_preview",
]);

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function readPart(part: JsonObject, model: string, hiddenModel: boolean, bounds: InputBounds): void {
  switch (part["type"]) {
    case "image_url":
    case "input_image":
    case "computer_screenshot":
      readImage(part, model, hiddenModel, bounds);
      return;
    case "input_audio":
      readAudio(part["input_audio"], model, bounds);
      return;
    case "audio_url":
    case "video_url":
    case "input_video":
    // A PDF's text is compressed and its pages are images; a file id or URL shows nothing at all.
    case "file":
    case "input_file":
    case "item_reference":
    case "document":
      bounds.hidden = true;
      return;
    case "image_generation_call":
      // An earlier picture of the model's own, sent back as base64.
      if (typeof part["result"] !== "string") return;
      bounds.mediaBytes += part["result"].length;
      bounds.imageTokens += imageTokensMax(model, hiddenModel, `data:image/png;base64,${part["result"]}`, null);
      return;
    default:
  }
}

function readImage(part: JsonObject, model: string, hiddenModel: boolean, bounds: InputBounds): void {
  const image = part["image_url"];
  const source = isObject(image) ? image["url"] : image;
  const detail = isObject(image) ? image["detail"] : part["detail"];
  bounds.imageTokens += imageTokensMax(model, hiddenModel, source, detail);
  if (typeof source === "string") bounds.mediaBytes += base64Of(source).length;
}

function readAudio(audio: unknown, model: string, bounds: InputBounds): void {
  const data = objectOf(audio)["data"];
  if (typeof data !== "string") {
    bounds.hidden = true;
    return;
  }
  // Some hosts take a URL here.
  if (/^https?:/.test(data)) bounds.hidden = true;
  const base64 = base64Of(data) || data;
  bounds.audioTokens += audioTokensMax(model, base64);
  bounds.mediaBytes += base64.length;
}
