import { Ballast } from "./ballast.ts";
import { encodeFrames, PAYLOAD_START } from "./frame.ts";
import { payloadOf } from "./payload-of.ts";
import { packPosition } from "./position.ts";
import type { Position } from "./position.ts";
import type { SpoolRecord } from "./records.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { frameBytes, segmentPath } from "./segment.ts";
import { NODE_DISK, type SpoolDisk } from "./spool-disk.ts";
import { nodeOf, openFolder } from "./spool-folder.ts";
import { SpoolUnavailable } from "./spool-unavailable.ts";
import { newBatch, settle, type WriteBatch } from "./write-batch.ts";

export interface SpoolOptions {
  /** Made if it is not there. One process owns it. */
  readonly dir: string;
  /** Past it new calls are refused; outcomes of calls already made always have room. Default 1 GiB. */
  readonly bytesMax?: number;
  /** `interval`: durable against power loss within 50 ms; `always`: before `append` resolves. Default `interval`. */
  readonly sync?: "interval" | "always";
  /** A segment is sealed at about this size; at most 1 GiB. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Default: `node:fs`. */
  readonly disk?: SpoolDisk;
}

export interface SpoolState {
  /** On disk, not yet passed by the recorder. */
  readonly bytes: number;
  /** Why new calls are refused at the moment; null = they are not. */
  readonly refusing: string | null;
  /** Intents of this process whose outcome has not been appended. */
  readonly open: number;
  /** Records written since the spool was opened. */
  readonly appended: number;
  /** Bytes of a torn last frame cut when the spool was opened. */
  readonly tornBytes: number;
  /** Bytes cut then at the end of older segments: lost to a power cut, though the disk had said that they were durable. */
  readonly lostBytes: number;
}

/**
 * The node's append-only file of intents and outcomes; the recorder reads it behind the call path's back.
 *
 * `append` resolves when the record survives `kill -9` (with sync `always`: a power cut), and rejects with SpoolUnavailable
 * when it was not and never will be written. An outcome is never refused: while the disk refuses it, its promise stays
 * pending and the write is tried again. All records of one event-loop turn share one `write` and one promise.
 *
 * A caller MUST NOT send upstream bytes before the intent's promise resolves.
 */
export interface Spool {
  append(record: SpoolRecord): Promise<void>;
  /** Id of this spool folder, 32 hex digits: it names the recorder's place in the database. A new folder is a new node. */
  readonly node: string;
  readonly dir: string;
  /** What it lies on. */
  readonly disk: SpoolDisk;
  /** How far it is written, as one packed position; other threads read it with Atomics and wait on it. */
  readonly written: SharedArrayBuffer;
  end(): Position;
  /**
   * Writes what is queued in this very turn: everything appended before now lies before the place that is returned. Null: the disk refuses,
   * and outcomes wait for it.
   */
  writeOut(): Position | null;
  /** Bytes on disk behind this place. */
  bytesAfter(position: Position): number;
  /**
   * Goes on in a segment of its own behind this place. For a start that finds less than the database has: written before that place,
   * new records would be taken for those that were recorded.
   */
  moveBehind(position: Position): void;
  /** The recorder needs nothing before this place any more: whole segments before it are removed. */
  passed(position: Position): void;
  state(): SpoolState;
  /** Writes and syncs what is queued, then closes. Outcomes the disk refuses are tried once more. */
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
/** Room kept for the outcome of each open call, so that a full spool still takes them. */
const OUTCOME_BYTES = 2048;
/** Half of the 50 ms promised: the sync itself takes time. */
const SYNC_AFTER_MS = 25;
const RETRY_MS = 100;
const INTENT_START = `${PAYLOAD_START}intent"`;

/** Throws SpoolCorrupt, with file and offset, where bytes are bad that no crash of ours explains. */
export function openSpool(options: SpoolOptions): Promise<Spool> {
  // A promise, though the work is done at once: opening happens before serving, and other stores need the turn.
  return new Promise((resolve) => resolve(new DiskSpool(options)));
}

class DiskSpool implements Spool {
  readonly node: string;
  readonly dir: string;
  readonly disk: SpoolDisk;
  readonly written = new SharedArrayBuffer(8);
  readonly #word = new BigInt64Array(this.written);
  readonly #bytesMax: number;
  readonly #always: boolean;
  readonly #ballast: Ballast;
  readonly #writer: SegmentWriter;
  /** Bytes of the sealed segments that are still there. */
  readonly #sealed = new Map<number, number>();
  #sealedBytes = 0;
  readonly #tornBytes: number;
  readonly #lostBytes: number;
  #batch: WriteBatch | null = null;
  /** Written, but not yet durable (sync `always`). */
  #unsynced: WriteBatch[] = [];
  #open = 0;
  #appended = 0;
  /** A passing condition (no room); a probe ends it. */
  #refusing: string | null = null;
  /** A failed fdatasync: the kernel may have dropped the pages, and a second try would lie. Ends with the process. */
  #broken: string | null = null;
  #syncing: Promise<void> | null = null;
  #syncTimer: NodeJS.Timeout | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: SpoolOptions) {
    this.dir = options.dir;
    this.disk = options.disk ?? NODE_DISK;
    this.#bytesMax = options.bytesMax ?? 1024 * MIB;
    this.#always = options.sync === "always";
    this.disk.makeFolder(this.dir);
    this.node = nodeOf(this.dir, this.disk);
    const { end, tornBytes, lostBytes, sealed } = openFolder(this.dir, this.disk);
    for (const { segment, bytes } of sealed) this.#seal(segment, bytes);
    this.#tornBytes = tornBytes;
    this.#lostBytes = lostBytes;
    const segmentBytes = Math.min(options.segmentBytes ?? 64 * MIB, 1024 * MIB);
    this.#writer = new SegmentWriter(this.dir, end, segmentBytes, this.disk);
    this.#ballast = new Ballast(this.dir, this.#bytesMax, this.disk);
    this.#publish();
    this.#refuse(this.#ballast.keep());
  }

