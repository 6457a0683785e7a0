import type { Answer, Call, Frame } from "../call.ts";
import { SSE_TYPE } from "../content-type.ts";
import { FieldError, textOf } from "../fields.ts";
import type { Segments } from "../model.ts";
import { textTokens } from "../plan.ts";
import { openaiErrorFrame } from "./openai-error.ts";

/** Spoken English: 15 characters a second at about 20 audio tokens a second. */
const AUDIO_TOKENS_PER_5_CHARACTERS = 7;
const AUDIO_BYTES_PER_CHARACTER = 64;
/** A silent MPEG frame header, so that players and sniffers see MP3. */
const MP3 = Buffer.from("fffb9064", "hex");

/** POST /v1/audio/speech: audio bytes without any usage, or (`stream_format: "sse"`) events with usage at the end. */
export function answerSpeech(call: Call): Answer {
  const text = textOf(call.body["input"]);
  if (text === null || text === "") throw new FieldError("input", "Missing required parameter: 'input'.");
  if (textOf(call.body["voice"]) === null) throw new FieldError("voice", "Missing required parameter: 'voice'.");
  const characters = Array.from(text).length;
  const perCharacter = call.model.rates.has("character");
  const made = perCharacter ? 0 : Math.ceil((characters * AUDIO_TOKENS_PER_5_CHARACTERS) / 5);
  const output: Segments = [["output_audio", made]];
  const shared = {
    responseId: `req_${call.idTail}`,
    headers: [],
    input: perCharacter ? { character: characters } : { input: textTokens(text) },
    output,
    billed: output,
  };
  if (call.body["stream_format"] !== "sse") {
    const body = Buffer.alloc(Math.max(MP3.length, characters * AUDIO_BYTES_PER_CHARACTER), MP3);
    return { kind: "whole", ...shared, contentType: "audio/mpeg", body };
  }
  if (perCharacter) throw new FieldError("stream_format", "'sse' is not supported for this model.");
  const frames = speechFrames(call, textTokens(text), made);
  const junk = 'data: {"type":"speech.audio.de\n\n';
  return { kind: "stream", ...shared, contentType: SSE_TYPE, frames, junk, error: openaiErrorFrame() };
}

const FRAME_TOKENS = 20;

function* speechFrames(call: Call, input: number, made: number): Generator<Frame> {
  const audio = MP3.toString("base64");
  for (let at = 0; at < made; at += FRAME_TOKENS) {
    yield {
      text: `data: {"type":"speech.audio.delta","audio":"${audio}"}\n\n`,
      tokens: Math.min(FRAME_TOKENS, made - at),
    };
  }
  const usage =
    call.fault?.kind === "no_usage"
      ? ""
      : `,"usage":{"input_tokens":${input},"output_tokens":${made},"total_tokens":${input + made}}`;
  if (call.fault?.kind !== "no_done") yield { text: `data: {"type":"speech.audio.done"${usage}}\n\n`, tokens: 0 };
}
