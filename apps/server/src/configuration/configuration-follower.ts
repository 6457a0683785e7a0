import type { ConfigurationNews } from "@tollhouse/store";
import type { Place } from "../place.ts";
import { SUBJECTS_OF_A_PLACE, type Stale } from "./refresh-services.ts";
import { StaleParts, type StalePart } from "./stale-parts.ts";

export interface FollowerParts {
  /** What changed after a version. Throws where the database does not answer in time. */
  news(version: bigint, changesMax: number): Promise<ConfigurationNews>;
  /** In force when it resolves. */
  refresh(stale: Stale): Promise<void>;
  /** Every environment that is in force. */
  places(): Iterable<Place>;
  /** Told after each poll, and whenever something more is in force. */
  loaded(version: bigint): void;
  failed(what: string, error: unknown): void;
  /** Where the configuration was before any of it was loaded. */
  readonly since: bigint;
  readonly staleMs: number;
  /** Milliseconds that only ever rise. */
  now(): number;
}

export interface FollowerState {
  /** Everything up to here is in force. */
  readonly version: bigint;
  /** Where the database was when it was asked last. */
  readonly newest: bigint;
  /** How old what is in force may be; Infinity: not whole since the start. */
  readonly staleForMs: number;
}

const POLL = "changes";
const POLL_MS = 1_000;
const CHANGES_MAX = 1_000;
/** Of polls whose changes are not all in force yet. Without the oldest of them the age that is told is too high, never too low. */
const ASKED_MAX = 1_000;

/**
 * Keeps what this process has in memory at what the database has: asks each second, and at once where it is told that there is news. What
 * cannot be read stays at what it was, and is tried each second; the age of the oldest such thing is the age of the whole.
 */
export class ConfigurationFollower {
  readonly #parts: FollowerParts;
  readonly #stale = new StaleParts();
  #seen: bigint;
  #newest: bigint;
  /** What was asked when, and up to where the answer went. */
  readonly #asked: { readonly version: bigint; readonly atMs: number }[] = [];
  #wholeAtMs = -Infinity;
  readonly #failing = new Set<string>();
  #hinted = false;
  #wake: (() => void) | null = null;
  #closed = false;
  readonly #loop: Promise<void>;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#seen = parts.since;
    this.#newest = parts.since;
    this.#loop = this.#follow();
  }

  state(): FollowerState {
    return { version: this.#version, newest: this.#newest, staleForMs: this.#parts.now() - this.#wholeAtMs };
  }

  /** Is what is in force so old that nothing may be admitted by it? */
  stale(): boolean {
    return this.state().staleForMs > this.#parts.staleMs;
  }

  /** There may be news. */
  hint(): void {
    this.#hinted = true;
    this.#wake?.();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    return this.#loop;
  }

  get #version(): bigint {
    return this.#stale.readUpTo ?? this.#seen;
  }

  async #follow(): Promise<void> {
    while (!this.#closed) {
      this.#hinted = false;
      await this.#poll().then(
        () => this.#failing.delete(POLL),
        (error: unknown) => this.#failed(POLL, error),
      );
      this.#stale.retry();
      this.#readStale();
      this.#tell();
      await this.#nextPoll();
    }
  }

  async #poll(): Promise<void> {
    for (let more = true; more && !this.#closed;) {
      const atMs = this.#parts.now();
      const { newest, changes, gap } = await this.#parts.news(this.#seen, CHANGES_MAX);
      if (gap) {
        // Of a database that was set back; what was asked of the one before is of no use.
        this.#asked.length = 0;
        this.#addAll(newest);
      }
      for (const change of changes) if (!gap) this.#stale.add(change);
      this.#seen = gap ? newest : (changes.at(-1)?.version ?? this.#seen);
      this.#newest = newest;
      more = this.#seen < newest;
      if (!more) this.#asked.push({ version: newest, atMs });
      if (this.#asked.length > ASKED_MAX) this.#asked.shift();
    }
  }

  /** Tenants first: those that are not known yet are read whole when they are loaded. */
  #addAll(version: bigint): void {
    this.#stale.add({ version, tenant: null, environment: null, subject: "tenants", ids: null });
    for (const place of this.#parts.places())
      for (const subject of SUBJECTS_OF_A_PLACE) this.#stale.add({ ...place, version, subject, ids: null });
  }

  #readStale(): void {
    if (this.#closed) return;
    for (const part of this.#stale.take()) void this.#read(part);
  }

  async #read(part: StalePart): Promise<void> {
    try {
      await this.#parts.refresh(part);
      this.#stale.done(part);
      this.#failing.delete(part.subject);
    } catch (error) {
      this.#stale.failed(part);
      this.#failed(part.subject, error);
    }
    this.#readStale();
    this.#tell();
  }

  /** Once, until it is well again: it is tried each second. */
  #failed(what: string, error: unknown): void {
    if (!this.#failing.has(what)) this.#parts.failed(what, error);
    this.#failing.add(what);
  }

  #tell(): void {
    const version = this.#version;
    for (let first = this.#asked[0]; first !== undefined && first.version <= version; first = this.#asked[0]) {
      this.#wholeAtMs = first.atMs;
      this.#asked.shift();
    }
    this.#parts.loaded(version);
  }

  async #nextPoll(): Promise<void> {
    if (this.#hinted || this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, POLL_MS);
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }
}
