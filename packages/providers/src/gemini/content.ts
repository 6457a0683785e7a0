import { collectTexts, isObject, namesOf, valuesOf } from "./fields.ts";
import type { JsonObject } from "./fields.ts";

/** What the parts of a request hold, found in one pass without recursion. */
export interface ContentFacts {
  readonly imageTokens: number;
  readonly audioTokens: number;
  /** Length of base64 that is read as image or audio: it is in the body, and never becomes text tokens. */
  readonly mediaBytes: number;
  /** A file, video or document whose tokens do not follow from its bytes: only the context window bounds it. */
  readonly hidden: boolean;
}

/**
 * An image is cut into tiles of 258 tokens, the unit being min(w, h) / 1.5 held within 256 … 768 px of at most 3,072 px a
 * side: 24 tiles in the worst shape, and one for the whole. Gemini 3's highest media resolution is below it.
 */
export const IMAGE_TOKENS_MAX = 25 * 258;
const AUDIO_TOKENS_PER_SECOND = 32;
/** "The maximum supported length of audio data in a single prompt is 9.5 hours." */
const AUDIO_TOKENS_MAX = 9.5 * 3_600 * AUDIO_TOKENS_PER_SECOND;
/** MPEG audio has no frame below 8 kbit/s, silence included. */
const MP3_BYTES_PER_SECOND_MIN = 1_000;

const CONTENTS = namesOf("contents");
const SYSTEM = namesOf("systemInstruction");
const GENERATE_REQUEST = namesOf("generateContentRequest");
const INLINE = namesOf("inlineData");
const FILE = namesOf("fileData");
const MIME = namesOf("mimeType");
const FUNCTION_RESPONSE = namesOf("functionResponse");

/**
 * Only the places where the API takes parts are walked: base64 in the arguments of a function call is text to the model,
 * and taking it off the bound would let a client hide a prompt in it.
 */
export function surveyContent(body: JsonObject): ContentFacts {
  let imageTokens = 0;
  let audioTokens = 0;
  let mediaBytes = 0;
  let hidden = false;
  const pending: unknown[] = [
    ...valuesOf(body, CONTENTS),
    ...valuesOf(body, SYSTEM),
    ...valuesOf(body, GENERATE_REQUEST),
    body["content"],
    body["requests"],
  ];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) for (const item of next) pending.push(item);
    if (!isObject(next)) continue;
    if (valuesOf(next, FILE).length > 0) hidden = true;
    for (const media of valuesOf(next, INLINE)) {
      const data = isObject(media) ? media["data"] : null;
      if (typeof data !== "string") continue;
      const kind = mediaKind(media as JsonObject);
      if (kind === "image") imageTokens += IMAGE_TOKENS_MAX;
      else if (kind === "audio" || kind === "mp3") audioTokens += audioBound(data.length, kind);
      else if (kind === "other") hidden = true;
      if (kind !== "text" && kind !== "other") mediaBytes += data.length;
    }
    pending.push(next["parts"], next["content"], ...valuesOf(next, CONTENTS), ...valuesOf(next, FUNCTION_RESPONSE));
  }
  return { imageTokens, audioTokens: Math.min(audioTokens, AUDIO_TOKENS_MAX), mediaBytes, hidden };
}

/** Inline text stays in the byte bound: its base64 is longer than it. Video and PDF: seconds and pages cannot be seen. */
function mediaKind(media: JsonObject): "image" | "audio" | "mp3" | "text" | "other" {
  const [mime] = valuesOf(media, MIME);
  if (typeof mime !== "string") return "other";
  if (/^audio\/(?:mpeg|mp3)\b/i.test(mime)) return "mp3";
  const kind = /^(image|audio|text)\//i.exec(mime)?.[1]?.toLowerCase();
  return (kind as "image" | "audio" | "text" | undefined) ?? "other";
}

/**
 * Upper bound of audio tokens. Formats other than MP3 can hold silence in next to nothing, so a token a byte is assumed
 * there (256 bit/s); only audio made for the purpose is below that.
 */
function audioBound(base64Length: number, kind: "audio" | "mp3"): number {
  const bytes = Math.ceil((base64Length * 3) / 4);
  if (kind === "audio") return bytes;
  return Math.ceil(bytes / MP3_BYTES_PER_SECOND_MIN) * AUDIO_TOKENS_PER_SECOND;
}

const PROMPT_FIELDS = [
  ...CONTENTS,
  ...SYSTEM,
  ...GENERATE_REQUEST,
  "content",
  "requests",
  "tools",
  ...namesOf("toolConfig"),
] as const;

/** Every string, number and key of the prompt, inline media left out. Keys stand for the framing, which is not published. */
export function promptTexts(body: unknown): string[] {
  if (!isObject(body)) return [];
  return collectTexts(
    PROMPT_FIELDS.map((field) => body[field]),
    (object) => valuesOf(object, MIME).length > 0 && typeof object["data"] === "string" && mediaKind(object) !== "text",
  );
}
