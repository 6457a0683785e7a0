import type { Call, Frame } from "../call.ts";
import { hiddenPieces, piecesOf } from "../plan.ts";
import { functionCallJson, messageItemJson, partJson, type ResponsesPlan } from "./responses.ts";

/** Writes events with their running sequence number. */
class EventWriter {
  private number = 0;

  event(type: string, fields: string): string {
    return `event: ${type}\ndata: {"type":"${type}","sequence_number":${this.number++},${fields}}\n\n`;
  }
}

/** The error event of the Responses API has its fields at the top level. */
export function responsesErrorFrame(): string {
  return (
    'event: error\ndata: {"type":"error","code":"server_error","message":"The server had an error while processing your request. ' +
    'Sorry about that!","param":null,"sequence_number":0}\n\n'
  );
}

function framing(text: string): Frame {
  return { text, tokens: 0 };
}

/** All events of one streamed response. Usage is in the last one only, unless a fault says otherwise. */
export function* responsesFrames(call: Call, plan: ResponsesPlan): Generator<Frame> {
  const writer = new EventWriter();
  yield framing(writer.event("response.created", `"response":${plan.object("in_progress", "", null)}`));
  yield framing(writer.event("response.in_progress", `"response":${plan.object("in_progress", "", null)}`));
  yield* hiddenPieces(call, plan.hidden);
  for (const [at, item] of plan.items.slice(0, -1).entries()) {
    yield framing(writer.event("response.output_item.added", `"output_index":${at},"item":${item}`));
    yield framing(writer.event("response.output_item.done", `"output_index":${at},"item":${item}`));
  }
  yield* plan.choice.tool ? toolEvents(call, plan, writer) : textEvents(call, plan, writer);
  yield* lastEvents(call, plan, writer);
}

function* textEvents(call: Call, plan: ResponsesPlan, writer: EventWriter): Generator<Frame> {
  const index = plan.items.length - 1;
  const at = `"item_id":"msg_${call.idTail}","output_index":${index},"content_index":0`;
  const added = messageItemJson(call, "in_progress", "");
  yield framing(writer.event("response.output_item.added", `"output_index":${index},"item":${added}`));
  yield framing(writer.event("response.content_part.added", `${at},"part":${partJson("")}`));
  yield* pieceEvents(
    call,
    plan,
    (text) => writer.event("response.output_text.delta", `${at},"delta":"${text}","logprobs":[]`),
    writer,
  );
  yield framing(writer.event("response.output_text.done", `${at},"text":"${plan.text}","logprobs":[]`));
  yield framing(writer.event("response.content_part.done", `${at},"part":${partJson(plan.text)}`));
  yield framing(
    writer.event("response.output_item.done", `"output_index":${index},"item":${plan.items[index] ?? "{}"}`),
  );
}

function* toolEvents(call: Call, plan: ResponsesPlan, writer: EventWriter): Generator<Frame> {
  const index = plan.items.length - 1;
  const at = `"item_id":"fc_${call.idTail}","output_index":${index}`;
  const added = functionCallJson(call, plan.toolName, "", "in_progress");
  yield framing(writer.event("response.output_item.added", `"output_index":${index},"item":${added}`));
  const delta = "response.function_call_arguments.delta";
  yield* pieceEvents(call, plan, (text) => writer.event(delta, `${at},"delta":${JSON.stringify(text)}`), writer);
  yield framing(
    writer.event("response.function_call_arguments.done", `${at},"arguments":${JSON.stringify(plan.text)}`),
  );
  yield framing(
    writer.event("response.output_item.done", `"output_index":${index},"item":${plan.items[index] ?? "{}"}`),
  );
}

function* pieceEvents(
  call: Call,
  plan: ResponsesPlan,
  write: (text: string) => string,
  writer: EventWriter,
): Generator<Frame> {
  let visible = 0;
  for (const piece of piecesOf(call, plan.choice)) {
    visible += piece.tokens;
    yield { text: write(piece.text), tokens: piece.tokens };
    if (call.fault?.kind !== "usage_cumulative") continue;
    const running = plan.object("in_progress", "", plan.usage(plan.hidden, visible));
    yield framing(writer.event("response.in_progress", `"response":${running}`));
  }
}

function* lastEvents(call: Call, plan: ResponsesPlan, writer: EventWriter): Generator<Frame> {
  const kind = call.fault?.kind;
  if (kind === "no_done") return;
  const status = plan.choice.capped ? "incomplete" : "completed";
  const late = kind === "no_usage" || kind === "usage_after_end";
  const last = (usage: string | null): Frame =>
    framing(writer.event(`response.${status}`, `"response":${plan.object(status, plan.items.join(","), usage)}`));
  yield last(late ? null : plan.finalUsage);
  if (kind === "usage_twice" || kind === "usage_after_end") yield last(plan.finalUsage);
}