  append(record: SpoolRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new SpoolUnavailable("the spool is closed"));
    const payload = payloadOf(record);
    const bytes = Buffer.byteLength(payload);
    // Both end a call, or say what one used: what has happened is not refused.
    const outcome = record.t === "outcome" || record.t === "usage";
    const refusal = outcome ? null : this.#refusal(bytes);
    if (refusal !== null) return Promise.reject(new SpoolUnavailable(refusal));
    if (record.t === "erasure") {
      // What names the user stands in files before this one, and goes with them once the recorder has passed them.
      this.#flush();
      this.#writer.sealNext();
    }
    if (record.t === "intent") this.#open++;
    else if (endsCall(record) && this.#open > 0) this.#open--;
    const batch = (this.#batch ??= this.#nextBatch());
    batch.payloads.push(payload);
    batch.outcome.push(outcome);
    batch.bytes += bytes;
    return outcome ? batch.outcomes.promise : batch.refusable.promise;
  }

  end(): Position {
    return this.#writer.end;
  }

  writeOut(): Position | null {
    this.#flush();
    return this.#batch === null ? this.#writer.end : null;
  }

  bytesAfter(position: Position): number {
    const end = this.#writer.end;
    let bytes = end.offset - (position.segment === end.segment ? position.offset : 0);
    for (const [segment, length] of this.#sealed) {
      if (segment === position.segment) bytes += Math.max(0, length - position.offset);
      else if (segment > position.segment) bytes += length;
    }
    return Math.max(0, bytes);
  }

  passed(position: Position): void {
    for (const [segment, bytes] of this.#sealed) {
      if (segment >= position.segment) break;
      this.disk.remove(segmentPath(this.dir, segment));
      this.#sealed.delete(segment);
      this.#sealedBytes -= bytes;
    }
  }

  moveBehind(position: Position): void {
    while (this.#writer.end.segment <= position.segment) this.#writer.seal();
    this.#takeSealed();
    this.#publish();
  }

  state(): SpoolState {
    const bytes = this.#sealedBytes + this.#writer.end.offset;
    return {
      bytes,
      refusing: this.#refusal(0),
      open: this.#open,
      appended: this.#appended,
      tornBytes: this.#tornBytes,
      lostBytes: this.#lostBytes,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    if (this.#retryTimer) clearTimeout(this.#retryTimer);
    if (this.#syncTimer) clearTimeout(this.#syncTimer);
    this.#syncTimer = null;
    while (this.#syncing) await this.#syncing;
    await this.#sync();
    this.#writer.close();
    this.#ballast.release();
    this.#batch?.outcomes.reject(new SpoolUnavailable(this.#refusing ?? "the spool is closed"));
  }

  #refusal(bytes: number): string | null {
    if (this.#broken !== null) return this.#broken;
    if (this.#refusing !== null) return this.#refusing;
    const used = this.#sealedBytes + this.#writer.end.offset + (this.#batch?.bytes ?? 0);
    const kept = (this.#open + 1) * OUTCOME_BYTES;
    if (used + frameBytes(bytes) + kept <= this.#bytesMax) return null;
    return `the spool is full: ${used} bytes wait for the database, at most ${this.#bytesMax} may`;
  }

  #nextBatch(): WriteBatch {
    setImmediate(() => this.#flush());
    return newBatch();
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = null;
    if (!batch || this.#closed) return;
    try {
      this.#write(batch);
    } catch (error) {
      this.#writeFailed(batch, error);
    }
  }

  #write(batch: WriteBatch): void {
    try {
      this.#writer.write(encodeFrames(batch.payloads, batch.bytes));
    } finally {
      // One that failed may have begun a segment all the same: whoever waits for the end waits for a place that a reader is let up to.
      this.#takeSealed();
      this.#publish();
    }
    this.#appended += batch.payloads.length;
    if (this.#always) this.#unsynced.push(batch);
    else settle(batch);
    this.#syncSoon();
  }

  /** Refuses what may be refused, frees the ballast, and keeps the outcomes for another try. */
  #writeFailed(batch: WriteBatch, error: unknown): void {
    this.#writer.takeBack();
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    this.#refuse(code);
    batch.refusable.reject(new SpoolUnavailable(`the spool cannot be written: ${code}`, { cause: error }));
    const freed = this.#ballast.release();
    this.#open -= batch.payloads.filter((payload) => payload.startsWith(INTENT_START)).length;
    const payloads = batch.payloads.filter((_, i) => batch.outcome[i]);
    if (payloads.length === 0) return;
    this.#batch = {
      ...newBatch(),
      payloads,
      outcome: payloads.map(() => true),
      bytes: payloads.reduce((sum, payload) => sum + Buffer.byteLength(payload), 0),
      outcomes: batch.outcomes,
    };
    if (freed) this.#flush();
  }

  #refuse(code: string | null): void {
    if (code === null) return;
    this.#refusing = `the spool's disk refuses to be written: ${code}`;
    this.#retryTimer ??= setTimeout(() => this.#probe(), RETRY_MS).unref();
  }

  /** New calls are let in again once there is room for the ballast, that is, for the outcomes of calls already made. */
  #probe(): void {
    this.#retryTimer = null;
    if (this.#closed) return;
    this.#refusing = null;
    this.#flush();
    if (this.#refusing === null) this.#refuse(this.#ballast.kept ? null : this.#ballast.keep());
  }

  #syncSoon(): void {
    if (this.#always) this.#startSync();
    else if (!this.#closed) this.#syncTimer ??= setTimeout(() => this.#startSync(), SYNC_AFTER_MS);
  }

  #startSync(): void {
    this.#syncTimer = null;
    // The one in flight may have started before the last write: it starts another when it ends.
    if (this.#syncing) return;
    const from = this.#writer.end;
    this.#syncing = this.#sync().then(() => {
      this.#syncing = null;
      const end = this.#writer.end;
      if (end.segment !== from.segment || end.offset !== from.offset) this.#syncSoon();
    });
  }

  async #sync(): Promise<void> {
    const batches = this.#unsynced;
    this.#unsynced = [];
    try {
      await this.#writer.sync();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      this.#broken = `the spool's disk failed to sync: ${code}; restart on a sound disk`;
      const reason = new SpoolUnavailable(this.#broken, { cause: error });
      for (const batch of batches) batch.refusable.reject(reason);
    }
    // Outcomes are in the file, whatever the sync said: they survive the process, and the money must be settled.
    for (const batch of batches) settle(batch);
  }

  #takeSealed(): void {
    for (const { segment, bytes } of this.#writer.takeSealed()) this.#seal(segment, bytes);
  }

  #seal(segment: number, bytes: number): void {
    this.#sealed.set(segment, bytes);
    this.#sealedBytes += bytes;
  }

  #publish(): void {
    Atomics.store(this.#word, 0, packPosition(this.#writer.end));
    Atomics.notify(this.#word, 0);
  }
}

function endsCall(record: SpoolRecord): boolean {
  return record.t === "outcome" || (record.t === "usage" && record.ends);
}
