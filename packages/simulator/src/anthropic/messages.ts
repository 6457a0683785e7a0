import type { Answer, Call, WholeAnswer } from "../call.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { countOf, FieldError, isFields, listOf } from "../fields.ts";
import {
  type Choice,
  inputClasses,
  type InputPlan,
  type OutputPlan,
  planInput,
  planOutput,
  wholeText,
} from "../plan.ts";
import { anthropicErrorFrame } from "./anthropic-error.ts";
import { messagesTokens } from "./message-tokens.ts";
import { messagesFrames } from "./messages-stream.ts";

/** Input that one search brings into the turn; the final usage restates the input with it. */
const SEARCH_INPUT_TOKENS = 500;

/** Summaries of thinking are shorter than the thinking that is billed. */
const THINKING_TOKENS_PER_WORD = 4;

const NO_CHOICE: Choice = { start: 0, hidden: 0, visible: 0, audio: 0, capped: false, tool: false };

export interface MessagesPlan {
  readonly id: string;
  readonly choice: Choice;
  readonly output: OutputPlan;
  readonly toolName: string;
  readonly stopReason: string;
  /** Words of the thinking summary; 0 = the request asked for no thinking, and it stays hidden. */
  readonly thinkingWords: number;
  readonly thinkingTokensPerWord: number;
  /** Usage as `message_start` has it, before server tools add to the input. */
  readonly startUsage: string;
  /** Usage with so many output tokens, thinking among them. */
  usage(output: number, thinking: number): string;
  readonly finalUsage: string;
}

/** POST /v1/messages, whole and streamed. */
export function answerMessages(call: Call): Answer {
  const { body, steering } = call;
  const messages = body["messages"];
  if (!Array.isArray(messages)) throw new FieldError("messages", "messages: Field required");
  if (messages.length === 0) throw new FieldError("messages", "messages: at least one message is required");
  if (body["stream_options"] !== undefined) {
    throw new FieldError("stream_options", "stream_options: Extra inputs are not permitted");
  }
  const cap = countOf(body, "max_tokens", 0);
  if (cap === null) throw new FieldError("max_tokens", "max_tokens: Field required");
  const tools = listOf(body["tools"]).filter((tool) => isFields(tool) && tool["input_schema"] !== undefined);
  const output = planOutput(call, cap, 1, tools.length > 0);
  const start = planInput(call, messagesTokens(body), true);
  const searched = steering.webSearches * SEARCH_INPUT_TOKENS;
  const input = { ...start, text: start.text + searched, total: start.total + searched };
  const plan = planMessage(call, start, input, output, nameOf(tools[0]));
  const shared = {
    responseId: plan.id,
    headers: [],
    input: inputClasses(input, { web_search_call: steering.webSearches }),
    output: output.segments,
    billed: output.billed,
  };
  if (!call.streamed) return { kind: "whole", ...shared, contentType: JSON_TYPE, body: wholeMessage(call, plan) };
  const frames = messagesFrames(call, plan);
  const junk = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n';
  return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: anthropicErrorFrame() };
}

/** POST /v1/messages/count_tokens: free. */
export function answerCountTokens(call: Call): WholeAnswer {
  if (!Array.isArray(call.body["messages"])) throw new FieldError("messages", "messages: Field required");
  const { total } = planInput(call, messagesTokens(call.body), true);
  return {
    kind: "whole",
    responseId: `req_${call.idTail}`,
    contentType: JSON_TYPE,
    headers: [],
    input: {},
    output: [],
    billed: [],
    body: `{"input_tokens":${total}}`,
  };
}

function nameOf(tool: unknown): string {
  return isFields(tool) && typeof tool["name"] === "string" ? tool["name"] : "search";
}

function planMessage(
  call: Call,
  start: InputPlan,
  input: InputPlan,
  output: OutputPlan,
  toolName: string,
): MessagesPlan {
  const choice = output.choices[0] ?? NO_CHOICE;
  const thinking = isFields(call.body["thinking"]) && call.body["thinking"]["type"] !== "disabled";
  const { hidden, visible } = output.reported;
  const searches = call.steering.webSearches;
  return {
    id: `msg_${call.idTail}`,
    choice,
    output,
    toolName,
    stopReason: choice.capped ? "max_tokens" : choice.tool ? "tool_use" : "end_turn",
    thinkingWords: thinking ? Math.ceil(choice.hidden / THINKING_TOKENS_PER_WORD) : 0,
    thinkingTokensPerWord: THINKING_TOKENS_PER_WORD,
    startUsage: usageJson(call, start, 1, null, 0),
    usage: (made, thought) => usageJson(call, input, made, thought, searches),
    finalUsage: usageJson(call, input, hidden + visible, hidden, searches),
  };
}

/** `input_tokens` leaves out what was read from or written to a cache: the three are beside each other. */
function usageJson(call: Call, input: InputPlan, output: number, thinking: number | null, searches: number): string {
  const uncached = input.text + input.audio + input.image;
  const tools = searches > 0 ? `,"server_tool_use":{"web_search_requests":${searches},"web_fetch_requests":0}` : "";
  const details = thinking === null || thinking === 0 ? "" : `,"output_tokens_details":{"thinking_tokens":${thinking}}`;
  return (
    `{"input_tokens":${uncached},"cache_creation_input_tokens":${input.write5m + input.write1h},` +
    `"cache_read_input_tokens":${input.cacheRead},"cache_creation":{"ephemeral_5m_input_tokens":${input.write5m},` +
    `"ephemeral_1h_input_tokens":${input.write1h}},"output_tokens":${output}${details}${tools},` +
    `"service_tier":"${call.tier}","inference_geo":"not_available"}`
  );
}

/** The blocks before the text: the search and its result. */
export function searchBlocks(call: Call, choice: Choice): string[] {
  const blocks: string[] = [];
  for (let at = 0; at < call.steering.webSearches; at++) {
    const id = `srvtoolu_${call.idTail}${at}`;
    const query = call.text.words(choice.start + at, 3).trim();
    blocks.push(`{"type":"server_tool_use","id":"${id}","name":"web_search","input":{"query":"${query}"}}`);
    blocks.push(`{"type":"web_search_tool_result","tool_use_id":"${id}","content":[]}`);
  }
  return blocks;
}

export function thinkingText(call: Call, plan: MessagesPlan): string {
  return call.text.words(plan.choice.start, plan.thinkingWords);
}

/** Opaque to clients, and sent back by them untouched. */
export function thinkingSignature(call: Call): string {
  return Buffer.from(`thinking ${call.idTail}`).toString("base64");
}

function wholeMessage(call: Call, plan: MessagesPlan): string {
  const text = wholeText(call, plan.choice);
  const content: string[] = [];
  if (plan.thinkingWords > 0) {
    const signature = thinkingSignature(call);
    content.push(`{"type":"thinking","thinking":"${thinkingText(call, plan)}","signature":"${signature}"}`);
  }
  content.push(...searchBlocks(call, plan.choice));
  if (plan.choice.tool) {
    const input = plan.choice.capped ? "{}" : text;
    content.push(
      `{"type":"tool_use","id":"toolu_${call.idTail}","name":${JSON.stringify(plan.toolName)},"input":${input}}`,
    );
  } else {
    content.push(`{"type":"text","text":"${text}"}`);
  }
  const usage = call.fault?.kind === "no_usage" ? "" : `,"usage":${plan.finalUsage}`;
  return (
    `{"model":"${call.model.servedAs}","id":"${plan.id}","type":"message","role":"assistant","content":[${content.join(",")}],` +
    `"stop_reason":"${plan.stopReason}","stop_sequence":null${usage}}`
  );
}
