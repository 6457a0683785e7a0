import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Random } from "../chaos/random.ts";
import type { Owner, VirtualTime } from "./virtual-time.ts";

export interface ClientSenses {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly seen: (what: string) => void;
  /** The answer is whole, or all that will come. */
  readonly answered: (call: string, status: number, body: string) => void;
}

/** How the call of one client ended, as the client saw it. */
export type ClientEnd = "waiting" | "answered" | "left" | "reset";

interface SimulatedResponse extends EventEmitter {
  headersSent: boolean;
  destroyed: boolean;
  writableFinished: boolean;
}

/** One client and its call: a request that arrives in pieces, an answer read more or less quickly, a line that may go dead. */
export class SimulatedClient {
  readonly name: string;
  end: ClientEnd = "waiting";
  readonly #senses: ClientSenses;
  readonly #body: Buffer;
  readonly #headers: readonly string[];
  readonly #leavesAtByte: number;
  #owner: Owner | null = null;
  #req: (EventEmitter & { destroyed: boolean }) | null = null;
  #res: SimulatedResponse | null = null;
  #status = 0;
  #read: Buffer[] = [];
  #bytes = 0;

  constructor(name: string, senses: ClientSenses) {
    this.name = name;
    this.#senses = senses;
    const { random } = senses;
    const cap = random.pick([undefined, undefined, 30, 300, 3_000]);
    this.#body = Buffer.from(
      JSON.stringify({
        model: "gpt-4o-mini",
        ...(random.next() < 0.65 && { stream: true }),
        ...(cap !== undefined && { max_tokens: cap }),
        messages: [{ role: "user", content: `${name} ${"word ".repeat(random.between(1, 300))}` }],
      }),
    );
    const team = random.pick(["red", "blue", ""]);
    this.#headers = [
      "host",
      "localhost",
      "x-tollhouse-session",
      name,
      ...(team === "" ? [] : ["x-tollhouse-team", team]),
    ];
    this.#leavesAtByte = random.next() < 0.15 ? random.between(0, 3_000) : Infinity;
  }

  /** `serve`: what a listener does with a request. */
  call(owner: Owner, serve: (req: IncomingMessage, res: ServerResponse) => void): void {
    const { time, random, seen } = this.#senses;
    this.#owner = owner;
    const req = Object.assign(new EventEmitter(), {
      url: "/v1/chat/completions",
      rawHeaders: [...this.#headers, "content-length", String(this.#body.length)],
      complete: false,
      destroyed: false,
      pause: () => undefined,
      resume: () => undefined,
    });
    this.#req = req;
    this.#res = this.#response(req);
    serve(req as unknown as IncomingMessage, this.#res as unknown as ServerResponse);
    const half = random.next() < 0.2 ? random.between(1, this.#body.length - 1) : this.#body.length;
    const firstMs = random.between(0, 5);
    time.at(firstMs, owner, () => req.emit("data", this.#body.subarray(0, half)));
    time.at(firstMs + random.between(1, 20), owner, () => {
      if (req.destroyed) return;
      if (half < this.#body.length && random.next() < 0.1) {
        seen("a client leaves in its request");
        return this.#leave();
      }
      if (half < this.#body.length) req.emit("data", this.#body.subarray(half));
      req.complete = true;
      req.emit("end");
    });
    if (random.next() < 0.1) time.at(random.between(0, 2_000), owner, () => this.#leave());
  }

  processDied(): void {
    if (this.end === "waiting" && this.#owner !== null) this.end = "reset";
  }

  #leave(): void {
    if (this.end !== "waiting") return;
    this.end = "left";
    this.#senses.seen(this.#bytes === 0 ? "a client leaves before its answer" : "a client leaves within its answer");
    this.#close();
  }

  #close(): void {
    const [req, res] = [this.#req, this.#res];
    if (req === null || res === null) return;
    req.destroyed = res.destroyed = true;
    req.emit("close");
    res.emit("close");
  }

  #response(req: EventEmitter): SimulatedResponse {
    const res = Object.assign(new EventEmitter(), {
      req,
      headersSent: false,
      destroyed: false,
      writableFinished: false,
      setHeader: () => undefined,
      writeHead: (status: number) => {
        this.#status = status;
        res.headersSent = true;
      },
      write: (chunk: Buffer) => this.#take(Buffer.from(chunk)),
      end: (last?: Buffer | string, encoding?: BufferEncoding) => this.#finish(last, encoding),
      destroy: () => this.#owned(() => this.#cutOff()),
    });
    return res;
  }

  #owned(happen: () => void): void {
    this.#senses.time.at(0, this.#owner, happen);
  }

  #take(chunk: Buffer): boolean {
    const { time, random, seen } = this.#senses;
    if (this.end !== "waiting") return true;
    this.#read.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#leavesAtByte) {
      this.#owned(() => this.#leave());
      return true;
    }
    if (random.next() > 0.02) return true;
    seen("a client reads slowly");
    time.at(random.between(20, 3_000), this.#owner, () => this.#res?.emit("drain"));
    return false;
  }

  #finish(last: Buffer | string | undefined, encoding?: BufferEncoding): void {
    if (last !== undefined) this.#take(typeof last === "string" ? Buffer.from(last, encoding) : last);
    if (this.end !== "waiting") return;
    this.end = "answered";
    (this.#res as SimulatedResponse).writableFinished = true;
    this.#senses.answered(this.name, this.#status, Buffer.concat(this.#read).toString("utf8"));
    this.#owned(() => this.#close());
  }

  #cutOff(): void {
    if (this.end === "waiting") this.end = "answered";
    this.#close();
  }
}
