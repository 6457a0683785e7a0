import type { Answer, Call, Frame } from "../call.ts";
import { JSON_TYPE, SSE_TYPE } from "../content-type.ts";
import { FieldError, textOf } from "../fields.ts";
import type { Classes } from "../model.ts";
import { hiddenPieces, piecesOf, planOutput, textTokens, wholeText } from "../plan.ts";
import { openaiErrorFrame } from "./openai-error.ts";

const AUDIO_TOKENS_PER_SECOND = 10;
/** 128 kbit/s, where the file does not say its rate itself. */
const BYTES_PER_SECOND = 16_000;
const WAV_RATE_AT = 28;
const WAV_HEADER_BYTES = 44;

/** Whole seconds, rounded up, at least one. A RIFF file says its byte rate in its header. */
export function audioSeconds(file: Buffer): number {
  const wav = file.length > WAV_HEADER_BYTES && file.toString("latin1", 0, 4) === "RIFF";
  const rate = wav ? file.readUInt32LE(WAV_RATE_AT) : BYTES_PER_SECOND;
  const bytes = wav ? file.length - WAV_HEADER_BYTES : file.length;
  return Math.max(1, Math.ceil(bytes / Math.max(1, rate)));
}

/** POST /v1/audio/transcriptions and /v1/audio/translations: billed by the second, or by tokens, as the model is priced. */
export function answerTranscription(call: Call): Answer {
  if (call.file === null) throw new FieldError("file", "Missing required parameter: 'file'.");
  const seconds = call.steering.audioSeconds ?? audioSeconds(call.file);
  const timed = call.model.rates.has("audio_second");
  const output = planOutput(call, null, 1, false);
  const text = output.choices.map((choice) => wholeText(call, choice)).join("");
  const prompt = textTokens(textOf(call.body["prompt"]) ?? "");
  const audio = seconds * AUDIO_TOKENS_PER_SECOND;
  const input: Classes = timed ? { audio_second: seconds } : { input: prompt, input_audio: audio };
  const reported = output.reported.visible;
  const usage = timed
    ? `{"type":"duration","seconds":${seconds}}`
    : `{"type":"tokens","total_tokens":${prompt + audio + reported},"input_tokens":${prompt + audio},` +
      `"input_token_details":{"text_tokens":${prompt},"audio_tokens":${audio}},"output_tokens":${reported}}`;
  const shared = {
    responseId: `req_${call.idTail}`,
    headers: [],
    input,
    output: timed ? [] : output.segments,
    billed: timed ? [] : output.billed,
  };
  if (call.streamed && !timed) {
    const frames = transcriptFrames(call, text, usage, output.choices[0] ?? null, output.hidden);
    const junk = 'data: {"type":"transcript.text.de\n\n';
    return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: openaiErrorFrame() };
  }
  const format = textOf(call.body["response_format"]) ?? "json";
  if (format !== "json" && format !== "verbose_json") {
    return { kind: "whole", ...shared, contentType: "text/plain; charset=utf-8", body: `${text}\n` };
  }
  return {
    kind: "whole",
    ...shared,
    contentType: JSON_TYPE,
    body: wholeTranscript(call, text, seconds, usage, format),
  };
}

function wholeTranscript(call: Call, text: string, seconds: number, usage: string, format: string): string {
  const translated = call.route.endpoint === "audio_translations";
  const verbose =
    format === "verbose_json"
      ? `"task":"${translated ? "translate" : "transcribe"}","language":"english","duration":${seconds},"segments":[],`
      : "";
  const told = translated || call.fault?.kind === "no_usage" ? "" : `,"usage":${usage}`;
  return `{${verbose}"text":"${text}"${told}}`;
}

function* transcriptFrames(
  call: Call,
  text: string,
  usage: string,
  choice: Parameters<typeof piecesOf>[1] | null,
  hidden: number,
): Generator<Frame> {
  yield* hiddenPieces(call, hidden);
  if (choice !== null) {
    for (const piece of piecesOf(call, choice)) {
      yield { text: `data: {"type":"transcript.text.delta","delta":"${piece.text}"}\n\n`, tokens: piece.tokens };
    }
  }
  const told = call.fault?.kind === "no_usage" ? "" : `,"usage":${usage}`;
  if (call.fault?.kind !== "no_done") {
    yield { text: `data: {"type":"transcript.text.done","text":"${text}"${told}}\n\n`, tokens: 0 };
  }
}
