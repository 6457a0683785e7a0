import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool, type Dispatcher } from "undici";

/**
 * What Tollhouse is measured against: the same stack, and nothing decided, held, metered or written. `node:http` and undici's
 * `Pool.dispatch`; the body is buffered and parsed, headers go upstream by allowlist and come back without those of the
 * hop, the usage of the answer is parsed. Own process. A faster one is welcome: the bar is a share of it.
 */
const FORWARDED = new Set([
  "accept",
  "user-agent",
  "idempotency-key",
  "openai-organization",
  "openai-project",
  "authorization",
  "content-type",
]);
const DROPPED = new Set(["connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie", "date"]);
const MALFORMED = '{"error":{"message":"The body is not valid JSON"}}';

const pool = new Pool(process.argv[2] as string, { connections: null, pipelining: 1 });
/** Proof that the work was done, and that the compiler cannot leave it out. */
const seen = { outputTokensMax: 0, outputTokens: 0 };

interface ChatRequest {
  readonly model?: string;
  readonly max_tokens?: number;
  readonly stream?: boolean;
}

interface ChatAnswer {
  readonly usage?: { readonly completion_tokens?: number } | null;
}

function requestHeaders(raw: readonly string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    if (FORWARDED.has(name) || name.startsWith("x-stainless-")) out.push(name, raw[at + 1] as string);
  }
  out.push("accept-encoding", "identity");
  return out;
}

function responseHeaders(raw: readonly Buffer[]): string[] {
  const out: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as Buffer).toString("latin1");
    if (!DROPPED.has(name.toLowerCase())) out.push(name, (raw[at + 1] as Buffer).toString("latin1"));
  }
  return out;
}

function noteUsage(answer: ChatAnswer): void {
  seen.outputTokens += answer.usage?.completion_tokens ?? 0;
}

class Relay implements Dispatcher.DispatchHandler {
  readonly #res: ServerResponse;
  readonly #stream: boolean;
  #headers: string[] = [];
  #status = 0;
  #chunks: Buffer[] = [];
  #last: Buffer = Buffer.alloc(0);

  constructor(res: ServerResponse, stream: boolean) {
    this.#res = res;
    this.#stream = stream;
  }

  onRequestStart(): void {
    // Nothing to note; undici wants to know that we know its newer handler.
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
    this.#headers = responseHeaders(controller.rawHeaders as Buffer[]);
    if (this.#stream) this.#res.writeHead(status, this.#headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream) {
      this.#res.write(chunk);
      this.#last = chunk.length > 1_024 ? chunk : Buffer.concat([this.#last.subarray(-1_024), chunk]);
    } else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#stream) {
      const usage = /"usage":(\{[^}]*\})/.exec(this.#last.toString("latin1"))?.[1];
      if (usage !== undefined) noteUsage({ usage: JSON.parse(usage) as NonNullable<ChatAnswer["usage"]> });
      this.#res.end();
      return;
    }
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    noteUsage(JSON.parse(body.toString("utf8")) as ChatAnswer);
    this.#headers.push("content-length", String(body.length));
    this.#res.writeHead(this.#status, this.#headers);
    this.#res.end(body);
  }

  onResponseError(): void {
    if (this.#res.headersSent) this.#res.destroy();
    else this.#res.writeHead(502).end();
  }
}

function forward(req: IncomingMessage, res: ServerResponse, raw: Buffer): void {
  let asked: ChatRequest;
  try {
    asked = JSON.parse(raw.toString("utf8")) as ChatRequest;
  } catch {
    res.writeHead(400).end(MALFORMED);
    return;
  }
  seen.outputTokensMax += asked.max_tokens ?? 0;
  const headers = requestHeaders(req.rawHeaders);
  pool.dispatch({ path: req.url as string, method: "POST", headers, body: raw }, new Relay(res, asked.stream === true));
}

const server = createServer({ noDelay: true, keepAliveTimeout: 65_000 }, (req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => forward(req, res, chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));
