import type { IncomingHttpHeaders } from "node:http";
import type { Endpoint } from "@tollhouse/contract";
import type { AnswerText } from "./answer-text.ts";
import type { ProviderName } from "./bill.ts";
import type { Fault } from "./fault.ts";
import type { Fields } from "./fields.ts";
import type { Classes, Model, Segments } from "./model.ts";
import type { Random } from "./random.ts";
import type { Steering } from "./steering.ts";

/** Which surface a path is. */
export interface Route {
  readonly provider: ProviderName;
  readonly endpoint: Endpoint;
  readonly method: "GET" | "POST";
  /** Model in the path (Gemini, Azure deployments, `GET models/{id}`), else null. */
  readonly model: string | null;
  /** Gemini `:streamGenerateContent`. */
  readonly stream: boolean;
  readonly azure: boolean;
  /** What follows the `?`, without it. */
  readonly query: string;
}

/** Everything an answer is made from: no socket, no clock. The same call gives the same bytes. */
export interface Call {
  readonly route: Route;
  readonly body: Fields;
  /** Bytes of the uploaded file of a multipart body, else null. */
  readonly file: Buffer | null;
  readonly headers: IncomingHttpHeaders;
  readonly model: Model;
  readonly streamed: boolean;
  readonly steering: Steering;
  readonly fault: Fault | null;
  readonly random: Random;
  readonly text: AnswerText;
  /** Words in each streamed chunk. */
  readonly chunkTokens: number;
  /** Service tier that serves the call. */
  readonly tier: string;
  /** Unique in this simulator, from 1 on. */
  readonly sequence: number;
  /** Unique id characters of this call: every id in its answer is a prefix and this. */
  readonly idTail: string;
  /** Unix seconds. Counted, not read from a clock. */
  readonly created: number;
}

interface AnswerBase {
  readonly responseId: string;
  readonly contentType: string;
  /** Further headers, name and value in turn. */
  readonly headers: readonly string[];
  /** Owed from the start: input tokens and units that are not generated (searches, characters, seconds). */
  readonly input: Classes;
  /** What is generated, in the order of its making. */
  readonly output: Segments;
  /** What is reported and billed when the call completes. It is `output`, but for the fault `usage_too_big`. */
  readonly billed: Segments;
}

export interface WholeAnswer extends AnswerBase {
  readonly kind: "whole";
  readonly body: string | Buffer;
}

/** A piece of a stream: what is written, and how many generated tokens it stands for (hidden ones have empty text). */
export interface Frame {
  readonly text: string;
  readonly tokens: number;
}

export interface StreamAnswer extends AnswerBase {
  readonly kind: "stream";
  readonly frames: Iterator<Frame>;
  /** An event of this dialect that is no JSON. */
  readonly junk: string;
  /** The provider's error event. */
  readonly error: string;
}

/** The provider says no before any output: never billed. */
export interface RefusedAnswer {
  readonly kind: "refused";
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

export type Answer = WholeAnswer | StreamAnswer | RefusedAnswer;

/** Counts of a call of which `generated` tokens were made: `segments` are used up in their order. */
export function classesAfter(input: Classes, segments: Segments, generated: number): Classes {
  const classes: Record<string, number> = {};
  for (const name in input) if ((input[name] ?? 0) > 0) classes[name] = input[name] ?? 0;
  let left = generated;
  for (const [name, tokens] of segments) {
    const made = Math.min(left, tokens);
    if (made > 0) classes[name] = (classes[name] ?? 0) + made;
    left -= made;
  }
  return classes;
}

export function tokensOf(segments: Segments): number {
  let sum = 0;
  for (const [, tokens] of segments) sum += tokens;
  return sum;
}
