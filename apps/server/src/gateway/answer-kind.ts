import type { Endpoint } from "@tollhouse/contract";
import type { Call } from "./call.ts";

/**
 * How the body of an answer is handled. whole: held, then passed on. stream: metered on its way. assembled: a stream made into
 * one answer. passed: bytes without usage (audio), passed on.
 */
export type AnswerKind = "whole" | "stream" | "assembled" | "passed";

/** Endpoints whose answer may be a file (audio, subtitles, text) instead of JSON. */
const ANSWERS_FILES: ReadonlySet<Endpoint> = new Set(["audio_speech", "audio_transcriptions", "audio_translations"]);

/**
 * From what was asked for, and hardly from what came: hosts send streams as `text/plain` or without a type, and an answer that
 * is not metered because of its label would be counted as nothing. `type` is the content type of the answer.
 */
export function answerKind(call: Call, status: number, type: string): AnswerKind {
  const { facts, reservation } = call;
  const isJson = type.includes("json");
  if (status >= 300) return "whole";
  if (facts.stream) return "stream";
  if (reservation.mode === "assembled" && !isJson) return "assembled";
  return isJson || !ANSWERS_FILES.has(facts.endpoint) ? "whole" : "passed";
}

/** undefined where the bytes are no JSON. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
