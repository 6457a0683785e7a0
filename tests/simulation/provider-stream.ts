import type { Random } from "../chaos/random.ts";
import type { BillLine } from "./auditor.ts";
import { type AskedOfProvider, errorOf, INPUT_NANO, OUTPUT_NANO } from "./simulated-provider.ts";
import type { Owner, VirtualTime } from "./virtual-time.ts";

interface Controller {
  readonly rawHeaders: string[];
  readonly pause: () => void;
  resume(): void;
  abort(reason: Error): void;
}

export interface StreamParts {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly asked: AskedOfProvider;
  /** undici's. */
  readonly handler: {
    onRequestStart(controller: never, context: unknown): void;
    onResponseStart(controller: never, status: number, headers: never): void;
    onResponseData(controller: never, chunk: Buffer): void;
    onResponseEnd(controller: never, trailers: never): void;
    onResponseError(controller: never, error: Error): void;
  };
  /** The process that asked. */
  readonly owner: Owner;
  readonly seen: (what: string) => void;
  readonly ended: () => void;
}

type Fault =
  | "none"
  | "usage missing"
  | "usage twice"
  | "usage too big"
  | "cut"
  | "stalls"
  | "refuses"
  | "fails"
  | "redirects";

const FAULTS: readonly (readonly [Fault, number])[] = [
  ["usage missing", 0.08],
  ["usage twice", 0.06],
  ["usage too big", 0.02],
  ["cut", 0.07],
  ["stalls", 0.03],
  ["refuses", 0.04],
  ["fails", 0.03],
  ["redirects", 0.01],
];

/** A provider that reports more than it can have made, by so much. */
const OVERSTATED = 50;

