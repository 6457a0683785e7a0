import { Worker } from "node:worker_threads";
import { comparePositions, packPosition, SPOOL_START } from "../spool/position.ts";
import type { Position } from "../spool/position.ts";
import type { Spool } from "../spool/spool.ts";
import type { Drain, RecorderLoopOptions } from "./recorder-loop.ts";
import type { WorkerOrder, WorkerReport } from "./recorder-worker.ts";

export interface RecorderOptions {
  readonly spool: Spool;
  readonly databaseUrl: string;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  /** Keep readable user ids in the erasable table; default true. */
  readonly keepReadable?: boolean;
  /** The database role the recorder acts as. */
  readonly role?: string;
  /** Told of every trouble: the database away, a record that does not fit, a worker that had to be started again. */
  readonly onError: (message: string) => void;
}

export interface RecorderLag {
  /** Of the spool that are not in the ledger yet. */
  readonly bytes: number;
  /** Records appended since the recorder started and not in the ledger yet; a backlog from before shows in `bytes` only. */
  readonly records: number;
}

/**
 * The worker thread that writes the spool into the ledger. It never loses a record and never writes one twice: its place is
 * committed together with the entries. The call path does not wait for it.
 */
export interface Recorder {
  /** Resolves when everything appended to the spool before this call (or before `position`) is in the database. */
  drained(position?: Position): Promise<void>;
  /**
   * Resolves when everything appended before the boundary is in the database, and every call open at it is in `open_calls` with what it
   * holds there, however young. `atBoundary` is told in the same turn. What is appended after it is not recorded before `goOn`: whoever
   * reads the database meanwhile sees what lies before the boundary, all of it and nothing else. Called again, the boundary moves on.
   */
  layDown(atBoundary: () => void): Promise<void>;
  goOn(): void;
  lag(): RecorderLag;
  /** Entries written since the start. */
  entries(): number;
  /** Ends the thread after the batch under way. What is not recorded stays in the spool, for the next start. */
  stop(): Promise<void>;
}

const RESTART_MS = 1000;
const DISK_REFUSES_MS = 50;
const NOTHING_HELD = 0x7fff_ffff_ffff_ffffn;

/** Run `recoverSpool` first: what it appends is recorded like every other outcome. */
export function startRecorder(options: RecorderOptions): Recorder {
  return new WorkerRecorder(options);
}

class WorkerRecorder implements Recorder {
  readonly #options: RecorderOptions;
  /** Records appended before the recorder started are not counted by `lag`. */
  readonly #appendedBefore: number;
  readonly #from: Position;
  #worker: Worker | null = null;
  #ended: Promise<void> = Promise.resolve();
  #done: Position = SPOOL_START;
  #recorded = 0;
  #entries = 0;
  #stopping = false;
  #restart: NodeJS.Timeout | null = null;
  #nextDrain = 1;
  readonly #hold = new SharedArrayBuffer(8);
  readonly #held = new BigInt64Array(this.#hold).fill(NOTHING_HELD);
  readonly #waiting = new Map<number, { readonly drain: Drain; readonly resolve: () => void }>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#from = options.spool.end();
    this.#appendedBefore = options.spool.state().appended;
    this.#start();
  }

  async drained(position?: Position): Promise<void> {
    // Records of this turn are written when it ends.
    await new Promise(setImmediate);
    await this.#until(position ?? this.#options.spool.end(), false);
  }

  async layDown(atBoundary: () => void): Promise<void> {
    const { spool } = this.#options;
    let boundary = spool.writeOut();
    // An outcome that the disk refuses was told to nobody who counts on it being recorded: the boundary waits for it.
    for (; boundary === null; boundary = spool.writeOut())
      await new Promise((resolve) => setTimeout(resolve, DISK_REFUSES_MS));
    // From here to the hold in one turn: whatever is appended next lies behind it.
    atBoundary();
    Atomics.store(this.#held, 0, packPosition(boundary));
    await this.#until(boundary, true);
  }

  goOn(): void {
    Atomics.store(this.#held, 0, NOTHING_HELD);
    this.#order("go on");
  }

  lag(): RecorderLag {
    const { spool } = this.#options;
    const records = Math.max(0, spool.state().appended - this.#appendedBefore - this.#recorded);
    return { bytes: spool.bytesAfter(this.#done), records };
  }

  entries(): number {
    return this.#entries;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restart) clearTimeout(this.#restart);
    this.#order("stop");
    await this.#ended;
  }

  #start(): void {
    const { spool, databaseUrl, masterKey, keepReadable = true, role } = this.#options;
    const { dir, node, written } = spool;
    const hold = this.#hold;
    const workerData: RecorderLoopOptions = { dir, node, written, hold, databaseUrl, masterKey, keepReadable, role };
    const source = import.meta.url.endsWith(".ts");
    const worker = new Worker(new URL(source ? "./recorder-worker.ts" : "./recorder-worker.js", import.meta.url), {
      workerData,
      // A batch is garbage once it is committed: with the default young generation a sixth of the thread's time went into copying it.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
      execArgv: source ? ["--conditions=@tollhouse/source"] : [],
    });
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", () => resolve()));
    worker.on("message", (report: WorkerReport) => this.#heard(report));
    worker.on("error", (error) => this.#options.onError(`the recorder failed: ${String(error)}`));
    worker.once("exit", () => this.#exited());
    // A worker started again is told again who waits.
    for (const { drain } of this.#waiting.values()) this.#order(drain);
  }

  #exited(): void {
    this.#worker = null;
    if (this.#stopping) return;
    this.#options.onError(`the recorder ended; starting it again in ${RESTART_MS} ms`);
    this.#restart = setTimeout(() => this.#start(), RESTART_MS);
  }

  #heard(report: WorkerReport): void {
    if (report.t === "trouble") return this.#options.onError(report.message);
    if (report.t === "drained") {
      this.#waiting.get(report.id)?.resolve();
      this.#waiting.delete(report.id);
      return;
    }
    this.#entries += report.entries;
    this.#done = report.done;
    if (comparePositions(report.done, this.#from) > 0) this.#recorded += report.frames;
    this.#options.spool.passed(report.start);
  }

  #until(position: Position, withOpenCalls: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const drain = { id: this.#nextDrain++, position, withOpenCalls };
    this.#waiting.set(drain.id, { drain, resolve });
    this.#order(drain);
    return promise;
  }

  #order(order: WorkerOrder): void {
    this.#worker?.postMessage(order);
  }
}
