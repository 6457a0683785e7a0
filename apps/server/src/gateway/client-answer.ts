import type { ServerResponse } from "node:http";
import {
  ALLOWANCE_HEADER,
  BUDGET_HEADER,
  COST_HEADER,
  DECISION_HEADER,
  MODEL_HEADER,
  OUTPUT_LIMIT_HEADER,
} from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import type { Refusal } from "@tollhouse/providers";
import type { CounterState } from "@tollhouse/store";
import type { Call } from "./call.ts";
import { withoutCredential } from "./choose-credential.ts";
import type { Gateway } from "./gateway.ts";
import { allowanceHeader, budgetHeader, formatMeasure, remainingOf, resetsAt, sendRefusal } from "./refusal.ts";
import { forwardedHeaders, headerOf } from "./response-headers.ts";
import { tightestOf } from "./tightest-limit.ts";
import type { Settled } from "./settle-call.ts";

/** A client that takes nothing for this long is treated as gone: its call is read to the end without it. */
const SLOW_READER_MS = 60_000;

/**
 * Up to here a body goes out as Latin-1 text, which is any bytes: node joins text to the head and writes one piece, where head
 * and Buffer would be two (measured: 27 instead of 30 µs of a whole request). Larger ones are not worth a copy.
 */
const JOINED_BYTES_MAX = 16 * 1024;

/** What the upstream half needs to know of the client. */
export interface ClientListener {
  /** The client reads more slowly than the provider writes, or reads again. */
  blocked(): void;
  unblocked(): void;
  /** The connection closed before the answer was complete. Told once. */
  gone(): void;
}

/** The client's half of a call: head, body and last words, with what Tollhouse has to say in the headers. */
export class ClientAnswer {
  readonly #gateway: Gateway;
  readonly #call: Call;
  readonly #res: ServerResponse;
  readonly #listener: ClientListener;
  #gone = false;
  #begun = false;
  #type = "";
  #blocked = false;
  #slow: NodeJS.Timeout | null = null;

  constructor(gateway: Gateway, call: Call, res: ServerResponse, listener: ClientListener) {
    this.#gateway = gateway;
    this.#call = call;
    this.#res = res;
    this.#listener = listener;
    res.on("close", () => this.#closed());
  }

  /** Did the connection close before anything was asked of the provider? */
  get lost(): boolean {
    return this.#res.destroyed;
  }

  get blocked(): boolean {
    return this.#blocked;
  }

  /** `raw`: headers of the provider. `settled`: null while the cost is not known yet. */
  head(status: number, raw: readonly (Buffer | string)[], settled: Settled | null, own: readonly string[] = []): void {
    const { decision, reservation, uncounted } = this.#call;
    const headers = forwardedHeaders(raw, own.includes("content-type"));
    this.#type = headerOf(raw, "content-type") ?? "";
    headers.push(DECISION_HEADER, `dec_${decision}`);
    const tightest = this.#tightest();
    if (tightest !== null) {
      const remaining = formatMeasure(remainingOf(tightest), tightest.limit.measure);
      headers.push(BUDGET_HEADER, budgetHeader(tightest.limit.scope, remaining, resetsAt(tightest)));
    }
    if (uncounted !== undefined) headers.push(ALLOWANCE_HEADER, allowanceHeader(uncounted));
    const { askedModel = null, facts } = this.#call;
    if (askedModel !== null) headers.push(MODEL_HEADER, facts.model);
    if (reservation.outputLimit !== null) headers.push(OUTPUT_LIMIT_HEADER, String(reservation.outputLimit));
    if (settled !== null && settled.cost !== null) headers.push(COST_HEADER, formatNano(settled.cost));
    for (const part of own) headers.push(part);
    this.#res.writeHead(status, headers);
  }

  whole(
    status: number,
    raw: readonly (Buffer | string)[],
    body: Buffer,
    settled: Settled,
    own: readonly string[] = [],
  ): void {
    if (this.#gone) return;
    const told = status < 400 ? body : withoutCredential(this.#call.credential, body);
    this.head(status, raw, settled, ["content-length", String(told.length), ...own]);
    if (told.length > JOINED_BYTES_MAX) this.#res.end(told);
    else this.#res.end(told.toString("latin1"), "latin1");
  }

  write(chunk: Buffer): void {
    if (this.#gone || chunk.length === 0) return;
    this.#begun = true;
    if (this.#res.write(chunk) || this.#blocked) return;
    this.#blocked = true;
    this.#slow = setTimeout(() => this.#res.destroy(), SLOW_READER_MS);
    this.#listener.blocked();
    this.#res.once("drain", () => this.#drained());
  }

  /** The end of a stream, with the cost as a comment line where the client asked for it. */
  endStream(settled: Settled): void {
    if (this.#gone) return;
    // Only server-sent events have comments; a JSON array stream (Gemini) would be broken by one.
    if (this.#call.headers.includeCost && settled.cost !== null && this.#type.includes("event-stream"))
      this.#res.write(`: ${COST_HEADER} ${formatNano(settled.cost)}\n\n`);
    this.#res.end();
  }

  /** A stream that Tollhouse or a failure ended: last bytes of the client's dialect, such that its client raises. */
  endWithFrame(refusal: Refusal): void {
    const { target, route } = this.#call;
    if (!this.#gone) this.#res.end(target.upstream.adapter.cutFrame(route, refusal, this.#begun));
  }

  refuse(refusal: Refusal): void {
    if (this.#gone) return;
    if (this.#res.headersSent) this.#res.destroy();
    else sendRefusal(this.#res, this.#call.target.upstream.adapter, refusal, this.#call.decision);
  }

  /** The answer cannot be completed; the client must see that it is not whole. */
  destroy(): void {
    this.#res.destroy();
  }

  end(): void {
    if (!this.#gone) this.#res.end();
  }

  #drained(): void {
    this.#blocked = false;
    if (this.#slow !== null) clearTimeout(this.#slow);
    this.#listener.unblocked();
  }

  #closed(): void {
    if (this.#slow !== null) clearTimeout(this.#slow);
    if (this.#res.writableFinished) return;
    this.#gone = true;
    this.#blocked = false;
    this.#listener.gone();
  }

  /** Chosen by how the counters stood after the reservation, and read again only for itself. */
  #tightest(): CounterState | null {
    const { states, startedMs, identity } = this.#call;
    const found = tightestOf(states);
    return found && (this.#gateway.countersOf(identity.tenant).read(found.limit, startedMs) ?? found);
  }
}
