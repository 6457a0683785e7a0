import { WORDS } from "@tollhouse/simulator";

export const STREAM_DIALECTS = ["chat", "completions", "responses", "messages", "generate"] as const;
export type StreamDialect = (typeof STREAM_DIALECTS)[number];

export const WHOLE_ENDPOINTS = [
  "chat",
  "completions",
  "responses",
  "messages",
  "generate",
  "embeddings",
  "embed_content",
  "batch_embed_contents",
  "moderations",
  "images",
  "speech",
] as const;
export type WholeEndpoint = (typeof WHOLE_ENDPOINTS)[number];

/** A call of a client. */
export interface Ask {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Its name on the simulator's bill and, as the dimension `agent`, in the ledger. */
  readonly id: string;
  readonly streamed: boolean;
}

/** The `simulator` object of a request body: its README lists the fields. */
export type Steering = Readonly<Record<string, unknown>>;

export interface AskOptions {
  readonly id: string;
  readonly steering?: Steering;
  /** Output cap; default 4,000 tokens. */
  readonly outputMax?: number;
  /** Words of the prompt; default 12. */
  readonly words?: number;
  /** Values of further dimensions. */
  readonly dimensions?: Readonly<Record<string, string>>;
}

interface Shape {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export function streamAsk(dialect: StreamDialect, options: AskOptions): Ask {
  const { path, body } = outputShape(dialect, options, true);
  return made(options, path, body, true);
}

export function wholeAsk(endpoint: WholeEndpoint, options: AskOptions): Ask {
  const { path, body } = wholeShape(endpoint, options);
  return made(options, path, body, false);
}

function made(options: AskOptions, path: string, body: Shape["body"], streamed: boolean): Ask {
  const named = Object.entries(options.dimensions ?? {}).map(([name, value]) => [`x-tollhouse-${name}`, value]);
  return {
    path,
    headers: {
      "content-type": "application/json",
      "x-tollhouse-agent": options.id,
      ...(path.includes("/messages") && { "anthropic-version": "2023-06-01" }),
      ...Object.fromEntries(named),
    },
    body: JSON.stringify({ ...body, simulator: { call_id: options.id, ...options.steering } }),
    id: options.id,
    streamed,
  };
}

function wholeShape(endpoint: WholeEndpoint, options: AskOptions): Shape {
  const text = promptOf(options);
  const part = { content: { parts: [{ text }] } };
  switch (endpoint) {
    case "embeddings":
      return { path: "/v1/embeddings", body: { model: "text-embedding-3-small", input: text } };
    case "embed_content":
      return { path: "/v1beta/models/gemini-embedding-001:embedContent", body: part };
    case "batch_embed_contents": {
      const requests = [part, part].map((one) => ({ model: "models/gemini-embedding-001", ...one }));
      return { path: "/v1beta/models/gemini-embedding-001:batchEmbedContents", body: { requests } };
    }
    case "moderations":
      return { path: "/v1/moderations", body: { model: "omni-moderation-latest", input: text } };
    case "images": {
      const body = { model: "gpt-image-1", prompt: text, n: 1, size: "1024x1024", quality: "low" };
      return { path: "/v1/images/generations", body };
    }
    case "speech":
      return { path: "/v1/audio/speech", body: { model: "tts-1", input: text, voice: "alloy" } };
    case "chat":
    case "completions":
    case "responses":
    case "messages":
    case "generate":
      return outputShape(endpoint, options, false);
  }
}

function outputShape(dialect: StreamDialect, options: AskOptions, stream: boolean): Shape {
  const text = promptOf(options);
  const cap = options.outputMax ?? 4_000;
  const messages = [{ role: "user", content: text }];
  switch (dialect) {
    case "chat":
      return {
        path: "/v1/chat/completions",
        body: { model: "gpt-4o-mini", messages, max_completion_tokens: cap, stream },
      };
    case "completions":
      return {
        path: "/v1/completions",
        body: { model: "gpt-3.5-turbo-instruct", prompt: text, max_tokens: cap, stream },
      };
    case "responses":
      return { path: "/v1/responses", body: { model: "gpt-4o", input: text, max_output_tokens: cap, stream } };
    case "messages":
      return { path: "/v1/messages", body: { model: "claude-haiku-4-5", messages, max_tokens: cap, stream } };
    case "generate": {
      const method = stream ? "streamGenerateContent?alt=sse" : "generateContent";
      // Thoughts do not stream: what an aborted stream thought is not known, and stands at what was reserved for it.
      const generationConfig = { maxOutputTokens: cap, thinkingConfig: { thinkingBudget: 0 } };
      const body = { contents: [{ role: "user", parts: [{ text }] }], generationConfig };
      return { path: `/v1beta/models/gemini-2.5-flash:${method}`, body };
    }
  }
}

function promptOf({ words = 12 }: AskOptions): string {
  return Array.from({ length: words }, (_, at) => WORDS[(at * 7) % WORDS.length]).join(" ");
}
