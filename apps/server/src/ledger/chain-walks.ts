import {
  INSTALLATION_ROLE,
  verifyAside,
  verifyInParts,
  type OpenDatabase,
  type VerifyAside,
  type VerifyResult,
  type WalkOptions,
} from "@tollhouse/store";

/** What of which chain; `noteKeys` verify its checkpoints. */
export type WalkOfChain = Omit<VerifyAside, "databaseUrl" | "role" | "masterKey">;

/** A walk takes a core and a connection for as long as it lasts: whoever asks for a third waits. */
const AT_ONCE = 2;
/** A second or so of a thread: it takes half of that to begin one. */
const PART_ENTRIES_MIN = 100_000;

/** Walks chains in threads of their own, a few at a time, so that neither calls nor the control API wait for them. */
export class ChainWalks {
  readonly #db: Pick<OpenDatabase, "url" | "snapshot">;
  readonly #of: Pick<VerifyAside, "databaseUrl" | "role" | "masterKey">;
  readonly #threads: number;
  readonly #closing = new AbortController();
  #walking = 0;
  readonly #waiting = new Set<() => void>();

  /** `threads`: of one walk, where a chain is long enough for several. */
  constructor(db: Pick<OpenDatabase, "url" | "snapshot">, masterKey: Uint8Array, threads: number) {
    this.#db = db;
    this.#threads = threads;
    this.#of = { databaseUrl: db.url, role: INSTALLATION_ROLE, masterKey };
  }

  /** Throws what kept it from looking, an abort included. What it finds wrong is a result. */
  async walk(chain: WalkOfChain, { signal, walked }: WalkOptions = {}): Promise<VerifyResult> {
    const ended = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
    await this.#turn(ended);
    try {
      return await verifyInParts(
        this.#db,
        chain,
        {
          partsMax: this.#threads,
          entriesMin: PART_ENTRIES_MIN,
          walk: (range, options) => verifyAside({ ...chain, ...this.#of, ...range }, options),
        },
        { signal: ended, ...(walked !== undefined && { walked }) },
      );
    } finally {
      this.#walking -= 1;
      this.#wakeNext();
    }
  }

  /** Ends those under way; they reject. */
  close(): void {
    this.#closing.abort(new Error("the process is ending"));
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#walking >= AT_ONCE) {
      signal.throwIfAborted();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      // Whoever gives up must not be woken in place of one who still waits.
      this.#waiting.delete(resolve);
    }
    signal.throwIfAborted();
    this.#walking += 1;
  }

  #wakeNext(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
