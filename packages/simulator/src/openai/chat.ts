import type { Answer, Call, Frame } from "../call.ts";
import { countOf, FieldError, type Fields, isFields, listOf } from "../fields.ts";
import {
  type Choice,
  hiddenPieces,
  inputClasses,
  type InputPlan,
  type OutputPlan,
  planInput,
  planOutput,
  wholeText,
} from "../plan.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { openaiErrorFrame } from "./openai-error.ts";
import { chatUsageJson } from "./chat-usage.ts";
import { choiceFrames } from "./choice-frames.ts";
import { chatTokens } from "./prompt-tokens.ts";
import { usageFrames, type UsageTail } from "./usage-frames.ts";

const FINGERPRINT = "fp_51e1070cf2";
const AZURE_FILTER =
  '"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},' +
  '"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}';

/** Models that refuse `max_tokens` and ask for `max_completion_tokens`. */
const COMPLETION_CAP_ONLY = /^(o\d|gpt-5)/;

/** POST /v1/chat/completions, whole and streamed. */
export function answerChat(call: Call): Answer {
  const { body } = call;
  const messages = body["messages"];
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new FieldError("messages", "Missing required parameter: 'messages'.");
  }
  const tools = [...listOf(body["tools"]), ...listOf(body["functions"])];
  const output = planOutput(call, outputCap(call), countOf(body, "n", 1) ?? 1, tools.length > 0);
  const input = planInput(call, chatTokens(body), true);
  const shared = {
    responseId: `chatcmpl-${call.idTail}`,
    headers: [],
    input: inputClasses(input, {}),
    output: output.segments,
    billed: output.billed,
  };
  if (!call.streamed) {
    return {
      kind: "whole",
      ...shared,
      contentType: JSON_TYPE,
      body: wholeChat(call, shared.responseId, input, output),
    };
  }
  const frames = chatFrames(call, shared.responseId, input, output);
  const junk = `data: {"id":"${shared.responseId}","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"con\n\n`;
  return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: openaiErrorFrame() };
}

function outputCap(call: Call): number | null {
  const legacy = countOf(call.body, "max_tokens", 1);
  if (legacy !== null && COMPLETION_CAP_ONLY.test(call.model.name)) {
    throw new FieldError(
      "max_tokens",
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    );
  }
  return countOf(call.body, "max_completion_tokens", 1) ?? legacy;
}

/** The function that a tool call names: the first one that the request offers. */
function toolName(body: Fields): string {
  const tool = listOf(body["tools"])[0];
  const described = isFields(tool) ? tool["function"] : listOf(body["functions"])[0];
  return isFields(described) && typeof described["name"] === "string" ? described["name"] : "search";
}

function finishOf(choice: Choice): string {
  return choice.capped ? "length" : choice.tool ? "tool_calls" : "stop";
}

function callId(call: Call, index: number): string {
  return `call_${call.idTail}${index}`;
}

function messageJson(call: Call, choice: Choice, index: number): string {
  const text = wholeText(call, choice);
  if (choice.tool) {
    const named = JSON.stringify({ name: toolName(call.body), arguments: text });
    const tool = `[{"id":"${callId(call, index)}","type":"function","function":${named}}]`;
    return `{"role":"assistant","content":null,"tool_calls":${tool},"refusal":null,"annotations":[]}`;
  }
  if (choice.audio > 0) {
    const audio = `{"id":"audio_${call.idTail}${index}","data":"UklGRg==","expires_at":${call.created + 3600},"transcript":"${text}"}`;
    return `{"role":"assistant","content":null,"refusal":null,"audio":${audio},"annotations":[]}`;
  }
  return `{"role":"assistant","content":"${text}","refusal":null,"annotations":[]}`;
}

function wholeChat(call: Call, id: string, input: InputPlan, output: OutputPlan): string {
  let choices = "";
  for (const [index, choice] of output.choices.entries()) {
    choices +=
      `${index > 0 ? "," : ""}{"index":${index},"message":${messageJson(call, choice, index)},` +
      `"logprobs":null,${call.route.azure ? `${AZURE_FILTER},` : ""}"finish_reason":"${finishOf(choice)}"}`;
  }
  const usage = call.fault?.kind === "no_usage" ? "" : `"usage":${chatUsageJson(input, output.reported)},`;
  return (
    `{"id":"${id}","object":"chat.completion","created":${call.created},"model":"${call.model.servedAs}",` +
    `"choices":[${choices}],${usage}"service_tier":"${call.tier}","system_fingerprint":"${FINGERPRINT}"}`
  );
}

function* chatFrames(call: Call, id: string, input: InputPlan, output: OutputPlan): Generator<Frame> {
  const head = `data: {"id":"${id}","object":"chat.completion.chunk","created":${call.created},"model":"${call.model.servedAs}","service_tier":"${call.tier}","system_fingerprint":"${FINGERPRINT}","choices":[`;
  const tail: UsageTail = usageFrames(call, head, (made) => chatUsageJson(input, made), output);
  if (call.route.azure) {
    yield {
      text: `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,${AZURE_FILTER}}]}\n\n`,
      tokens: 0,
    };
  }
  for (const piece of hiddenPieces(call, output.hidden)) {
    tail.made(piece.tokens, 0, 0);
    yield piece;
  }
  yield* choiceFrames(call, output.choices, (index, choice, piece) => {
    if (piece.end)
      return `${head}{"index":${index},"delta":{},"logprobs":null,"finish_reason":"${finishOf(choice)}"}]${tail.running(0)}`;
    return `${head}{"index":${index},"delta":${deltaJson(call, choice, index, piece)},"logprobs":null,"finish_reason":null}]${tail.running(piece.tokens)}`;
  });
  for (const choice of output.choices) {
    if (choice.audio === 0) continue;
    tail.made(0, 0, choice.audio);
    yield {
      text: `${head}{"index":${output.choices.indexOf(choice)},"delta":{"audio":{"data":"UklGRg=="}},"finish_reason":null}]${tail.running(0)}`,
      tokens: choice.audio,
    };
  }
  yield* tail.end();
}

function deltaJson(
  call: Call,
  choice: Choice,
  index: number,
  piece: { readonly text: string; readonly begin: boolean },
): string {
  if (!choice.tool)
    return piece.begin ? '{"role":"assistant","content":"","refusal":null}' : `{"content":"${piece.text}"}`;
  if (!piece.begin) return `{"tool_calls":[{"index":0,"function":{"arguments":${JSON.stringify(piece.text)}}}]}`;
  const named = JSON.stringify({ name: toolName(call.body), arguments: "" });
  return `{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"${callId(call, index)}","type":"function","function":${named}}],"refusal":null}`;
}