/** One answer of the provider, from the request's arrival to the bill. */
export class ProviderStream {
  readonly #parts: StreamParts;
  readonly #fault: Fault;
  readonly #wanted: number;
  #made = 0;
  /** Output tokens whose text is with the process that asked, before the last delivery and with it. */
  #arrivedBefore = 0;
  #arrived = 0;
  #usageArrived = false;
  #billedInput = true;
  #overstated = false;
  #aborted = false;
  #stopped = false;
  #paused = false;
  readonly #queue: (() => void)[] = [];
  #lastMs = 0;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    const { random, asked } = parts;
    let chance = random.next();
    this.#fault = FAULTS.find(([, share]) => (chance -= share) < 0)?.[0] ?? "none";
    this.#wanted = Math.min(
      asked.outputTokensMax,
      random.next() < 0.2 ? random.between(200, 1_500) : random.between(1, 120),
    );
  }

  billed(): BillLine {
    const { asked } = this.#parts;
    const input = this.#billedInput ? BigInt(asked.inputTokens) * INPUT_NANO : 0n;
    const output = BigInt(this.#made) * OUTPUT_NANO;
    const beyondNano = this.#overstated ? output * BigInt(OVERSTATED - 1) : 0n;
    return {
      call: asked.call,
      nano: input + output + beyondNano,
      told: this.#usageArrived,
      unseenNano: BigInt(this.#made - this.#arrivedBefore) * OUTPUT_NANO,
      beyondNano,
    };
  }

  /** The connection is gone; noticed a while later, and until then tokens are made. */
  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#parts.time.at(this.#parts.random.between(5, 250), null, () => this.#stop());
  }

  begin(): void {
    const { handler, owner, time, random, seen } = this.#parts;
    if (owner.alive) handler.onRequestStart(this.#controller() as never, {});
    if (this.#aborted) return this.#neverSent();
    seen(`the provider: ${this.#fault}`);
    if (this.#fault === "stalls") {
      // Nothing comes: undici gives up. What it made by then is billed.
      this.#made = Math.min(this.#wanted, 20);
      this.#parts.time.at(60_000, null, () => this.#stop());
      return this.#deliver(60_000, () =>
        handler.onResponseError(this.#controller() as never, errorOf("UND_ERR_HEADERS_TIMEOUT")),
      );
    }
    time.at(random.between(2, 60), null, () => this.#answer());
  }

  #neverSent(): void {
    this.#billedInput = false;
    this.#stop();
  }

  #answer(): void {
    const status = { refuses: 429, fails: 500, redirects: 302 }[this.#fault as "fails"] ?? 200;
    const type = status === 200 && this.#parts.asked.stream ? "text/event-stream" : "application/json";
    const controller = this.#controller(["content-type", type]);
    this.#deliver(1, () => this.#parts.handler.onResponseStart(controller as never, status, {} as never));
    if (status !== 200) {
      this.#billedInput = status === 500 && this.#parts.random.next() < 0.5;
      this.#data(Buffer.from(`{"error":{"message":"simulated","type":"simulated","code":null}}`), 0, false);
      return this.#finish();
    }
    if (this.#parts.asked.stream) this.#frames();
    else this.#whole();
  }

  #whole(): void {
    this.#made = this.#wanted;
    const message = {
      index: 0,
      message: { role: "assistant", content: "abc ".repeat(this.#made) },
      finish_reason: "stop",
    };
    const told = this.#fault !== "usage missing";
    const json = {
      id: "sim",
      object: "chat.completion",
      model: "gpt-4o-mini",
      choices: [message],
      ...(told && { usage: this.#usage() }),
    };
    if (this.#fault === "cut") return this.#break();
    this.#data(Buffer.from(JSON.stringify(json)), this.#made, told);
    this.#finish();
  }

  #frames(): void {
    const { time, random } = this.#parts;
    if (this.#stopped) return;
    const tokens = Math.min(random.between(1, 6), this.#wanted - this.#made);
    if (tokens > 0 && !(this.#fault === "cut" && this.#made > this.#wanted / 2)) {
      this.#made += tokens;
      const choice = { index: 0, delta: { content: "abc ".repeat(tokens) }, finish_reason: null };
      this.#data(frame({ choices: [choice] }), this.#made, false);
      time.at(random.between(20, 90), null, () => this.#frames());
      return;
    }
    if (this.#fault === "cut") return this.#break();
    this.#data(frame({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }), this.#made, false);
    const usage =
      this.#fault === "usage missing" || !this.#parts.asked.includeUsage ? 0 : this.#fault === "usage twice" ? 2 : 1;
    for (let i = 0; i < usage; i++) this.#data(frame({ choices: [], usage: this.#usage() }), this.#made, true);
    this.#data(Buffer.from("data: [DONE]\n\n"), this.#made, false);
    this.#finish();
  }

  #usage(): object {
    const { inputTokens } = this.#parts.asked;
    this.#overstated = this.#fault === "usage too big";
    const made = this.#made * (this.#overstated ? OVERSTATED : 1);
    return { prompt_tokens: inputTokens, completion_tokens: made, total_tokens: inputTokens + made };
  }

  #break(): void {
    const { handler } = this.#parts;
    this.#deliver(1, () => handler.onResponseError(this.#controller() as never, errorOf("UND_ERR_SOCKET")));
    this.#stop();
  }

  #finish(): void {
    this.#deliver(1, () => this.#parts.handler.onResponseEnd(this.#controller() as never, {} as never));
    this.#stop();
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#parts.ended();
  }

  /** Bytes come in pieces that know nothing of frames. */
  #data(bytes: Buffer, made: number, usage: boolean): void {
    const at = this.#parts.random.next() < 0.3 ? this.#parts.random.between(1, bytes.length - 1) : bytes.length;
    const pieces = [bytes.subarray(0, at), bytes.subarray(at)].filter((piece) => piece.length > 0);
    for (const [i, piece] of pieces.entries())
      this.#deliver(this.#parts.random.between(1, 10), () => {
        if (i === pieces.length - 1) this.#arrive(made, usage);
        this.#parts.handler.onResponseData(this.#controller() as never, piece);
      });
  }

  #arrive(made: number, usage: boolean): void {
    this.#arrivedBefore = this.#arrived;
    this.#arrived = made;
    if (usage) this.#usageArrived = true;
  }

  /** In order, whatever the network does; not while the reader pauses, and never to a process that died or aborted. */
  #deliver(afterMs: number, happen: () => void): void {
    const { time, owner } = this.#parts;
    this.#lastMs = Math.max(this.#lastMs + 0.01, time.nowMs + afterMs);
    time.at(this.#lastMs - time.nowMs, owner, () => {
      this.#queue.push(happen);
      this.#drain();
    });
  }

  #drain(): void {
    while (!this.#paused && !this.#aborted) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next();
    }
  }

  #controller(rawHeaders: string[] = []): Controller {
    return {
      rawHeaders,
      pause: () => void (this.#paused = true),
      resume: () => {
        if (!this.#paused) return;
        this.#paused = false;
        this.#parts.time.at(0, this.#parts.owner, () => this.#drain());
      },
      abort: (reason) => {
        const { time, owner, handler } = this.#parts;
        time.at(0, owner, () => handler.onResponseError(this.#controller() as never, reason));
        this.abort();
      },
    };
  }
}

function frame(more: object): Buffer {
  return Buffer.from(
    `data: ${JSON.stringify({ id: "sim", object: "chat.completion.chunk", model: "gpt-4o-mini", ...more })}\n\n`,
  );
}
