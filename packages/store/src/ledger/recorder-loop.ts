import { openDatabase } from "../database/database.ts";
import type { Database, OpenDatabase } from "../database/database.ts";
import { comparePositions, unpackPosition } from "../spool/position.ts";
import type { Position } from "../spool/position.ts";
import { SpoolReader } from "../spool/read-spool.ts";
import type { SpoolFrame } from "../spool/read-spool.ts";
import type { SpoolDisk } from "../spool/spool-disk.ts";
import { appendBatch } from "./append-batch.ts";
import type { AppendContext, Batch } from "./append-batch.ts";
import { BatchMaker } from "./batch-maker.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { loadDeploymentId, loadRecorderState } from "./recorder-state.ts";
import type { StoredRecorderState } from "./recorder-state.ts";

export interface RecorderLoopOptions {
  readonly dir: string;
  readonly node: string;
  readonly databaseUrl: string;
  /** The spool's `written`. */
  readonly written: SharedArrayBuffer;
  /** One packed position: nothing at or behind it is read for now. Absent: nothing is held back. */
  readonly hold?: SharedArrayBuffer;
  readonly masterKey: Uint8Array;
  readonly keepReadable: boolean;
  /** SET ROLE of the connection; undefined = as the one that connects. */
  readonly role: string | undefined;
}

/** What is outside of the process, where it is not the machine's own. */
export interface RecorderOutside {
  readonly disk: SpoolDisk;
  /** In place of the database at `databaseUrl`. */
  connect(): Promise<Pick<OpenDatabase, "query" | "transaction" | "close">>;
  /** Frames from which on a batch is full. */
  readonly batchFrames?: number;
}

/** What was read of the spool and is to be written next. */
interface Made {
  /** Null: there is nothing to write. */
  readonly batch: Batch | null;
  readonly frames: number;
  /** It ended because it is long enough, and not because there was no more. */
  readonly isFull: boolean;
  /** Those who wait for it. */
  readonly drains: readonly Drain[];
}

export interface RecorderProgress {
  readonly done: Position;
  readonly start: Position;
  readonly frames: number;
  readonly entries: number;
}

export interface Drain {
  readonly id: number;
  readonly position: Position;
  /** Every call that is open then is stored too, however young. */
  readonly withOpenCalls: boolean;
}

export interface RecorderReports {
  progress(progress: RecorderProgress): void;
  drained(id: number): void;
  /** Something is wrong and is being tried again, or does not fit. Never ends the loop. */
  trouble(message: string): void;
}

/**
 * Transactions begin at least this far apart, and frames that come meanwhile share one: ten statements and a commit cost as much
 * as some 50 calls. Nothing waits for it: what was acknowledged is in the spool, and whoever waits for a place (`drain`) cuts it short.
 */
const LINGER_MS = 100;
const IDLE_MS = 500;
/**
 * A long batch touches each row of a roll-up once where short ones touch it again and again: over a thousand tenants that is most of what
 * PostgreSQL does, and there it may be longer. Of few chains a longer one takes the collector more than it saves PostgreSQL. What bounds both
 * is memory: two batches at once, of about so many bytes of spool each, or of the locks of so many chains.
 */
const BATCH_FRAMES = 8000;
const BATCH_FRAMES_OF_MANY = 16_000;
const MANY_TENANTS = 100;
const BATCH_BYTES = 16 * 1024 * 1024;
const BATCH_TENANTS = 2000;
const RETRY_FIRST_MS = 100;
const RETRY_MAX_MS = 5000;

/**
 * Tails the spool into the ledger until stopped. The database away, or a commit whose answer was lost: the batch is tried again
 * for ever, and changes nothing that is there already.
 */
export class RecorderLoop {
  readonly #options: RecorderLoopOptions;
  readonly #reports: RecorderReports;
  readonly #outside: RecorderOutside | null;
  readonly #word: BigInt64Array;
  readonly #hold: BigInt64Array | null;
  #stopping = false;
  /** Places that somebody waits for. */
  #drains: Drain[] = [];
  #wake: (() => void) | null = null;

  constructor(options: RecorderLoopOptions, reports: RecorderReports, outside: RecorderOutside | null = null) {
    this.#outside = outside;
    this.#options = options;
    this.#reports = reports;
    this.#word = new BigInt64Array(options.written);
    this.#hold = options.hold === undefined ? null : new BigInt64Array(options.hold);
  }

  /** Ends after the batch under way, or at once where the database does not answer. */
  stop(): void {
    this.#stopping = true;
    this.#wake?.();
  }

  /** Reports `drained` once everything before the place is written, summaries of blocked calls too. */
  drain(drain: Drain): void {
    this.#drains.push(drain);
    this.#wake?.();
  }

  /** The hold has moved. */
  goOn(): void {
    this.#wake?.();
  }

  async run(): Promise<void> {
    const db = await this.#untilDone((attempt) => this.#connect(attempt));
    if (!db) return;
    try {
      const deploymentId = await this.#untilDone(() => loadDeploymentId(db));
      const state = await this.#untilDone(() => loadRecorderState(db, this.#options.node));
      if (deploymentId === null || state === null) return;
      const { masterKey, keepReadable } = this.#options;
      await this.#tail(db, { keys: new LedgerKeys(masterKey), deploymentId, keepReadable }, state);
    } finally {
      await db.close();
    }
  }

