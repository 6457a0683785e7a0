import type { InputPlan } from "../plan.ts";

export interface OutputCounts {
  readonly hidden: number;
  readonly visible: number;
  readonly audio: number;
}

/** `usage` of chat and legacy completions. Every detail is inside `prompt_tokens` or `completion_tokens`. */
export function chatUsageJson(input: InputPlan, output: OutputCounts): string {
  const completion = output.hidden + output.visible + output.audio;
  const write = input.write5m + input.write1h;
  return (
    `{"prompt_tokens":${input.total},"completion_tokens":${completion},"total_tokens":${input.total + completion},` +
    `"prompt_tokens_details":{"cached_tokens":${input.cacheRead},"audio_tokens":${input.audio}` +
    `${write > 0 ? `,"cache_write_tokens":${write}` : ""}},` +
    `"completion_tokens_details":{"reasoning_tokens":${output.hidden},"audio_tokens":${output.audio},` +
    `"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`
  );
}

/** `usage` of the Responses API. */
export function responsesUsageJson(input: InputPlan, output: OutputCounts): string {
  const made = output.hidden + output.visible;
  return (
    `{"input_tokens":${input.total},"input_tokens_details":{"cached_tokens":${input.cacheRead},` +
    `"cache_write_tokens":${input.write5m + input.write1h}},"output_tokens":${made},` +
    `"output_tokens_details":{"reasoning_tokens":${output.hidden}},"total_tokens":${input.total + made}}`
  );
}
