import type { Call, Frame } from "../call.ts";
import { type Choice, hiddenPieces, type Piece, piecesOf, wholeText } from "../plan.ts";
import {
  callPartJson,
  finishOf,
  type GeneratePlan,
  groundingJson,
  thoughtPartJson,
  usageMetadataJson,
} from "./generate-content.ts";

/** Frames one answer object: as an event, or as an element of the one JSON array. */
class ChunkWriter {
  private readonly sse: boolean;
  private first = true;

  constructor(sse: boolean) {
    this.sse = sse;
  }

  frame(json: string): string {
    if (this.sse) return `data: ${json}\r\n\r\n`;
    const lead = this.first ? "[" : ",\r\n";
    this.first = false;
    return lead + json;
  }

  end(): string {
    return this.sse ? "" : "]";
  }
}

/** All chunks of one streamed answer. Usage is cumulative on each of them; there is no closing event. */
export function* generateFrames(call: Call, plan: GeneratePlan, sse: boolean): Generator<Frame> {
  const writer = new ChunkWriter(sse);
  const kind = call.fault?.kind;
  const silent = kind === "no_usage" || kind === "usage_after_end";
  let visible = 0;
  const chunk = (candidates: string, final: boolean): string => {
    const made = final ? plan.output.reported : { hidden: plan.output.hidden, visible };
    const usage = silent ? "" : `"usageMetadata":${usageMetadataJson(call, plan.input, made)},`;
    return writer.frame(`{${candidates}${usage}${plan.tail}`);
  };
  const content = (index: number, part: string): string =>
    chunk(`"candidates":[{"content":{"parts":[${part}],"role":"model"},"index":${index}}],`, false);
  yield* hiddenPieces(call, plan.output.hidden);
  for (const [index, choice] of plan.output.choices.entries()) {
    if (plan.thoughtsShown && choice.hidden > 0)
      yield { text: content(index, thoughtPartJson(call, choice)), tokens: 0 };
  }
  for (const { index, choice, piece } of interleaved(call, plan.output.choices)) {
    visible += piece.tokens;
    const part = choice.tool ? callPartJson(plan, choice, piece.text) : `{"text":"${piece.text}"}`;
    yield { text: content(index, part), tokens: piece.tokens };
  }
  const last = `"candidates":[${plan.output.choices.map((choice, index) => lastCandidate(call, choice, index)).join(",")}],`;
  yield { text: chunk(last, true), tokens: 0 };
  if (kind === "usage_twice") yield { text: chunk("", true), tokens: 0 };
  if (kind === "usage_after_end") {
    const usage = usageMetadataJson(call, plan.input, plan.output.reported);
    yield { text: writer.frame(`{"usageMetadata":${usage},${plan.tail}`), tokens: 0 };
  }
  if (kind !== "no_done" && !sse) yield { text: writer.end(), tokens: 0 };
}

function lastCandidate(call: Call, choice: Choice, index: number): string {
  const finish = call.fault?.kind === "no_done" ? "" : `,"finishReason":"${finishOf(choice)}"`;
  return `{"content":{"parts":[{"text":""}],"role":"model"}${finish}${groundingJson(call, choice)},"index":${index}}`;
}

interface Step {
  readonly index: number;
  readonly choice: Choice;
  readonly piece: Piece;
}

/** One piece of each candidate in turn. A function call comes whole: Gemini does not stream its arguments. */
function* interleaved(call: Call, choices: readonly Choice[]): Generator<Step> {
  const running = choices.map((choice, index) => ({ index, choice, pieces: candidatePieces(call, choice) }));
  while (running.length > 0) {
    for (let at = 0; at < running.length; at++) {
      const one = running[at];
      const next = one?.pieces.next();
      if (one === undefined || next === undefined || next.done === true) running.splice(at--, 1);
      else yield { index: one.index, choice: one.choice, piece: next.value };
    }
  }
}

function* candidatePieces(call: Call, choice: Choice): Generator<Piece> {
  if (choice.tool) yield { text: wholeText(call, choice), tokens: choice.visible };
  else yield* piecesOf(call, choice);
}