  async #tail(db: Database, context: AppendContext, state: StoredRecorderState): Promise<void> {
    const reader = new SpoolReader(this.#options.dir, state.start, this.#outside?.disk);
    const batches = new BatchMaker(this.#options.node, state, (message) => this.#reports.trouble(message));
    let ahead: Promise<Made> | null = null;
    // Known before the first batch: on a quiet node there may be none for long, and the lag would be the whole spool.
    this.#reports.progress({ done: state.done, start: state.start, frames: 0, entries: 0 });
    try {
      while (!this.#stopping) {
        const began = performance.now();
        const { batch, frames, isFull, drains } = await (ahead ?? this.#make(reader, batches));
        ahead = null;
        if (!batch) {
          this.#drained(drains);
          await this.#idle(reader.position);
          continue;
        }
        // Behind a full one there is more: it is read and joined while PostgreSQL writes this one, and waits until that is done.
        if (isFull) ahead = this.#make(reader, batches);
        // Told where it is awaited.
        ahead?.catch(() => undefined);
        const entries = await this.#untilDone(() => appendBatch(db, context, batch));
        if (entries === null) return;
        const { done, start } = batch.place;
        this.#reports.progress({ done, start, frames, entries });
        this.#drained(drains);
        if (!isFull) await this.#linger(began);
      }
    } finally {
      await ahead?.catch(() => undefined);
      await reader.close();
    }
  }

  async #make(reader: SpoolReader, batches: BatchMaker): Promise<Made> {
    const { frames, isFull } = await this.#nextFrames(reader);
    const drains = this.#takeDrains(reader.position);
    const storeAll = drains.some(({ withOpenCalls }) => withOpenCalls);
    const batch = batches.make(frames, reader.position, Date.now(), drains.length > 0, storeAll);
    return { batch, frames: frames.length, isFull, drains };
  }

  /** Whoever waits for no more than what is read by now: told when it is written. */
  #takeDrains(at: Position): readonly Drain[] {
    const taken = this.#drains.filter(({ position }) => comparePositions(position, at) <= 0);
    this.#drains = this.#drains.filter((drain) => !taken.includes(drain));
    return taken;
  }

  #drained(drains: readonly Drain[]): void {
    for (const drain of drains) this.#reports.drained(drain.id);
  }

  async #nextFrames(reader: SpoolReader): Promise<{ frames: SpoolFrame[]; isFull: boolean }> {
    const frames: SpoolFrame[] = [];
    const tenants = new Set<string>();
    let bytes = 0;
    const isFull = (): boolean =>
      frames.length >= (this.#outside?.batchFrames ?? framesMax(tenants.size)) ||
      bytes >= BATCH_BYTES ||
      tenants.size >= BATCH_TENANTS;
    while (!isFull()) {
      const more = await reader.read(this.#until());
      if (more.length === 0) return { frames, isFull: false };
      for (const frame of more) {
        frames.push(frame);
        bytes += frame.end.offset - frame.position.offset;
        if ("tenant" in frame.record) tenants.add(frame.record.tenant);
      }
    }
    return { frames, isFull: true };
  }

  /**
   * How far may be read. The hold is loaded second: whoever sets it does so before what comes behind it is written, so a place that was
   * written after it is never seen without it.
   */
  #until(): Position {
    const written = Atomics.load(this.#word, 0);
    const hold = this.#hold === null ? written : Atomics.load(this.#hold, 0);
    return unpackPosition(written < hold ? written : hold);
  }

  /** Until the spool grows, or a little while has passed. */
  async #idle(at: Position): Promise<void> {
    const written = Atomics.load(this.#word, 0);
    const until = this.#until();
    if (comparePositions(until, at) > 0) return;
    // One that lies behind the hold must not keep the loop turning.
    if (this.#drains.some(({ position }) => comparePositions(position, until) <= 0)) return;
    await this.#pause(IDLE_MS, Atomics.waitAsync(this.#word, 0, written, IDLE_MS).value);
    await this.#linger(performance.now());
  }

  async #linger(sinceMs: number): Promise<void> {
    const left = LINGER_MS - (performance.now() - sinceMs);
    if (left > 0 && !this.#stopping && this.#drains.length === 0) await this.#pause(left);
  }

  /** Tries for ever, ever more slowly up to five seconds. Null = stopped meanwhile. */
  async #untilDone<T>(work: (attempt: number) => Promise<T>): Promise<T | null> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(attempt);
      } catch (error) {
        const wait = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt, 10));
        this.#reports.trouble(`the ledger cannot be written, trying again in ${wait} ms: ${messageOf(error)}`);
        if (this.#stopping) return null;
        await this.#pause(wait);
        if (this.#stopping) return null;
      }
    }
  }

  #connect(attempt: number): ReturnType<RecorderOutside["connect"]> {
    if (this.#outside !== null) return this.#outside.connect();
    const { databaseUrl, role } = this.#options;
    const log = (line: string): void => (attempt === 0 ? undefined : this.#reports.trouble(line));
    return openDatabase(
      { url: databaseUrl },
      {
        connectionsMax: 1,
        applicationName: "tollhouse recorder",
        // Every join of a batch is by key, from the rows that are given: one plan for all sizes.
        prepared: true,
        pipelined: true,
        log,
        ...(role === undefined ? {} : { role }),
      },
    );
  }

  #pause(ms: number, early?: Promise<unknown> | string): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (early === undefined) return;
      void Promise.resolve(early).then(this.#wake);
    });
  }
}

function framesMax(tenants: number): number {
  return tenants > MANY_TENANTS ? BATCH_FRAMES_OF_MANY : BATCH_FRAMES;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
