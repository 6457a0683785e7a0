import type { CallFacts, Dialect, Endpoint } from "@tollhouse/contract";

/** Endpoints whose answers hold no tokens that are billed as output. */
const WITHOUT_OUTPUT: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "embeddings",
  "embed_content",
  "batch_embed_contents",
]);
/** Providers bill these at nothing. */
const FREE: ReadonlySet<Endpoint> = new Set<Endpoint>(["moderations", "models", "count_tokens"]);

const USUAL: { readonly [D in Dialect]: Endpoint } = {
  openai: "chat_completions",
  anthropic: "messages",
  gemini: "generate_content",
};

/** What a provider of this dialect is usually called for, where nobody says. */
export function usualEndpoint(dialect: Dialect): Endpoint {
  return USUAL[dialect];
}

export interface SaidOfCall {
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly inputTokensMax: number;
  readonly outputTokensMax: number | null;
  readonly tier: string | null;
}

/** Facts of a call that Tollhouse does not carry: what its caller says of it, and nothing that would have to be read off a body. */
export function sdkFacts(said: SaidOfCall): CallFacts {
  return {
    ...said,
    outputTokensMax: WITHOUT_OUTPUT.has(said.endpoint) ? 0 : said.outputTokensMax,
    stream: false,
    usageAsked: true,
    inputImageTokensMax: 0,
    inputAudioTokensMax: 0,
    inputHidden: false,
    choices: 1,
    outputHidden: false,
    outputHiddenMax: null,
    outputAudio: false,
    outputImage: false,
    geo: null,
    cacheWrite: null,
    unitsMax: {},
    streamable: false,
    free: FREE.has(said.endpoint),
  };
}

/** All texts inside a prompt, a list of messages, or whatever becomes input. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "number" || typeof value === "boolean") return [String(value)];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
