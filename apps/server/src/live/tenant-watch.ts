import { latestSequence, newEntries, type Queryable } from "@tollhouse/store";
import type { EventStream } from "./event-stream.ts";

const LOOK_MS = 1_000;

/**
 * One look a second at what a tenant's ledger has behind the last one, for all who listen in this process. It begins with the first of them
 * and is over with the last; whoever comes then needs another.
 */
export class TenantWatch {
  readonly #db: Queryable;
  readonly #tenant: string;
  readonly #failed: (error: unknown) => void;
  readonly #streams = new Set<EventStream>();
  /** Sequence up to which everybody was told. */
  #place: Promise<bigint>;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;

  constructor(db: Queryable, tenant: string, failed: (error: unknown) => void) {
    this.#db = db;
    this.#tenant = tenant;
    this.#failed = failed;
    this.#place = latestSequence(db, tenant);
  }

  get size(): number {
    return this.#streams.size;
  }

  add(stream: EventStream): void {
    this.#streams.add(stream);
  }

  /** Tells it everything behind `since`, or from now on (null), with no gap between what it missed and what comes. */
  async begin(stream: EventStream, since: bigint | null): Promise<void> {
    // First where the watch stands, then what there is: so what the watch tells next reaches back to it, or before it.
    await this.#place;
    const upTo = await latestSequence(this.#db, this.#tenant);
    const missed = since !== null && since < upTo ? await newEntries(this.#db, this.#tenant, since, upTo) : null;
    stream.begin(upTo, missed);
    if (!this.#isOver) this.#timer ??= setTimeout(() => void this.#look(), LOOK_MS);
  }

  delete(stream: EventStream): void {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  end(): void {
    for (const stream of this.#streams) stream.end();
  }

  async #look(): Promise<void> {
    await this.#tellNews().catch(this.#failed);
    for (const stream of this.#streams) stream.tick();
    if (!this.#isOver) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #tellNews(): Promise<void> {
    const from = await this.#place;
    const upTo = await latestSequence(this.#db, this.#tenant);
    if (upTo <= from) return;
    const news = await newEntries(this.#db, this.#tenant, from, upTo);
    this.#place = Promise.resolve(upTo);
    for (const stream of this.#streams) stream.take(news, upTo);
  }
}
