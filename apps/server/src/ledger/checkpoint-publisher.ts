import { latestCheckpoint, type Database, type StoredCheckpoint } from "@tollhouse/store";

/** A place outside of the installation where checkpoints are kept: whoever has one from there notices a cut or rewritten ledger. */
export interface PublishTarget {
  /** For the log; holds no secret. */
  readonly name: string;
  /** Resolves when the place has acknowledged it. Called again after a failure, and after a restart for what it has already. */
  publish(checkpoint: PublishedCheckpoint, signal: AbortSignal): Promise<void>;
}

export interface PublishedCheckpoint extends StoredCheckpoint {
  /** 32 hex digits. */
  readonly tenant: string;
}

export interface PublisherParts {
  readonly dbOf: (tenant: string) => Database;
  readonly targets: readonly PublishTarget[];
  /** 32 hex digits each. */
  readonly tenants: () => readonly string[];
  /** Is this process the one that works for all at this moment? */
  readonly mine: () => boolean;
  /** Before the targets: what is to stand in the note that they get. Never throws. */
  readonly first?: (tenant: string) => Promise<void>;
  /** Told when a target does not take a checkpoint, and again only when the reason is another. */
  readonly failed: (target: string, tenant: string, error: unknown) => void;
  readonly now: () => number;
}

/** What one target has of one chain. */
interface Progress {
  size: number;
  failures: number;
  notBeforeMs: number;
  trouble: string;
}

const LOOK_MS = 5_000;
const AGAIN_MS = 5_000;
const AGAIN_MS_MAX = 600_000;

/**
 * Hands the newest checkpoint of each chain to every target. One that was away gets the newest when it is back: it covers what those before
 * it covered. What each has is not stored, so that a start hands it out once more.
 */
export class CheckpointPublisher {
  readonly #parts: PublisherParts;
  /** By target, then by tenant: two targets may have one name. */
  readonly #progress = new Map<PublishTarget, Map<string, Progress>>();
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout | null;
  #looking: Promise<void> | null = null;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#timer = parts.targets.length === 0 ? null : setInterval(() => void this.look(), LOOK_MS);
    this.#timer?.unref();
  }

  /** One look at all chains; never two at once. Never throws. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#closing.abort();
    await this.#looking;
  }

  /** The newest checkpoint of one chain to every target that does not have it. Never throws. */
  async handOut(tenant: string): Promise<void> {
    const { targets, dbOf, failed, first } = this.#parts;
    try {
      await first?.(tenant);
      const newest = await latestCheckpoint(dbOf(tenant), tenant);
      if (newest !== null) await Promise.all(targets.map((target) => this.#hand(target, { ...newest, tenant })));
    } catch (error) {
      if (!this.#closing.signal.aborted) failed("the database", tenant, error);
    }
  }

  async #lookAtAll(): Promise<void> {
    const { tenants, mine } = this.#parts;
    for (const tenant of tenants()) {
      if (this.#closing.signal.aborted || !mine()) return;
      await this.handOut(tenant);
    }
  }

  async #hand(target: PublishTarget, checkpoint: PublishedCheckpoint): Promise<void> {
    const { now, failed } = this.#parts;
    const progress = this.#progressOf(target, checkpoint.tenant);
    if (checkpoint.size <= progress.size || now() < progress.notBeforeMs) return;
    try {
      await target.publish(checkpoint, this.#closing.signal);
      Object.assign(progress, { size: checkpoint.size, failures: 0, notBeforeMs: 0, trouble: "" });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      progress.failures += 1;
      progress.notBeforeMs = now() + Math.min(AGAIN_MS_MAX, AGAIN_MS * 2 ** Math.min(progress.failures - 1, 20));
      const trouble = error instanceof Error ? error.message : String(error);
      if (trouble !== progress.trouble) failed(target.name, checkpoint.tenant, error);
      progress.trouble = trouble;
    }
  }

  #progressOf(target: PublishTarget, tenant: string): Progress {
    const ofTarget = this.#progress.get(target) ?? new Map<string, Progress>();
    this.#progress.set(target, ofTarget);
    const progress = ofTarget.get(tenant) ?? { size: 0, failures: 0, notBeforeMs: 0, trouble: "" };
    ofTarget.set(tenant, progress);
    return progress;
  }
}
