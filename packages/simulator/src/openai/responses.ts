import type { Answer, Call } from "../call.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { countOf, FieldError, type Fields, isFields, listOf } from "../fields.ts";
import { type Choice, inputClasses, planInput, planOutput, wholeText } from "../plan.ts";
import { responsesUsageJson } from "./chat-usage.ts";
import { responsesTokens } from "./prompt-tokens.ts";
import { responsesErrorFrame, responsesFrames } from "./responses-stream.ts";

/** One answer of the Responses API, ready to be told whole or in events. */
export interface ResponsesPlan {
  readonly id: string;
  readonly choice: Choice;
  readonly hidden: number;
  /** Item objects in their final state, as JSON, in order. The last one is the message or the function call. */
  readonly items: readonly string[];
  readonly toolName: string;
  readonly text: string;
  usage(hidden: number, visible: number): string;
  readonly finalUsage: string;
  /** The response object in a state. `usage` null leaves it null. */
  object(status: string, output: string, usage: string | null): string;
}

const NO_CHOICE: Choice = { start: 0, hidden: 0, visible: 0, audio: 0, capped: false, tool: false };

/** POST /v1/responses, whole and streamed. */
export function answerResponses(call: Call): Answer {
  const { body } = call;
  if (body["input"] === undefined) throw new FieldError("input", "Missing required parameter: 'input'.");
  const offered = listOf(body["tools"]).filter((tool) => isFields(tool) && tool["type"] === "function");
  const output = planOutput(call, countOf(body, "max_output_tokens", 1), 1, offered.length > 0);
  const input = planInput(call, responsesTokens(body), true);
  const choice = output.choices[0] ?? NO_CHOICE;
  const text = wholeText(call, choice);
  const toolName = nameOf(offered[0]);
  const plan: ResponsesPlan = {
    id: `resp_${call.idTail}`,
    choice,
    hidden: output.hidden,
    items: itemsOf(call, choice, text, toolName),
    toolName,
    text,
    usage: (hidden, visible) => responsesUsageJson(input, { hidden, visible, audio: 0 }),
    finalUsage: responsesUsageJson(input, output.reported),
    object: (status, items, usage) => objectJson(call, status, items, usage),
  };
  const shared = {
    responseId: plan.id,
    headers: [],
    input: inputClasses(input, { web_search_call: call.steering.webSearches }),
    output: output.segments,
    billed: output.billed,
  };
  if (call.streamed) {
    const frames = responsesFrames(call, plan);
    const junk = 'event: response.output_text.delta\ndata: {"type":"response.output_text.de\n\n';
    return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: responsesErrorFrame() };
  }
  const usage = call.fault?.kind === "no_usage" ? null : plan.finalUsage;
  return {
    kind: "whole",
    ...shared,
    contentType: JSON_TYPE,
    body: objectJson(call, choice.capped ? "incomplete" : "completed", plan.items.join(","), usage),
  };
}

function nameOf(tool: unknown): string {
  return isFields(tool) && typeof tool["name"] === "string" ? tool["name"] : "search";
}

function itemsOf(call: Call, choice: Choice, text: string, toolName: string): string[] {
  const items: string[] = [];
  if (choice.hidden > 0) items.push(`{"id":"rs_${call.idTail}","type":"reasoning","summary":[]}`);
  for (let at = 0; at < call.steering.webSearches; at++) {
    const action = `{"type":"search","query":"${call.text.words(choice.start + at, 3).trim()}"}`;
    items.push(`{"id":"ws_${call.idTail}${at}","type":"web_search_call","status":"completed","action":${action}}`);
  }
  const status = choice.capped ? "incomplete" : "completed";
  items.push(
    choice.tool ? functionCallJson(call, toolName, text, status) : messageItemJson(call, status, partJson(text)),
  );
  return items;
}

export function partJson(text: string): string {
  return `{"type":"output_text","annotations":[],"logprobs":[],"text":"${text}"}`;
}

export function messageItemJson(call: Call, status: string, content: string): string {
  return `{"id":"msg_${call.idTail}","type":"message","status":"${status}","content":[${content}],"role":"assistant"}`;
}

export function functionCallJson(call: Call, name: string, text: string, status: string): string {
  const told = JSON.stringify({ arguments: text, call_id: `call_${call.idTail}`, name });
  return `{"id":"fc_${call.idTail}","type":"function_call","status":"${status}",${told.slice(1)}`;
}

function echoed(body: Fields, field: string, otherwise: unknown): string {
  return `"${field}":${JSON.stringify(body[field] ?? otherwise)}`;
}

function objectJson(call: Call, status: string, items: string, usage: string | null): string {
  const { body } = call;
  const incomplete = status === "incomplete" ? '{"reason":"max_output_tokens"}' : "null";
  const tools =
    '"tool_usage":{"image_gen":{"input_tokens":0,"input_tokens_details":{"image_tokens":0,"text_tokens":0},"output_tokens":0,' +
    `"total_tokens":0},"web_search":{"num_requests":${call.steering.webSearches}}}`;
  const echo = [
    echoed(body, "instructions", null),
    echoed(body, "max_output_tokens", null),
    echoed(body, "metadata", {}),
    echoed(body, "parallel_tool_calls", true),
    echoed(body, "previous_response_id", null),
    echoed(body, "reasoning", { effort: null, summary: null }),
    echoed(body, "store", true),
    echoed(body, "temperature", 1),
    echoed(body, "text", { format: { type: "text" } }),
    echoed(body, "tool_choice", "auto"),
    echoed(body, "tools", []),
    echoed(body, "top_p", 1),
    echoed(body, "truncation", "disabled"),
  ].join(",");
  return (
    `{"id":"resp_${call.idTail}","object":"response","created_at":${call.created},"status":"${status}","background":false,` +
    `"error":null,"incomplete_details":${incomplete},"model":"${call.model.servedAs}","output":[${items}],` +
    `${echo},"service_tier":"${call.tier}",${usage === null ? "" : `${tools},`}"usage":${usage ?? "null"},"user":null}`
  );
}
