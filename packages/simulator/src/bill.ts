import { closeSync, openSync, writeSync } from "node:fs";
import type { Endpoint } from "@tollhouse/contract";
import { costNano } from "./cost.ts";
import type { Classes, Model } from "./model.ts";

export type ProviderName = "openai" | "anthropic" | "gemini";

/**
 * How a call ended: whole answer written · the client went away · a `cut` fault closed the socket · an error, before the
 * answer (then it costs nothing) or in the middle of it.
 */
export type Finished = "complete" | "aborted" | "cut" | "error";

/** What the provider bills for one call. */
export interface BillLine {
  readonly callId: string;
  /** The id in the answer; for answers without one (embeddings, audio, refusals) the request id of the headers. */
  readonly responseId: string;
  readonly provider: ProviderName;
  /** Name in the price table; as the request names it where there is no such model. */
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly streamed: boolean;
  readonly status: number;
  /** Disjoint counts, by the contract's class names; zero classes are left out. */
  readonly classes: Readonly<Record<string, number>>;
  readonly costNano: bigint;
  readonly finished: Finished;
  readonly tag: string | null;
}

/** A call whose answer has begun. */
export interface OpenCall {
  readonly callId: string;
  readonly responseId: string;
  readonly provider: ProviderName;
  readonly model: Model | null;
  readonly modelName: string;
  readonly endpoint: Endpoint;
  readonly streamed: boolean;
  /** Service tier that serves it. */
  readonly tier: string | null;
  readonly tag: string | null;
  readonly credential: string | null;
}

/** A bill line as it is written to files and answered over HTTP: `costNano` as decimal text. */
export function billLineJson(line: BillLine): string {
  return JSON.stringify({ ...line, costNano: String(line.costNano) });
}

/**
 * The simulator's bill. With a file, `start` and `end` append one line each before they return (O_APPEND, one write), so the
 * file is right after a kill of either side; a start without an end is a call in flight when the simulator died.
 */
export class Bill {
  private readonly linesMax: number;
  private readonly file: number | null;
  private lines: BillLine[] = [];
  private byResponse = new Map<string, BillLine>();
  private credentials = new Map<string, string>();
  private unkept = 0;
  private epoch = 0;
  private readonly epochs = new WeakMap<OpenCall, number>();
  private total = 0n;
  private started = 0;
  private open = 0;

  constructor(linesMax: number, path: string | null) {
    this.linesMax = linesMax;
    this.file = path === null ? null : openSync(path, "a");
  }

  /** Ended calls in the order of their ends. Throws when more lines ended than are kept. */
  all(): readonly BillLine[] {
    if (this.unkept > 0) {
      throw new RangeError(
        `billLinesMax: expected at least ${String(this.lines.length + this.unkept)} to list this bill`,
      );
    }
    return this.lines;
  }

  of(responseId: string): BillLine | null {
    return this.byResponse.get(responseId) ?? null;
  }

  credentialOf(callId: string): string | null {
    return this.credentials.get(callId) ?? null;
  }

  billedNano(): bigint {
    return this.total;
  }

  calls(): number {
    return this.started;
  }

  inFlight(): number {
    return this.open;
  }

  /** `input` is what is owed from now on, whatever happens to the answer. */
  start(call: OpenCall, input: Classes): void {
    this.started++;
    this.open++;
    if (this.epoch > 0) this.epochs.set(call, this.epoch);
    if (call.credential !== null && this.started <= this.linesMax) this.credentials.set(call.callId, call.credential);
    if (this.file === null) return;
    const { model, credential: _, ...facts } = call;
    this.append({ event: "start", ...facts, model: model?.name ?? call.modelName, classes: input });
  }

  /** Call once for each start. Nothing is billed before an answer: a status from 400 on costs 0. */
  end(call: OpenCall, status: number, classes: Classes, finished: Finished): void {
    if ((this.epochs.get(call) ?? 0) !== this.epoch) return;
    this.open--;
    const billed = status < 400 && call.model !== null;
    const line: BillLine = {
      callId: call.callId,
      responseId: call.responseId,
      provider: call.provider,
      model: call.model?.name ?? call.modelName,
      endpoint: call.endpoint,
      streamed: call.streamed,
      status,
      classes: billed ? classes : {},
      costNano: billed && call.model !== null ? costNano(call.model, classes, call.tier) : 0n,
      finished,
      tag: call.tag,
    };
    this.total += line.costNano;
    this.keep(line);
    if (this.file !== null) this.append({ event: "end", ...line, costNano: String(line.costNano) });
  }

  /** Forgets all lines and sums. Calls in flight end unrecorded in memory; the file keeps what it has. */
  clear(): void {
    this.epoch++;
    this.lines = [];
    this.byResponse = new Map();
    this.credentials = new Map();
    this.unkept = 0;
    this.total = 0n;
    this.started = 0;
    this.open = 0;
  }

  close(): void {
    if (this.file !== null) closeSync(this.file);
  }

  private keep(line: BillLine): void {
    if (this.lines.length >= this.linesMax) {
      this.unkept++;
      return;
    }
    this.lines.push(line);
    this.byResponse.set(line.responseId, line);
  }

  private append(record: Readonly<Record<string, unknown>>): void {
    if (this.file !== null) writeSync(this.file, `${JSON.stringify(record)}\n`);
  }
}
