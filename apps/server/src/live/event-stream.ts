import { PassThrough, type Readable } from "node:stream";
import type { NewEntries } from "@tollhouse/store";

export interface EventStreamParts {
  /** Only what belongs to it is told. */
  readonly environment: string;
  /** Is what belongs to no environment told too? Not to a key of one environment. */
  readonly ofTenant: boolean;
  /** Has whoever listens lost the right to? Absent: they cannot while it lasts. */
  readonly ended?: (() => Promise<boolean>) | undefined;
  readonly failed: (error: unknown) => void;
}

/** Something is said as often, so that neither end takes silence for a broken line. */
const HEARTBEAT_TICKS = 15;
const RIGHT_TICKS = 30;
/** A reader who is so far behind is cut off; it comes back with the id of what it read last. */
const UNREAD_BYTES_MAX = 256 * 1024;

/** One listener of `GET /api/v1/events`: the text of its server-sent events. */
export class EventStream {
  readonly #parts: EventStreamParts;
  readonly #out = new PassThrough();
  /** Sequence up to which it was told; null: not begun, and what comes is kept. */
  #told: bigint | null = null;
  #kept: { readonly news: NewEntries; readonly upTo: bigint }[] = [];
  #ticks = 0;

  constructor(parts: EventStreamParts, onClose: () => void) {
    this.#parts = parts;
    // A reader who goes away is no error.
    this.#out.on("error", () => undefined);
    this.#out.once("close", onClose);
  }

  get readable(): Readable {
    return this.#out;
  }

  /** What there is up to its first place; after it, what was looked at meanwhile. */
  begin(upTo: bigint, missed: NewEntries | null): void {
    this.#told = upTo;
    // How long a browser waits before it comes back; and the place to come back to, if nothing happens until then.
    this.#out.write(`retry: 2000\nid: ${upTo}\nevent: ready\ndata: {}\n\n`);
    if (missed !== null) this.#tell(missed, upTo);
    for (const { news, upTo: behind } of this.#kept.splice(0)) this.take(news, behind);
  }

  take(news: NewEntries, upTo: bigint): void {
    if (this.#told === null) {
      this.#kept.push({ news, upTo });
      return;
    }
    if (upTo <= this.#told) return;
    const told = Number(this.#told);
    this.#told = upTo;
    const isNew = ({ sequence }: { readonly sequence: number }): boolean => sequence > told;
    this.#tell({ ...news, calls: news.calls.filter(isNew), changes: news.changes.filter(isNew) }, upTo);
  }

  /** Once a second. */
  tick(): void {
    this.#ticks++;
    if (this.#out.writableLength > UNREAD_BYTES_MAX) return void this.#out.destroy();
    if (this.#ticks % HEARTBEAT_TICKS === 0) this.#out.write(": still here\n\n");
    const { ended, failed } = this.#parts;
    if (ended === undefined || this.#ticks % RIGHT_TICKS !== 0) return;
    // A database that is away says nothing about the right; the next look does.
    ended().then((isOver) => void (isOver && this.end()), failed);
  }

  end(): void {
    this.#out.end();
  }

  #tell({ calls, changes, more }: NewEntries, upTo: bigint): void {
    const { environment, ofTenant } = this.#parts;
    const told = {
      calls: calls.filter((call) => call.environment === environment),
      changes: changes.filter((change) =>
        change.environment === null ? ofTenant : change.environment === environment,
      ),
      more,
    };
    if (told.calls.length === 0 && told.changes.length === 0 && !more) return;
    if (!this.#out.writableEnded) this.#out.write(`id: ${upTo}\nevent: entries\ndata: ${JSON.stringify(told)}\n\n`);
  }
}
