import { isOpenaiName } from "./model-family.ts";

/**
 * An image that we cannot measure (by URL, by file id, unknown format). Covers the documented worst: 48,169 (gpt-4o-mini, 8
 * tiles), 24,600 (10,000 patches × 2.46), 16,384 (Qwen-VL), and models that do not resize up to 41 megapixels.
 */
export const IMAGE_TOKENS_UNKNOWN_MAX = 50_000;

interface ImageRule {
  /** Whatever its size (models that cut into tiles: 8 tiles at most). */
  readonly least: number;
  /** With `detail: "low"`. */
  readonly low: number;
  /** Per hundred 32 × 32 patches (models that cut into patches, the dearest multiplier). */
  readonly perHundredPatches: number;
}

// OpenAI "Images and vision", calculating costs; tile models: base + 8 tiles is 1,445 (4o) at most, but for 4o-mini.
const MINI_4O: ImageRule = { least: 48_169, low: 2_833, perHundredPatches: 246 };
const OPENAI: ImageRule = { least: 1_500, low: 1_500, perHundredPatches: 246 };
// Other hosts: Llama's four fixed tiles (6,404), Pixtral's 16-pixel patches with a break a row (4.2 × ours).
const OTHER: ImageRule = { least: 6_500, low: 6_500, perHundredPatches: 420 };

/** Upper bound of one image's tokens. `hiddenModel`: the name is a deployment's, so it may be any model. */
export function imageTokensMax(model: string, hiddenModel: boolean, source: unknown, detail: unknown): number {
  const rule = hiddenModel || /4o-mini/i.test(model) ? MINI_4O : isOpenaiName(model) ? OPENAI : OTHER;
  if (detail === "low") return rule.low;
  const size = typeof source === "string" ? imageSize(base64Of(source)) : null;
  if (size === null) return IMAGE_TOKENS_UNKNOWN_MAX;
  const patches = Math.ceil(size.width / 32) * Math.ceil(size.height / 32);
  return Math.max(rule.least, Math.ceil((patches * (hiddenModel ? OTHER : rule).perHundredPatches) / 100));
}

/** The base64 of a data URL; empty where it is none. */
export function base64Of(url: string): string {
  if (!url.startsWith("data:")) return "";
  const head = url.slice(0, 256);
  const comma = head.indexOf(",");
  return comma !== -1 && head.slice(0, comma).endsWith(";base64") ? url.slice(comma + 1) : "";
}

/** Enough for the frame header of a JPEG behind its metadata; a photo whose header lies deeper counts as unknown. */
const HEADER_BASE64_MAX = 256 * 1024;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pixels of a PNG, GIF, WebP or JPEG, as its header says; null where it is none of them. */
function imageSize(base64: string): Size | null {
  const bytes = Buffer.from(base64.slice(0, HEADER_BASE64_MAX), "base64");
  if (bytes.length < 30) return null;
  const size = pngSize(bytes) ?? gifSize(bytes) ?? webpSize(bytes) ?? jpegSize(bytes);
  return size !== null && size.width > 0 && size.height > 0 ? size : null;
}

function pngSize(bytes: Buffer): Size | null {
  if (bytes.readUInt32BE(0) !== 0x89504e47 || bytes.toString("latin1", 12, 16) !== "IHDR") return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

function gifSize(bytes: Buffer): Size | null {
  if (!/^GIF8[79]a/.test(bytes.toString("latin1", 0, 6))) return null;
  return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
}

function webpSize(bytes: Buffer): Size | null {
  if (bytes.toString("latin1", 0, 4) !== "RIFF" || bytes.toString("latin1", 8, 12) !== "WEBP") return null;
  const chunk = bytes.toString("latin1", 12, 16);
  if (chunk === "VP8X") return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
  if (chunk === "VP8 ") return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
  if (chunk !== "VP8L") return null;
  const bits = bytes.readUInt32LE(21);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

/** Walks the segments: a thumbnail inside of the metadata has a frame header too, and must not be taken for the photo's. */
function jpegSize(bytes: Buffer): Size | null {
  if (bytes.readUInt16BE(0) !== 0xffd8) return null;
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}

/** MP3's lowest bit rate is 8 kbit/s. */
const MP3_BYTES_PER_SECOND_MIN = 1_000;

/** Upper bound of the tokens of audio inside a message: 10 a second at OpenAI, up to 32 elsewhere. */
export function audioTokensMax(model: string, base64: string): number {
  const length = Math.ceil((base64.length * 3) / 4);
  const bytesPerSecond = wavBytesPerSecond(Buffer.from(base64.slice(0, 64), "base64")) ?? MP3_BYTES_PER_SECOND_MIN;
  return Math.ceil(length / bytesPerSecond) * (isOpenaiName(model) ? 10 : 32) + 32;
}

/** A WAV states its own rate, which may be absurdly low; the lower of the two places that state it. Null where it is no WAV. */
function wavBytesPerSecond(head: Buffer): number | null {
  const isWav = head.toString("latin1", 0, 4) === "RIFF" && head.toString("latin1", 8, 16) === "WAVEfmt ";
  if (!isWav || head.length < 34) return null;
  return Math.max(1, Math.min(head.readUInt32LE(28), head.readUInt32LE(24) * head.readUInt16LE(32)));
}
