import { CountersUnavailable } from "../shared-counters.ts";

/** Something that happened here and that the store does not know yet. Idempotent: it may be told again. */
export interface Telling {
  readonly tenant: string;
  /** It belongs to no reservation that a rebuild could know: of what the node had written down before it, the rebuild's sums tell. */
  readonly untilRebuild: boolean;
  tell(): Promise<unknown>;
  /** It is counted: called once. */
  readonly told: (() => void) | null;
}

export interface TellerParts {
  /** How much may wait. */
  readonly max: number;
  /** Writes out what was appended before; see `CountersOfNodeParts`. */
  writtenOut(): boolean;
  failed(error: unknown): void;
  /** More waits than may: what is thrown away is in the ledger, and only a rebuild brings it into the counters. */
  overflowed(): void;
}

const RETRY_MS = 250;
const AT_ONCE = 256;

/**
 * Tells the store what ended, in the background, until it is acknowledged; but not before it is written down. What a call did not use is
 * others' as soon as the store knows of its end: a process that was killed in between would find the call open, end it at all that it held,
 * and what others have spent of that meanwhile would be spent twice.
 */
export class Teller {
  readonly #parts: TellerParts;
  readonly #untold = new Map<string, Set<Telling>>();
  readonly #sending = new Set<Telling>();
  /** Of this turn, in which their records are appended. */
  #fresh: Telling[] = [];
  /** To be said of what the next rebuild counts. */
  #left: (() => void)[] = [];
  #count = 0;
  #timer: NodeJS.Timeout | null = null;
  #retrying: Promise<void> | null = null;
  #held = false;

  constructor(parts: TellerParts) {
    this.#parts = parts;
  }

  get untold(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count >= this.#parts.max;
  }

  tell(telling: Telling): void {
    if (this.full) this.#overflow();
    let ofTenant = this.#untold.get(telling.tenant);
    if (ofTenant === undefined) this.#untold.set(telling.tenant, (ofTenant = new Set()));
    ofTenant.add(telling);
    this.#count += 1;
    if (this.#fresh.length === 0) setImmediate(() => this.tellFresh());
    this.#fresh.push(telling);
  }

  /** Now, rather than at the end of the turn: whoever asks next finds what ended before. */
  tellFresh(): void {
    if (this.#fresh.length === 0) return;
    const fresh = this.#fresh.splice(0);
    if (this.#held) return;
    if (!this.#parts.writtenOut()) return this.#later();
    for (const telling of fresh) if (this.#isUntold(telling)) void this.#send(telling);
  }

  /** Nothing is told until `goOn`; what the sums of the rebuild will have is not told at all. */
  layDown(): void {
    this.#held = true;
    for (const telling of this.#all()) if (telling.untilRebuild) this.#leave(telling);
  }

  /** The rebuilt counters are open: they have what was left to them. */
  goOn(): Promise<void> {
    this.#held = false;
    for (const told of this.#left.splice(0)) told();
    return this.#retry();
  }

  /** Resolves when all is told, or the time is over: false. */
  async close(withinMs: number): Promise<boolean> {
    const until = performance.now() + withinMs;
    while (this.#count > 0 && !this.#held && performance.now() < until) {
      await this.#retry();
      if (this.#count > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#held = true;
    return this.#count === 0;
  }

  #isUntold(telling: Telling): boolean {
    return this.#untold.get(telling.tenant)?.has(telling) === true;
  }

  *#all(): Generator<Telling> {
    for (const ofTenant of this.#untold.values()) yield* ofTenant;
  }

  async #send(telling: Telling): Promise<boolean> {
    if (this.#sending.has(telling)) return false;
    this.#sending.add(telling);
    try {
      await telling.tell();
    } catch (error) {
      if (error instanceof CountersUnavailable) {
        this.#later();
        return false;
      }
      this.#parts.failed(error);
    } finally {
      this.#sending.delete(telling);
    }
    if (this.#remove(telling)) telling.told?.();
    return true;
  }

  #remove(telling: Telling): boolean {
    const ofTenant = this.#untold.get(telling.tenant);
    if (ofTenant?.delete(telling) !== true) return false;
    this.#count -= 1;
    if (ofTenant.size === 0) this.#untold.delete(telling.tenant);
    return true;
  }

  #leave(telling: Telling): void {
    if (this.#remove(telling) && telling.told !== null) this.#left.push(telling.told);
  }

  #later(): void {
    if (this.#timer !== null || this.#held) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#retry();
    }, RETRY_MS);
    this.#timer.unref();
  }

  /** One at a time, however many ask for it. */
  #retry(): Promise<void> {
    return (this.#retrying ??= this.#retryAll().finally(() => (this.#retrying = null)));
  }

  async #retryAll(): Promise<void> {
    if (!this.#parts.writtenOut()) return this.#later();
    await Promise.all([...this.#untold.values()].map((tellings) => this.#again([...tellings])));
    if (this.#count > 0) this.#later();
  }

  /** One first: a store that is away is asked once. */
  async #again([first, ...rest]: readonly Telling[]): Promise<void> {
    if (first === undefined || this.#held || !(await this.#send(first))) return;
    for (let i = 0; i < rest.length && !this.#held; i += AT_ONCE) {
      const sent = await Promise.all(rest.slice(i, i + AT_ONCE).map((telling) => this.#send(telling)));
      if (sent.includes(false)) return;
    }
  }

  #overflow(): void {
    this.#parts.overflowed();
    for (const telling of this.#all()) if (telling.untilRebuild) this.#leave(telling);
    // The oldest settles and releases: the rebuild has their calls as ended.
    for (const telling of this.#all()) {
      if (!this.full) return;
      this.#leave(telling);
    }
  }
}
