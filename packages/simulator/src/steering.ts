import { type Fault, readFault } from "./fault.ts";
import { countOf, FieldError, type Fields, isFields } from "./fields.ts";

/** The `simulator` object of a request body: what the answer shall be. Absent counts are null, and then seeded or 0. */
export interface Steering {
  readonly outputTokens: number | null;
  readonly reasoningTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number;
  /** Audio tokens of the input, beside its text. */
  readonly audioTokens: number;
  readonly outputAudioTokens: number;
  /** Input that the provider adds and the request does not show (a stored conversation, a cached content). */
  readonly hiddenInputTokens: number;
  readonly audioSeconds: number | null;
  readonly tool: boolean;
  readonly webSearches: number;
  readonly tier: string | null;
  readonly callId: string | null;
  readonly tag: string | null;
  readonly fault: Fault | null;
  readonly delayMs: number;
  readonly tokensPerSecond: number | null;
}

const COUNTS = {
  output_tokens: "outputTokens",
  reasoning_tokens: "reasoningTokens",
  cached_tokens: "cachedTokens",
  cache_write_tokens: "cacheWriteTokens",
  cache_write_1h_tokens: "cacheWrite1hTokens",
  audio_tokens: "audioTokens",
  output_audio_tokens: "outputAudioTokens",
  hidden_input_tokens: "hiddenInputTokens",
  audio_seconds: "audioSeconds",
  web_searches: "webSearches",
  delay_ms: "delayMs",
  tokens_per_second: "tokensPerSecond",
} as const;

const TEXTS = { tier: "tier", call_id: "callId", tag: "tag" } as const;

export const UNSTEERED: Steering = {
  outputTokens: null,
  reasoningTokens: 0,
  cachedTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  audioTokens: 0,
  outputAudioTokens: 0,
  hiddenInputTokens: 0,
  audioSeconds: null,
  tool: false,
  webSearches: 0,
  tier: null,
  callId: null,
  tag: null,
  fault: null,
  delayMs: 0,
  tokensPerSecond: null,
};

function fieldOf(given: Fields, name: string): readonly [string, unknown] {
  const value = given[name];
  if (Object.hasOwn(COUNTS, name)) {
    const count = countOf(given, name, name === "tokens_per_second" ? 1 : 0, "simulator.");
    const target = COUNTS[name as keyof typeof COUNTS];
    return [target, count ?? UNSTEERED[target]];
  }
  if (Object.hasOwn(TEXTS, name)) {
    if (typeof value === "string" || value === null) return [TEXTS[name as keyof typeof TEXTS], value];
    throw new FieldError(`simulator.${name}`, `simulator.${name}: expected text.`);
  }
  if (name === "tool") {
    if (typeof value === "boolean") return [name, value];
    throw new FieldError("simulator.tool", "simulator.tool: expected true or false.");
  }
  if (name === "fault") return [name, value === null ? null : readFault(value, "simulator.fault.")];
  throw new FieldError(`simulator.${name}`, `simulator.${name}: expected one of the fields in the README.`);
}

/** Reads `body.simulator`. Throws a FieldError that names an unknown or ill-typed field. */
export function readSteering(body: Fields): Steering {
  const given = body["simulator"];
  if (given === undefined || given === null) return UNSTEERED;
  if (!isFields(given)) throw new FieldError("simulator", "simulator: expected an object.");
  const read: Record<string, unknown> = { ...UNSTEERED };
  for (const name of Object.keys(given)) {
    const [target, value] = fieldOf(given, name);
    read[target] = value;
  }
  return read as unknown as Steering;
}
