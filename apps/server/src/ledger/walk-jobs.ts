import { randomUUIDv7 } from "node:crypto";
import { beginWalk, endWalk, noteWalk, type Database, type VerifyResult } from "@tollhouse/store";
import type { ChainWalks, WalkOfChain } from "./chain-walks.ts";

export interface WalkJobsParts<Found> {
  /** As the installation. */
  readonly db: Database;
  readonly walks: Pick<ChainWalks, "walk">;
  /** What is kept of a result. */
  readonly toldAs: (result: VerifyResult) => Found;
  /** Told of what kept one from ending as it should. */
  readonly failed: (tenant: string, error: unknown) => void;
}

const NOTED_MS = 2_000;

/**
 * Verifications that nobody waits for: begun here, and known by their id to every process of the installation. They end with the
 * process that began them, and are then told as ended.
 */
export class WalkJobs<Found> {
  readonly #parts: WalkJobsParts<Found>;
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: WalkJobsParts<Found>) {
    this.#parts = parts;
  }

  /** Returns its id, 32 hex digits; null where as many of the tenant's are under way as may be. */
  async begin(chain: WalkOfChain): Promise<string | null> {
    const { tenant, from, to } = chain;
    const id = randomUUIDv7().replaceAll("-", "");
    if (!(await beginWalk(this.#parts.db, { tenant, id, from, to }))) return null;
    const walk = this.#walk(id, chain).finally(() => this.#underWay.delete(walk));
    this.#underWay.add(walk);
    return id;
  }

  /** Resolves when all are ended: `ChainWalks` ends those under way. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #walk(id: string, chain: WalkOfChain): Promise<void> {
    const { db, walks, toldAs, failed } = this.#parts;
    const job = { tenant: chain.tenant, id };
    let at: { readonly entries: number; readonly of: number } | null = null;
    let noting = Promise.resolve();
    const note = setInterval(() => {
      // A note that is lost is no trouble: the next one says more.
      noting = noting.then(() => noteWalk(db, job, at)).catch(() => undefined);
    }, NOTED_MS);
    const found = await walks
      .walk(chain, { walked: (entries, of) => (at = { entries, of }) })
      .catch((error: unknown) => {
        failed(chain.tenant, error);
        return null;
      });
    clearInterval(note);
    await noting;
    await endWalk(db, job, found === null ? null : toldAs(found)).catch((error: unknown) =>
      failed(chain.tenant, error),
    );
  }
}
