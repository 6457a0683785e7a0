import {
  chainGrowths,
  makeCheckpoint,
  type ChainGrowth,
  type CheckpointSigner,
  type Database,
  type StoredCheckpoint,
} from "@tollhouse/store";

export interface CheckpointerParts {
  /** As the installation: one question for all chains. */
  readonly db: Database;
  readonly dbOf: (tenant: string) => Database;
  readonly signer: CheckpointSigner;
  /** 32 hex digits each. */
  readonly tenants: () => readonly string[];
  /** Is it this process that looks which are due? */
  readonly mine: () => boolean;
  /** Told when a chain cannot be signed, and again only when the reason is another. */
  readonly failed: (tenant: string, error: unknown) => void;
  readonly now: () => number;
}

/** A checkpoint is due at so many new entries, or at so long after the last one where there is any. */
export const CHECKPOINT_ENTRIES = 1_000;
export const CHECKPOINT_MS = 60_000;
const LOOK_MS = 2_000;

/** Signs the heads of all chains as they grow, and at once where somebody asks for a proof. */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  readonly #underWay = new Map<string, Promise<StoredCheckpoint | null>>();
  readonly #troubles = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();
  #isLooking = false;

  constructor(parts: CheckpointerParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  get signer(): CheckpointSigner {
    return this.#parts.signer;
  }

  /**
   * Chains whose head could not be signed when it was last tried here, and why; null = nothing is wrong. None, with a reason: it could not
   * be asked which are due.
   */
  get trouble(): { readonly chains: number; readonly problem: string } | null {
    const [problem] = this.#troubles.values();
    const chains = this.#troubles.size - (this.#troubles.has("") ? 1 : 0);
    return problem === undefined ? null : { chains, problem };
  }

  /** A checkpoint of everything that is in the chain when it is called; null = the chain has not begun. */
  async upToNow(tenant: string): Promise<StoredCheckpoint | null> {
    // One that began earlier may have looked before the last entry came.
    await this.#underWay.get(tenant)?.catch(() => null);
    return this.#told(tenant);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** One at a time: a slow database is not asked again while it has not answered. */
  #look(): void {
    if (this.#isLooking || !this.#parts.mine()) return;
    this.#isLooking = true;
    this.#looking = this.makeDue().finally(() => (this.#isLooking = false));
  }

  /** Makes those that are due. Never throws: trouble is told, and the next look tries again. */
  async makeDue(): Promise<void> {
    const { db, tenants, now, failed } = this.#parts;
    try {
      const growths = await chainGrowths(db, tenants());
      for (const growth of growths.filter((each) => isDue(each, now())))
        await this.#told(growth.tenant).catch(() => null);
      this.#troubles.delete("");
    } catch (error) {
      this.#trouble("", error, failed);
    }
  }

  async #told(tenant: string): Promise<StoredCheckpoint | null> {
    try {
      const made = await this.#make(tenant);
      this.#troubles.delete(tenant);
      return made;
    } catch (error) {
      this.#trouble(tenant, error, this.#parts.failed);
      throw error;
    }
  }

  #make(tenant: string): Promise<StoredCheckpoint | null> {
    const known = this.#underWay.get(tenant);
    if (known !== undefined) return known;
    const { dbOf, signer, now } = this.#parts;
    const making = makeCheckpoint({ db: dbOf(tenant), signer, tenant, nowMs: now() }).finally(() =>
      this.#underWay.delete(tenant),
    );
    this.#underWay.set(tenant, making);
    return making;
  }

  #trouble(tenant: string, error: unknown, failed: (tenant: string, error: unknown) => void): void {
    const message = error instanceof Error ? error.message : String(error);
    if (this.#troubles.get(tenant) === message) return;
    this.#troubles.set(tenant, message);
    failed(tenant, error);
  }
}

export function isDue({ size, covered, madeMs }: ChainGrowth, nowMs: number): boolean {
  if (size <= covered) return size < covered;
  return size - covered >= CHECKPOINT_ENTRIES || madeMs === null || nowMs - madeMs >= CHECKPOINT_MS;
}
