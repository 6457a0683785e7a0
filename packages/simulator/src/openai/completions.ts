import type { Answer, Call, Frame } from "../call.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { countOf, FieldError } from "../fields.ts";
import {
  type Choice,
  inputClasses,
  type InputPlan,
  type OutputPlan,
  planInput,
  planOutput,
  wholeText,
} from "../plan.ts";
import { chatUsageJson } from "./chat-usage.ts";
import { choiceFrames } from "./choice-frames.ts";
import { openaiErrorFrame } from "./openai-error.ts";
import { promptTokens } from "./prompt-tokens.ts";
import { usageFrames } from "./usage-frames.ts";

/** What the provider itself generates when the request names no limit. */
const OUTPUT_TOKENS_DEFAULT = 16;

/** POST /v1/completions. `best_of` outputs are generated and billed; the first `n` of them are returned. */
export function answerCompletions(call: Call): Answer {
  const { body } = call;
  if (body["prompt"] === undefined) throw new FieldError("prompt", "Missing required parameter: 'prompt'.");
  const returned = countOf(body, "n", 1) ?? 1;
  const made = countOf(body, "best_of", 1) ?? returned;
  if (made < returned) throw new FieldError("best_of", "'best_of' must be at least 'n'.");
  if (made > returned && call.streamed) throw new FieldError("best_of", "'best_of' cannot be streamed.");
  const output = planOutput(call, countOf(body, "max_tokens", 0) ?? OUTPUT_TOKENS_DEFAULT, made, false);
  const input = planInput(call, { text: promptTokens(body["prompt"]), image: 0 }, true);
  const responseId = `cmpl-${call.idTail}`;
  const shared = {
    responseId,
    headers: [],
    input: inputClasses(input, {}),
    output: output.segments,
    billed: output.billed,
  };
  const choices = output.choices.slice(0, returned);
  if (!call.streamed) {
    return { kind: "whole", ...shared, contentType: JSON_TYPE, body: wholeCompletion(call, choices, input, output) };
  }
  const frames = completionFrames(call, choices, input, output);
  const junk = `data: {"id":"${responseId}","object":"text_comp\n\n`;
  return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: openaiErrorFrame() };
}

function choiceJson(index: number, text: string, finish: string | null): string {
  return `{"text":"${text}","index":${index},"logprobs":null,"finish_reason":${JSON.stringify(finish)}}`;
}

function finishOf(choice: Choice): string {
  return choice.capped ? "length" : "stop";
}

function headJson(call: Call): string {
  return `{"id":"cmpl-${call.idTail}","object":"text_completion","created":${call.created},"model":"${call.model.servedAs}","choices":[`;
}

function wholeCompletion(call: Call, choices: readonly Choice[], input: InputPlan, output: OutputPlan): string {
  const list = choices.map((choice, index) => choiceJson(index, wholeText(call, choice), finishOf(choice)));
  const usage = call.fault?.kind === "no_usage" ? "" : `,"usage":${chatUsageJson(input, output.reported)}`;
  return `${headJson(call)}${list.join(",")}]${usage}}`;
}

function* completionFrames(
  call: Call,
  choices: readonly Choice[],
  input: InputPlan,
  output: OutputPlan,
): Generator<Frame> {
  const head = `data: ${headJson(call)}`;
  const tail = usageFrames(call, head, (made) => chatUsageJson(input, made), output);
  const frames = choiceFrames(call, choices, (index, choice, step) => {
    if (step.begin) return "";
    return `${head}${choiceJson(index, step.text, step.end ? finishOf(choice) : null)}]${tail.running(step.tokens)}`;
  });
  yield* frames;
  yield* tail.end();
}
