import type { Answer, Call } from "../call.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { countOf, FieldError, type Fields, isFields, listOf } from "../fields.ts";
import {
  type Choice,
  inputClasses,
  type InputPlan,
  type OutputPlan,
  planInput,
  planOutput,
  wholeText,
} from "../plan.ts";
import { generateTokens } from "./content-tokens.ts";
import { geminiErrorJson } from "./gemini-error.ts";
import { generateFrames } from "./generate-stream.ts";

export interface GeneratePlan {
  readonly input: InputPlan;
  readonly output: OutputPlan;
  readonly toolName: string;
  /** Does the client want to see a summary of the thoughts? */
  readonly thoughtsShown: boolean;
  /** `modelVersion` and `responseId`, the end of every answer and chunk. */
  readonly tail: string;
}

/** POST models/{model}:generateContent and :streamGenerateContent (server-sent events with `alt=sse`, else one JSON array). */
export function answerGenerate(call: Call): Answer {
  const { body } = call;
  if (!Array.isArray(body["contents"]) && !isFields(body["contents"])) {
    throw new FieldError("contents", "* GenerateContentRequest.contents: contents is not specified\n");
  }
  const config = isFields(body["generationConfig"]) ? body["generationConfig"] : {};
  const declared = declarations(body);
  const count = countOf(config, "candidateCount", 1) ?? 1;
  const output = planOutput(call, countOf(config, "maxOutputTokens", 1), count, declared.length > 0);
  const planned = planInput(call, generateTokens(body), false);
  // Gemini has no cache writes: what the steering asked to write is plain input.
  const input = { ...planned, text: planned.text + planned.write5m + planned.write1h, write5m: 0, write1h: 0 };
  const responseId = `gem_${call.idTail}`;
  const plan: GeneratePlan = {
    input,
    output,
    toolName: isFields(declared[0]) && typeof declared[0]["name"] === "string" ? declared[0]["name"] : "search",
    thoughtsShown: isFields(config["thinkingConfig"]) && config["thinkingConfig"]["includeThoughts"] === true,
    tail: `"modelVersion":"${call.model.servedAs}","responseId":"${responseId}"}`,
  };
  const shared = {
    responseId,
    headers: ["x-gemini-service-tier", call.tier],
    input: inputClasses(input, { grounded_prompt: call.steering.webSearches > 0 ? 1 : 0 }),
    output: output.segments,
    billed: output.billed,
  };
  if (!call.streamed) return { kind: "whole", ...shared, contentType: JSON_TYPE, body: wholeAnswer(call, plan) };
  const sse = /(^|&)alt=sse(&|$)/.test(call.route.query);
  const frames = generateFrames(call, plan, sse);
  const junk = sse ? 'data: {"candidates": [{"content": {"par\r\n\r\n' : ',\r\n{"candidates": [{"content": {"par';
  const error = sse ? `data: ${geminiErrorJson()}\r\n\r\n` : `,\r\n${geminiErrorJson()}]`;
  return { kind: "stream", ...shared, contentType: sse ? SSE_TYPE : JSON_TYPE, frames, junk, error };
}

function declarations(body: Fields): readonly unknown[] {
  return listOf(body["tools"]).flatMap((tool) => (isFields(tool) ? listOf(tool["functionDeclarations"]) : []));
}

/** Thoughts are beside candidates, cached inside the prompt; counts of zero are left out. */
export function usageMetadataJson(
  call: Call,
  input: InputPlan,
  output: { readonly hidden: number; readonly visible: number },
): string {
  const prompt = input.total;
  const text = input.text + input.cacheRead;
  const detail = (modality: string, count: number): string => `{"modality":"${modality}","tokenCount":${count}}`;
  const details = [detail("TEXT", text)];
  if (input.image > 0) details.push(detail("IMAGE", input.image));
  if (input.audio > 0) details.push(detail("AUDIO", input.audio));
  const candidates = output.visible > 0 ? `"candidatesTokenCount":${output.visible},` : "";
  const thoughts = output.hidden > 0 ? `,"thoughtsTokenCount":${output.hidden}` : "";
  const cached =
    input.cacheRead > 0
      ? `,"cachedContentTokenCount":${input.cacheRead},"cacheTokensDetails":[${detail("TEXT", input.cacheRead)}]`
      : "";
  return (
    `{"promptTokenCount":${prompt},${candidates}"totalTokenCount":${prompt + output.visible + output.hidden}` +
    `,"promptTokensDetails":[${details.join(",")}]${cached}${thoughts}}`
  );
}

export function finishOf(choice: Choice): string {
  return choice.capped ? "MAX_TOKENS" : "STOP";
}

export function groundingJson(call: Call, choice: Choice): string {
  if (call.steering.webSearches === 0) return "";
  const queries = Array.from({ length: call.steering.webSearches }, (_, at) =>
    call.text.words(choice.start + at, 3).trim(),
  );
  return `,"groundingMetadata":{"webSearchQueries":${JSON.stringify(queries)}}`;
}

export function callPartJson(plan: GeneratePlan, choice: Choice, text: string): string {
  const args = choice.capped ? "{}" : text;
  return `{"functionCall":{"name":${JSON.stringify(plan.toolName)},"args":${args}}}`;
}

const THOUGHT_WORDS = 5;

export function thoughtPartJson(call: Call, choice: Choice): string {
  return `{"text":"${call.text.words(choice.start, THOUGHT_WORDS)}","thought":true}`;
}

function wholeAnswer(call: Call, plan: GeneratePlan): string {
  const candidates = plan.output.choices.map((choice, index) => {
    const text = wholeText(call, choice);
    const thought = plan.thoughtsShown && choice.hidden > 0 ? `${thoughtPartJson(call, choice)},` : "";
    const part = choice.tool ? callPartJson(plan, choice, text) : `{"text":"${text}"}`;
    return (
      `{"content":{"parts":[${thought}${part}],"role":"model"},"finishReason":"${finishOf(choice)}"` +
      `${groundingJson(call, choice)},"index":${index}}`
    );
  });
  const { hidden, visible } = plan.output.reported;
  const usage =
    call.fault?.kind === "no_usage"
      ? ""
      : `"usageMetadata":${usageMetadataJson(call, plan.input, { hidden, visible })},`;
  return `{"candidates":[${candidates.join(",")}],${usage}${plan.tail}`;
}
