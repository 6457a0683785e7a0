import type { Call, Frame } from "../call.ts";
import { hiddenPieces, piecesOf } from "../plan.ts";
import { type MessagesPlan, searchBlocks, thinkingSignature } from "./messages.ts";

function event(type: string, fields: string): string {
  return `event: ${type}\ndata: {"type":"${type}"${fields}}\n\n`;
}

function framing(type: string, fields: string): Frame {
  return { text: event(type, fields), tokens: 0 };
}

/** All events of one streamed message. */
export function* messagesFrames(call: Call, plan: MessagesPlan): Generator<Frame> {
  const usage =
    call.fault?.kind === "no_usage" || call.fault?.kind === "usage_after_end" ? "" : `,"usage":${plan.startUsage}`;
  yield framing(
    "message_start",
    `,"message":{"model":"${call.model.servedAs}","id":"${plan.id}","type":"message","role":"assistant","content":[],` +
      `"stop_reason":null,"stop_sequence":null${usage}}`,
  );
  yield framing("ping", "");
  let index = 0;
  if (plan.thinkingWords > 0) yield* thinkingEvents(call, plan, index++);
  else yield* hiddenPieces(call, plan.output.hidden);
  for (const block of searchBlocks(call, plan.choice)) {
    yield framing("content_block_start", `,"index":${index},"content_block":${block}`);
    yield framing("content_block_stop", `,"index":${index++}`);
  }
  yield* contentEvents(call, plan, index);
  yield* lastEvents(call, plan);
}

/** The summary has fewer words than tokens were thought: each word stands for several. */
function* thinkingEvents(call: Call, plan: MessagesPlan, index: number): Generator<Frame> {
  yield framing(
    "content_block_start",
    `,"index":${index},"content_block":{"type":"thinking","thinking":"","signature":""}`,
  );
  let left = plan.choice.hidden;
  for (let at = 0; at < plan.thinkingWords; at++) {
    const delta = `{"type":"thinking_delta","thinking":"${call.text.words(plan.choice.start + at, 1)}"}`;
    const tokens = Math.min(plan.thinkingTokensPerWord, left);
    left -= tokens;
    yield { text: event("content_block_delta", `,"index":${index},"delta":${delta}`), tokens };
  }
  const signature = `{"type":"signature_delta","signature":"${thinkingSignature(call)}"}`;
  yield framing("content_block_delta", `,"index":${index},"delta":${signature}`);
  yield framing("content_block_stop", `,"index":${index}`);
}

function* contentEvents(call: Call, plan: MessagesPlan, index: number): Generator<Frame> {
  const { choice } = plan;
  const tool = `{"type":"tool_use","id":"toolu_${call.idTail}","name":${JSON.stringify(plan.toolName)},"input":{}}`;
  const block = choice.tool ? tool : '{"type":"text","text":""}';
  yield framing("content_block_start", `,"index":${index},"content_block":${block}`);
  let visible = 0;
  for (const { text, tokens } of piecesOf(call, choice)) {
    visible += tokens;
    const delta = choice.tool
      ? `{"type":"input_json_delta","partial_json":${JSON.stringify(text)}}`
      : `{"type":"text_delta","text":"${text}"}`;
    yield { text: event("content_block_delta", `,"index":${index},"delta":${delta}`), tokens };
    if (call.fault?.kind === "usage_cumulative") yield runningUsage(plan, choice.hidden + visible);
  }
  yield framing("content_block_stop", `,"index":${index}`);
}

function runningUsage(plan: MessagesPlan, made: number): Frame {
  const usage = plan.usage(made, plan.choice.hidden);
  return framing("message_delta", `,"delta":{"stop_reason":null,"stop_sequence":null},"usage":${usage}`);
}

function* lastEvents(call: Call, plan: MessagesPlan): Generator<Frame> {
  const kind = call.fault?.kind;
  const delta = `,"delta":{"stop_reason":"${plan.stopReason}","stop_sequence":null}`;
  const told = framing("message_delta", `${delta},"usage":${plan.finalUsage}`);
  yield kind === "no_usage" || kind === "usage_after_end" ? framing("message_delta", delta) : told;
  if (kind === "usage_twice") yield told;
  if (kind !== "no_done") yield framing("message_stop", "");
  if (kind === "usage_after_end") yield told;
}
