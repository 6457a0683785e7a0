import { randomUUIDv7 } from "node:crypto";
import {
  beginPurge,
  clearPage,
  endPurge,
  findEntry,
  keptFromMs,
  loadPurge,
  placesToPurge,
  placeToBegin,
  purgeRecord,
  type Database,
  type Purge,
  type PurgePlace,
  type PurgingPlace,
  type Spool,
} from "@tollhouse/store";

export interface DetailPurgerParts {
  /** As the installation. */
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  /** Resolves when what was appended before now is in the database. */
  readonly recorded: () => Promise<void>;
  /** Is this process the one that works for all at this moment? */
  readonly mine: () => boolean;
  /** Told of what kept it from going on; it is tried again. */
  readonly failed: (place: PurgingPlace | null, error: unknown) => void;
  readonly now: () => number;
}

const LOOK_MS = 3_600_000;
/** After a start, so that a process which never lives an hour does its part too. */
const FIRST_LOOK_MS = 60_000;

/**
 * Removes details of calls of months that are over for long enough, a minute after a start and once an hour, the oldest month of each environment first. Each step can be
 * done again, by another process too: first it is stored that a month goes (from then on reports refuse it), then an entry of the
 * chain says so, then its rows are cleared, a thousand at a time; where a process ends in between, the next look goes on.
 */
export class DetailPurger {
  readonly #parts: DetailPurgerParts;
  readonly #timers: readonly NodeJS.Timeout[];
  #looking: Promise<void> | null = null;
  #isClosing = false;

  constructor(parts: DetailPurgerParts) {
    this.#parts = parts;
    this.#timers = [setTimeout(() => void this.look(), FIRST_LOOK_MS), setInterval(() => void this.look(), LOOK_MS)];
    for (const timer of this.#timers) timer.unref();
  }

  /** Never two looks at once. Never throws. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll()
      .catch((error: unknown) => this.#parts.failed(null, error))
      .finally(() => (this.#looking = null));
    return this.#looking;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#isClosing = true;
    await this.#looking;
  }

  get #goesOn(): boolean {
    return !this.#isClosing && this.#parts.mine();
  }

  async #lookAtAll(): Promise<void> {
    if (!this.#goesOn) return;
    for (const place of await placesToPurge(this.#parts.db)) {
      if (!this.#goesOn) return;
      await this.#purge(place).catch((error: unknown) => this.#parts.failed(place, error));
    }
  }

  async #purge(place: PurgingPlace): Promise<void> {
    const { db } = this.#parts;
    let purge = await loadPurge(db, place);
    if (purge === null || purge.clearedTo !== null) purge = await this.#begin(place);
    while (purge !== null && this.#goesOn) {
      if (!(await this.#clear(place, purge))) return;
      purge = await this.#begin(place);
    }
  }

  async #begin(place: PurgingPlace): Promise<Purge | null> {
    const { db, now } = this.#parts;
    if (place.detailMonths === null) return null;
    const keptFromUs = BigInt(keptFromMs(place.detailMonths, now())) * 1000n;
    return beginPurge(db, place, keptFromUs, randomUUIDv7().replaceAll("-", ""));
  }

  /** False: it was stopped before it was through. */
  async #clear(place: PurgingPlace, purge: Purge): Promise<boolean> {
    const { db } = this.#parts;
    const upTo = await this.#said(place, purge);
    let at: PurgePlace | null = placeToBegin(purge, upTo);
    while (at !== null) {
      if (!this.#goesOn) return false;
      at = await clearPage(db, place, purge, upTo, at);
    }
    await endPurge(db, place, purge, upTo);
    return true;
  }

  /** The sequence of the entry that says so. It is said again where a process may have ended before it could: the same entry, once. */
  async #said(place: PurgingPlace, purge: Purge): Promise<bigint> {
    const { db, spool, recorded, now } = this.#parts;
    const found = await findEntry(db, place.tenant, purge.entryId);
    if (found !== null) return BigInt(found.sequence);
    await spool.append(purgeRecord({ ...place, ...purge }, now()));
    await recorded();
    const written = await findEntry(db, place.tenant, purge.entryId);
    if (written === null) throw new Error("the entry that says what is purged is not in the ledger yet");
    return BigInt(written.sequence);
  }
}
