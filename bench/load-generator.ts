import { connect, type Socket } from "node:net";
import { createHistogram } from "node:perf_hooks";
import { requestBytes, type Spacing } from "./requests.ts";

/**
 * Sends calls over kept connections and measures each. Own process. Requests are bytes made beforehand and answers are only looked
 * at as far as their end needs it, so that the load costs a small part of what it measures.
 */
export interface LoadOrder {
  readonly port: number;
  readonly connections: number;
  readonly spacing: Spacing;
  /** Different users, each with a session; taken in turn from `firstUser` on. */
  readonly users: number;
  readonly firstUser?: number;
  /** closed: each connection asks again when it has its answer. open: this many calls a second, come what may. */
  readonly rate: number | "closed";
  /** Ends after so many seconds, or so many calls, whichever is set. */
  readonly seconds?: number;
  readonly calls?: number;
}

export interface LoadReport {
  readonly calls: number;
  readonly failed: number;
  /** Status line of the first answer that was not 200. */
  readonly firstFailure: string | null;
  readonly seconds: number;
  /** Milliseconds. Of an open loop from the moment the call was due, waiting for a connection included. */
  readonly latency: Percentiles;
  /** Milliseconds until the first byte of the body. */
  readonly firstByte: Percentiles;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = Buffer.from("0\r\n\r\n");
const OK = Buffer.from("HTTP/1.1 200");
/** How often an open loop looks at what is due: timers are no finer. */
const TICK_MS = 1;

class Run {
  readonly #order: LoadOrder;
  readonly #requests: Buffer[];
  readonly #latency = createHistogram();
  readonly #firstByte = createHistogram();
  readonly #idle: Line[] = [];
  /** Moments at which calls were due that no connection was free for, oldest first. */
  readonly #due: number[] = [];
  readonly #lines: Line[] = [];
  readonly #startedAt = performance.now();
  readonly #done: (report: LoadReport) => void;
  #sent = 0;
  #ended = 0;
  #failed = 0;
  #firstFailure: string | null = null;
  #closing = false;

  constructor(order: LoadOrder, done: (report: LoadReport) => void) {
    this.#order = order;
    this.#requests = requestBytes(order.users, order.spacing, order.firstUser);
    this.#done = done;
    for (let n = 0; n < order.connections; n++) this.#lines.push(new Line(order.port, this));
    if (order.seconds !== undefined) setTimeout(() => (this.#closing = true), order.seconds * 1_000);
    if (order.rate === "closed") for (const line of this.#lines) this.#next(line, performance.now());
    else this.#openLoop(order.rate);
  }

  ended(line: Line, dueAt: number, sentAt: number, firstByteAt: number, failure: string | null): void {
    const now = performance.now();
    this.#ended++;
    if (failure === null) {
      this.#latency.record(Math.max(1, Math.round((now - dueAt) * 1e6)));
      this.#firstByte.record(Math.max(1, Math.round((firstByteAt - sentAt) * 1e6)));
    } else {
      // A run in which a call failed measures nothing: it ends.
      this.#failed++;
      this.#firstFailure ??= failure;
      this.#closing = true;
    }
    if (this.#order.rate === "closed") this.#next(line, now);
    else {
      const due = this.#due.shift();
      if (due === undefined) this.#idle.push(line);
      else this.#next(line, due);
    }
    if (this.#closing && this.#ended === this.#sent) this.#finish();
  }

  #next(line: Line, dueAt: number): void {
    if (this.#order.calls !== undefined && this.#sent >= this.#order.calls) this.#closing = true;
    if (this.#closing) return;
    line.send(this.#requests[this.#sent++ % this.#requests.length] as Buffer, dueAt);
  }

  #openLoop(rate: number): void {
    this.#idle.push(...this.#lines);
    let made = 0;
    const timer = setInterval(() => {
      if (this.#closing) {
        clearInterval(timer);
        if (this.#ended === this.#sent) this.#finish();
        return;
      }
      const now = performance.now();
      for (; made < ((now - this.#startedAt) / 1_000) * rate; made++) {
        const line = this.#idle.pop();
        if (line === undefined) this.#due.push(now);
        else this.#next(line, now);
      }
    }, TICK_MS);
  }

  #finish(): void {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    for (const line of this.#lines) line.close();
    this.#done({
      calls: this.#ended - this.#failed,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
      seconds,
      latency: { p50: this.#latency.percentile(50) / 1e6, p99: this.#latency.percentile(99) / 1e6 },
      firstByte: { p50: this.#firstByte.percentile(50) / 1e6, p99: this.#firstByte.percentile(99) / 1e6 },
    });
  }
}

/** One kept connection, with at most one call on it. */
class Line {
  readonly #socket: Socket;
  readonly #run: Run;
  #dueAt = 0;
  #sentAt = 0;
  #firstByteAt = 0;
  #head: Buffer | null = null;
  /** Bytes of the body still to come; null: in chunks, or the head is not there yet. */
  #left: number | null = null;
  #inBody = false;
  #tail: Buffer = Buffer.alloc(0);
  #busy = false;

  constructor(port: number, run: Run) {
    this.#run = run;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("the connection was closed"));
  }

  send(request: Buffer, dueAt: number): void {
    this.#busy = true;
    this.#dueAt = dueAt;
    this.#sentAt = performance.now();
    this.#socket.write(request);
  }

  close(): void {
    this.#busy = false;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#inBody) return this.#readBody(chunk);
    const bytes: Buffer = this.#head === null ? chunk : Buffer.concat([this.#head, chunk]);
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd === -1) {
      this.#head = bytes;
      return;
    }
    this.#head = null;
    if (bytes.compare(OK, 0, OK.length, 0, OK.length) !== 0) {
      // The rest of this connection is not read: whoever fails here has failed the benchmark.
      this.#socket.destroy();
      return this.#end(bytes.toString("latin1", 0, 1_500));
    }
    const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString("latin1", 0, headEnd))?.[1];
    this.#left = length === undefined ? null : Number(length);
    this.#inBody = true;
    this.#firstByteAt = 0;
    const body = bytes.subarray(headEnd + HEAD_END.length);
    if (body.length > 0) this.#readBody(body);
  }

  #readBody(chunk: Buffer): void {
    if (this.#firstByteAt === 0) this.#firstByteAt = performance.now();
    if (this.#left !== null) {
      this.#left -= chunk.length;
      if (this.#left <= 0) this.#end(null);
      return;
    }
    const tail = chunk.length >= LAST_CHUNK.length ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = tail.subarray(-LAST_CHUNK.length);
    if (this.#tail.equals(LAST_CHUNK)) this.#end(null);
  }

  #end(failure: string | null): void {
    if (!this.#busy) return;
    this.#busy = false;
    this.#inBody = false;
    this.#tail = Buffer.alloc(0);
    this.#run.ended(this, this.#dueAt, this.#sentAt, this.#firstByteAt, failure);
  }
}

process.on("message", (order: LoadOrder) => {
  new Run(order, (report) => process.send?.(report));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ ready: true });
