import type { Answer, Call, Frame } from "../call.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { countOf, FieldError, textOf } from "../fields.ts";
import type { Segments } from "../model.ts";
import { inputClasses, planInput, textTokens } from "../plan.ts";
import { openaiErrorFrame } from "./openai-error.ts";

/** Output tokens of one picture, by quality and size. */
const IMAGE_TOKENS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  low: { "1024x1024": 272, "1024x1536": 408, "1536x1024": 400 },
  medium: { "1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568 },
  high: { "1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208 },
};

/** A partial picture costs so many output tokens more. */
const PARTIAL_TOKENS = 100;

/** One transparent pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

interface ImagePlan {
  readonly count: number;
  readonly partials: number;
  readonly quality: string;
  readonly size: string;
  readonly usage: string;
}

/** POST /v1/images/generations of the models that bill tokens, whole and streamed. */
export function answerImages(call: Call): Answer {
  const prompt = textOf(call.body["prompt"]);
  if (prompt === null) throw new FieldError("prompt", "Missing required parameter: 'prompt'.");
  const quality = call.body["quality"] === "auto" ? "high" : (textOf(call.body["quality"]) ?? "high");
  const size = call.body["size"] === "auto" ? "1024x1024" : (textOf(call.body["size"]) ?? "1024x1024");
  const each = IMAGE_TOKENS[quality]?.[size];
  if (each === undefined) throw new FieldError("size", `Invalid value: '${size}' with quality '${quality}'.`);
  const count = countOf(call.body, "n", 1) ?? 1;
  const partials = call.streamed ? (countOf(call.body, "partial_images", 0) ?? 0) : 0;
  const input = planInput(call, { text: textTokens(prompt), image: 0 }, true);
  const made = count * each + partials * PARTIAL_TOKENS;
  const reported = made * (call.fault?.kind === "usage_too_big" ? call.fault.factor : 1);
  const usage = JSON.stringify({
    total_tokens: input.total + reported,
    input_tokens: input.total,
    output_tokens: reported,
    input_tokens_details: { text_tokens: input.total, image_tokens: 0 },
  });
  const output: Segments = [["output_image", made]];
  const shared = {
    responseId: `req_${call.idTail}`,
    headers: [],
    input: inputClasses(input, {}),
    output,
    billed: [["output_image", reported]] satisfies Segments,
  };
  const plan: ImagePlan = { count, partials, quality, size, usage };
  if (!call.streamed) return { kind: "whole", ...shared, contentType: JSON_TYPE, body: wholeImages(call, plan) };
  const frames = imageFrames(call, plan, each);
  const junk = 'event: image_generation.partial_image\ndata: {"type":"image_gen\n\n';
  return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: openaiErrorFrame() };
}

function settings(plan: ImagePlan): string {
  return `"background":"opaque","output_format":"png","quality":"${plan.quality}","size":"${plan.size}"`;
}

function wholeImages(call: Call, plan: ImagePlan): string {
  const data = Array.from({ length: plan.count }, () => `{"b64_json":"${PNG}"}`).join(",");
  const usage = call.fault?.kind === "no_usage" ? "" : `,"usage":${plan.usage}`;
  return `{"created":${call.created},${settings(plan)},"data":[${data}]${usage}}`;
}

function* imageFrames(call: Call, plan: ImagePlan, each: number): Generator<Frame> {
  const event = (type: string, more: string): string =>
    `event: ${type}\ndata: {"type":"${type}","b64_json":"${PNG}","created_at":${call.created},${settings(plan)}${more}}\n\n`;
  for (let at = 0; at < plan.partials; at++) {
    yield { text: event("image_generation.partial_image", `,"partial_image_index":${at}`), tokens: PARTIAL_TOKENS };
  }
  const usage = call.fault?.kind === "no_usage" ? "" : `,"usage":${plan.usage}`;
  yield { text: event("image_generation.completed", usage), tokens: plan.count * each };
}
