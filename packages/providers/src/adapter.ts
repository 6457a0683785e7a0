import type { CallFacts, CodeRow, Dialect, Endpoint, ReasonCode, UsageReport } from "@tollhouse/contract";

/** Which endpoint a path is, before the body is read. */
export interface Route {
  readonly dialect: Dialect;
  readonly endpoint: Endpoint;
  /** Methods it takes; anything else is 405. */
  readonly method: "GET" | "POST";
  readonly body: "json" | "multipart" | "none";
  /** Path and query as the provider gets them, below its base URL (`/chat/completions`, `/models/x:generateContent?alt=sse`). */
  readonly upstreamPath: string;
  /** Where the path names the model (Gemini, Azure deployments); else null. */
  readonly model: string | null;
  /** Where the path says whether to stream (Gemini); else null. */
  readonly stream: boolean | null;
}

/** What the gateway wants to be different in the request that goes upstream. Everything else stays byte for byte. */
export interface UpstreamEdit {
  /** Ask for usage in the stream (OpenAI `stream_options.include_usage`). */
  readonly includeUsage?: boolean;
  /** Ask for a stream although the client did not (the answer is assembled for it). Asks for usage too, unless includeUsage is false. */
  readonly forceStream?: boolean;
  /** Set the provider's own output cap, per choice, replacing every alias the client used. */
  readonly outputTokensMax?: number;
  /** Another model in place of the client's. */
  readonly model?: string;
}

export interface UpstreamRequest {
  readonly path: string;
  readonly body: Buffer;
}

/**
 * Follows one streamed answer. `push` is called on the hot path: no promise, no closure, no second parse of a frame.
 * It must never throw on hostile bytes, and its memory is bounded (a single frame over `FRAME_BYTES_MAX` is passed through
 * unread and the report is null from then on unless a later frame reports).
 */
export interface StreamMeter {
  /** Returns what to hand to the client: the same buffer where nothing is hidden; empty where all of it is held back. */
  push(chunk: Buffer): Buffer;
  /** The upstream closed: what was still held back (an unterminated last frame), handed on as it came. */
  flush(): Buffer;
  /** UTF-8 bytes of output text, tool arguments and visible reasoning seen so far: an upper bound of their tokens. */
  readonly outputBytes: number;
  /** Takes (and forgets) the text seen since the last call, for an exact count. Bounded to the last 1 MiB. */
  takeText(): string;
  /** The last non-null usage anywhere in the stream; null while none was seen. Input-only usage (Anthropic
   *  message_start) counts as `partial`: it is returned by `partial()`, not here. */
  report(): UsageReport | null;
  partial(): UsageReport | null;
  /** Did the stream reach its well-formed end ([DONE], message_stop, response.completed, a finishReason …)? */
  readonly ended: boolean;
  /** Did the provider put an error into the stream? */
  readonly failed: boolean;
}

/** Builds the one JSON answer the provider would have sent, from its stream. */
export interface Assembler {
  push(chunk: Buffer): void;
  /** UTF-8 JSON. Call only after a well-formed end (`StreamMeter.ended`), or with `cut` where Tollhouse stopped it. */
  finish(cut: Refusal | null): Buffer;
  /** An error the provider put into the stream: status and body as it would have sent them without a stream; else null. */
  readonly error: { readonly status: number; readonly body: Buffer } | null;
}

/** A refusal of ours, told in the dialect of the client. `row` is CODES[code]. */
export interface Refusal {
  readonly code: ReasonCode;
  readonly row: CodeRow;
  /** Public sentence: names no other scope's spend and no secret. */
  readonly message: string;
  /** Field of the request that is wrong, where one is. */
  readonly param: string | null;
  /** For exceeded budgets: US dollars as JSON numbers with at most two places of noise-free precision. */
  readonly budgetInfo: { readonly budget: number; readonly spent: number; readonly remaining: number } | null;
  /** The `tollhouse` object of product.md §3, ready to serialise. */
  readonly tollhouse: Readonly<Record<string, unknown>>;
}

export interface ProviderAdapter {
  readonly dialect: Dialect;
  /**
   * `path` is below the dialect's own prefix, query included (`/v1/chat/completions?x=1`, `/v1beta/models/m:generateContent`).
   * Returns null for a path that is no endpoint of this dialect.
   */
  route(path: string): Route | null;
  /**
   * Reads the request. `body` is the parsed JSON (multipart: an object of its fields, files as their byte length under
   * `file.bytes`), `bodyBytes` the length of the raw body. Throws BadRequest where a field that decides cost has the wrong type.
   */
  parseRequest(
    route: Route,
    body: unknown,
    bodyBytes: number,
    headers: Readonly<Record<string, string | undefined>>,
  ): CallFacts;
  /** All text of the request that becomes input tokens, for an exact count off the event loop. */
  inputTexts(route: Route, body: unknown): string[];
  /** The request that goes upstream; the same buffer where nothing has to change. */
  editRequest(route: Route, body: unknown, raw: Buffer, edit: UpstreamEdit): UpstreamRequest;
  /** Usage of a whole answer. `body` is the parsed JSON; null where the answer carries none. Never throws. */
  usageOf(
    route: Route,
    facts: CallFacts,
    body: unknown,
    headers: Readonly<Record<string, string | undefined>>,
  ): UsageReport | null;
  /** `hideUsage`: the client did not ask for the usage that we asked for; its frames and keys are kept from it. */
  meter(
    route: Route,
    facts: CallFacts,
    headers: Readonly<Record<string, string | undefined>>,
    hideUsage: boolean,
  ): StreamMeter;
  /** null where the endpoint cannot be streamed and assembled. */
  assembler(route: Route, facts: CallFacts): Assembler | null;
  /** Body of a refusal before the first byte (status and headers come from `refusal.row`). */
  refusalBody(refusal: Refusal): Buffer;
  /**
   * Well-formed last bytes of a stream that Tollhouse cuts, such that the official client raises. `begun`: did any byte of
   * the body go to the client (default true)? A JSON array (Gemini without `alt=sse`) needs it for its bracket.
   */
  cutFrame(route: Route, refusal: Refusal, begun?: boolean): Buffer;
  /** Is a provider's refusal with this status certainly not billed? (4xx/5xx before any output.) */
  unbilled(status: number): boolean;
}

/** A request field that decides cost and cannot be read. Becomes a 400 that names it. */
export class BadRequest extends Error {
  override readonly name = "BadRequest";
  readonly field: string;
  readonly expected: string;
  constructor(field: string, expected: string) {
    super(`${field}: expected ${expected}`);
    this.field = field;
    this.expected = expected;
  }
}

export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
