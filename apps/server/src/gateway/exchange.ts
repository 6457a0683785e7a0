import type { ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import { REASON_HEADER, type ReasonCode } from "@tollhouse/contract";
import type { Assembler, Refusal, StreamMeter, UpstreamRequest } from "@tollhouse/providers";
import type { Refused } from "@tollhouse/store";
import { isBlockCode } from "../blocks/block-codes.ts";
import { answerKind, parseJson, type AnswerKind } from "./answer-kind.ts";
import type { Call } from "./call.ts";
import { ClientAnswer } from "./client-answer.ts";
import type { Gateway } from "./gateway.ts";
import { intentOf } from "./intent.ts";
import { buildRefusal, exceededCode, exceededMessage } from "./refusal.ts";
import { addUpstreamHeaders } from "./request-headers.ts";
import { headerOf, isEncoded, usageHeaders, type RawHeaders } from "./response-headers.ts";
import { isLookup, settleCall, type End, type Settled } from "./settle-call.ts";
import { StreamReservation } from "./stream-reservation.ts";
import { refusesStreamOptions, requestWithoutUsage } from "./without-usage.ts";

/** Why Tollhouse aborted the upstream itself; never shown to anybody. */
class Abort extends Error {
  override readonly name = "Abort";
}

type Answer = (settled: Settled) => void;

/** What a provider makes between the last byte seen and its noticing of an abort, as a share of what was counted (docs/adr/0003). */
const UNSEEN_SHARE = 0.05;

/**
 * The upstream half of a call: one attempt at the provider, its answer metered on the way to the client, and the one end of
 * the call. It owns the upstream until that end: a client that hangs up does not stop the metering.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Where it stands among the running calls; theirs to write. Null: not among them. */
  place: number | null = null;
  readonly #gateway: Gateway;
  readonly #call: Call;
  readonly #client: ClientAnswer;
  #controller: Dispatcher.DispatchController | null = null;
  #kind: AnswerKind | "waiting" = "waiting";
  #status = 0;
  #headers: RawHeaders = [];
  #meter: StreamMeter | null = null;
  #reservation: StreamReservation | null = null;
  #assembler: Assembler | null = null;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  /** Is this the second request, which does not ask for usage? */
  #withoutUsage = false;
  #draining = false;
  #drainTimer: NodeJS.Timeout | null = null;

  constructor(gateway: Gateway, call: Call, res: ServerResponse) {
    this.#gateway = gateway;
    this.#call = call;
    this.#client = new ClientAnswer(gateway, call, res, {
      blocked: () => this.#controller?.pause(),
      unblocked: () => this.#resume(),
      gone: () => this.#drain(),
    });
    gateway.exchanges.add(this);
    gateway.state.inFlight++;
    gateway.load.entered(call.identity.tenant, call.raw.length);
  }

  get call(): Call {
    return this.#call;
  }

  /** Resolves when the intent is written; rejects with SpoolUnavailable where it cannot be, and then nothing was sent. */
  writeIntent(): Promise<void> {
    if (isLookup(this.#call.facts.endpoint)) return Promise.resolve();
    return this.#gateway.spool.append(intentOf(this.#gateway, this.#call));
  }

  /** The intent could not be written: the call never was. */
  withdraw(): void {
    this.#call.ended = true;
    this.#release();
  }

  send(request: UpstreamRequest): void {
    // The client left before anything was sent: provably nothing can be billed.
    if (this.#client.lost) return this.#finish({ unbilled: true }, () => undefined);
    addUpstreamHeaders(this.#call);
    this.#call.sentAt = performance.now();
    this.#dispatch(request);
  }

  #dispatch(request: UpstreamRequest): void {
    const { target, route, headers } = this.#call;
    const { pool, basePath } = target.upstream;
    const body = route.body === "none" ? null : request.body;
    pool.dispatch({ path: basePath + request.path, method: route.method, headers: headers.forward, body }, this);
  }

  // undici's side

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#call.ended) controller.abort(new Abort("the call ended before it was sent"));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
    this.#headers = (controller.rawHeaders ?? []) as RawHeaders;
    if (this.#withoutUsage && status < 300) this.#call.target.upstream.refusesStreamOptions = true;
    const { route, facts, target, reservation } = this.#call;
    const { adapter } = target.upstream;
    this.#kind = answerKind(this.#call, status, headerOf(this.#headers, "content-type") ?? "");
    if (this.#kind === "stream" || this.#kind === "assembled") {
      if (isEncoded(this.#headers)) return this.#unreadable(controller);
      const hideUsage = reservation.edit.includeUsage === true && !facts.usageAsked;
      this.#meter = adapter.meter(route, facts, usageHeaders(this.#headers), hideUsage);
      this.#reservation = new StreamReservation(this.#gateway, this.#call, this.#meter, {
        pause: () => controller.pause(),
        resume: () => this.#resume(),
        exhausted: (refused) => this.#exhausted(refused),
        stopped: (code, message) => this.cut(code, message),
      });
    }
    if (this.#kind === "assembled") this.#assembler = adapter.assembler(route, facts);
    if (this.#kind === "stream" || this.#kind === "passed") this.#client.head(status, this.#headers, null);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#call.ended) return;
    switch (this.#kind) {
      case "stream":
        this.#client.write((this.#meter as StreamMeter).push(chunk));
        (this.#reservation as StreamReservation).keepAhead();
        return;
      case "assembled":
        (this.#meter as StreamMeter).push(chunk);
        (this.#assembler as Assembler).push(chunk);
        (this.#reservation as StreamReservation).keepAhead();
        return;
      case "passed":
        this.#client.write(chunk);
        return;
      case "whole":
      case "waiting":
        this.#bytes += chunk.length;
        if (this.#bytes > this.#gateway.settings.answerBytesMax)
          controller.abort(new Abort("the answer is larger than a node may hold"));
        else this.#chunks.push(chunk);
        return;
    }
  }

  onResponseEnd(): void {
    if (this.#call.ended) return;
    switch (this.#kind) {
      case "stream":
        return this.#endStream();
      case "assembled":
        return this.#endAssembled();
      case "passed":
        return this.#finish(this.#withoutReport(), () => this.#client.end());
      case "whole":
      case "waiting":
        return this.#endWhole();
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#call.ended) return;
    const code = (error as { code?: string }).code ?? "";
    // Without a controller no byte was written: the connection itself failed.
    if (this.#controller === null)
      return this.#failed("UPSTREAM_UNREACHABLE", "The provider could not be reached; nothing was sent", true);
    if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT")
      return this.#failed("UPSTREAM_TIMEOUT", "The provider did not answer in time", false);
    return this.#failed("UPSTREAM_FAILED", "The provider's answer broke off", false);
  }

  // The ends

  /** Stops the upstream and tells the client why, in its own dialect; what was made is settled. */
  cut(code: ReasonCode, message: string, by: Refused | null = null): void {
    if (this.#call.ended) return;
    const refusal = this.#refusal(code, message, by);
    // An operator's stop is told at once and gives nothing more out; counting what two hundred calls made takes a second.
    const now = isBlockCode(code);
    this.#finishCounted(code, (settled) => {
      if (now) return;
      if (this.#kind === "assembled")
        this.#answerAssembled((this.#assembler as Assembler).finish(refusal), settled, [REASON_HEADER, code]);
      else this.#tell(refusal);
    });
    if (now) this.#tell(refusal);
    this.#controller?.abort(new Abort(code));
  }

  #exhausted(by: Refused): void {
    this.cut(exceededCode(by.by.limit.measure), exceededMessage(by.by, by.required), by);
  }

  #endWhole(): void {
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#bytes);
    const { route, facts, target } = this.#call;
    const { adapter } = target.upstream;
    // A redirect would lead the client past Tollhouse; providers' APIs have none.
    if (this.#status >= 300 && this.#status < 400)
      return this.#failed("UPSTREAM_FAILED", "The provider answered with a redirect, which is not followed", true);
    const answer: Answer = (settled) => this.#client.whole(this.#status, this.#headers, body, settled);
    if (!this.#withoutUsage && refusesStreamOptions(this.#call, this.#status, body)) return this.#sendWithoutUsage();
    if (this.#status >= 400) {
      const failedBeforeOutput = this.#status === 500 || this.#status === 529;
      return this.#finish({ unbilled: adapter.unbilled(this.#status), failedBeforeOutput }, answer);
    }
    const parsed = parseJson(body);
    const report = parsed === undefined ? null : adapter.usageOf(route, facts, parsed, usageHeaders(this.#headers));
    this.#finish({ ...this.#withoutReport(), report }, answer);
  }

  /** An answer without usage, of an endpoint that makes no output tokens, is counted by its input alone. */
  #withoutReport(): Partial<End> {
    return { outputCounted: this.#call.estimate.outputTokensMax === 0 ? 0 : null };
  }

  /** Nothing was billed for the refusal, so the same reservation and intent stand. */
  #sendWithoutUsage(): void {
    this.#withoutUsage = true;
    this.#chunks.length = this.#bytes = this.#status = 0;
    this.#kind = "waiting";
    this.#controller = null;
    this.#dispatch(requestWithoutUsage(this.#call));
  }

  #endStream(): void {
    this.#client.write((this.#meter as StreamMeter).flush());
    this.#finishCounted(null, (settled) => this.#client.endStream(settled));
  }

  #endAssembled(): void {
    const assembler = this.#assembler as Assembler;
    // A last frame without its blank line still carries usage, and for hosts without a `[DONE]` only the flush says that it ended.
    (this.#meter as StreamMeter).flush();
    const { error } = assembler;
    if (error !== null)
      return this.#finishCounted(null, (settled) => {
        this.#status = error.status;
        this.#answerAssembled(error.body, settled);
      });
    if (!(this.#meter as StreamMeter).ended)
      return this.#failed("UPSTREAM_FAILED", "The provider's answer broke off", false);
    this.#finishCounted(null, (settled) => this.#answerAssembled(assembler.finish(null), settled));
  }

  #answerAssembled(body: Buffer, settled: Settled, own: readonly string[] = []): void {
    this.#client.whole(this.#status, this.#headers, body, settled, ["content-type", "application/json", ...own]);
  }

  /** What cannot be read cannot be metered, and would pass every limit. */
  #unreadable(controller: Dispatcher.DispatchController): void {
    this.#kind = "whole";
    this.#failed("UPSTREAM_FAILED", "The provider encoded its stream, though no encoding was accepted", false);
    controller.abort(new Abort("an encoded stream"));
  }

  #failed(code: ReasonCode, message: string, unbilled: boolean): void {
    const tell: Answer = () => this.#tell(this.#refusal(code, message, null));
    if (this.#meter !== null) this.#finishCounted(code, tell);
    else this.#finish({ reason: code, unbilled }, tell);
  }

  #tell(refusal: Refusal): void {
    if (this.#kind === "stream") this.#client.endWithFrame(refusal);
    else this.#client.refuse(refusal);
  }

  /** The client is gone. The provider bills what it makes whether or not anybody listens: read on to its usage, within bounds. */
  #drain(): void {
    if (this.#call.ended || this.#call.sentAt === 0) return;
    const { state, settings } = this.#gateway;
    if (state.drains >= settings.drainsMax) return this.#abandon();
    state.drains++;
    this.#draining = true;
    this.#drainTimer = setTimeout(() => this.#abandon(), settings.drainMs);
    this.#resume();
  }

  /** Past the bounds of draining: the upstream is aborted, and what was seen is counted. */
  #abandon(): void {
    this.#finishCounted(null, () => undefined);
    this.#controller?.abort(new Abort("drained for too long, or beside too many others"));
  }

  /** The end of a stream: the provider's usage where it told it, else what was counted. */
  #finishCounted(reason: ReasonCode | null, answer: Answer): void {
    const meter = this.#meter;
    const reservation = this.#reservation;
    // Ended before a byte of the request was written: provably nothing was sent.
    if (this.#controller === null) return this.#finish({ reason, unbilled: true }, answer);
    const report = meter?.report() ?? null;
    if (meter === null || reservation === null || report !== null) return this.#finish({ reason, report }, answer);
    if (!this.#claimEnd()) return;
    void reservation.count().then(() => {
      const unseen = meter.ended ? 0 : Math.ceil(reservation.produced * UNSEEN_SHARE);
      this.#settle({ reason, partial: meter.partial(), outputCounted: reservation.produced + unseen }, answer);
    });
  }

  #finish(end: Partial<End>, answer: Answer): void {
    if (this.#claimEnd()) this.#settle(end, answer);
  }

  /** True for the first caller only: whoever claims the end settles the call, and nothing after it counts. */
  #claimEnd(): boolean {
    if (this.#call.ended) return false;
    this.#call.ended = true;
    if (this.#drainTimer !== null) clearTimeout(this.#drainTimer);
    return true;
  }

  #settle(end: Partial<End>, answer: Answer): void {
    settleCall(this.#gateway, this.#call, {
      status: this.#status === 0 ? null : this.#status,
      reason: null,
      unbilled: false,
      report: null,
      partial: null,
      outputCounted: null,
      ...end,
    })
      .then(answer)
      .catch((error: unknown) => {
        this.#gateway.failed(error);
        this.#client.destroy();
      })
      .finally(() => this.#release());
  }

  #release(): void {
    const { state, exchanges, load } = this.#gateway;
    if (!exchanges.delete(this)) return;
    state.inFlight--;
    load.left(this.#call.identity.tenant, this.#call.raw.length);
    if (this.#draining) state.drains--;
  }

  #resume(): void {
    if (!this.#client.blocked && this.#reservation?.waiting !== true) this.#controller?.resume();
  }

  #refusal(code: ReasonCode, message: string, by: Refused | null): Refusal {
    return buildRefusal({ code, decision: this.#call.decision, message, by, sent: this.#controller !== null });
  }
}
