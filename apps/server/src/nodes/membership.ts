import {
  beatNode,
  instanceOf,
  joinNodes,
  leaveNodes,
  type Heard,
  type JoiningNode,
  type NodeFigures,
  type Queryable,
} from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";

export interface MembershipParts {
  readonly db: Queryable;
  readonly joining: Omit<JoiningNode, "address">;
  readonly address: () => string;
  readonly figures: () => Omit<NodeFigures, "state" | "address">;
  readonly withoutDatabaseMs: number;
  /** The database has this process as its node's, and it has entered nothing. */
  readonly onJoined: () => void;
  readonly onHeard: (heard: Heard) => void;
  readonly onCutOff: (cutOff: boolean) => void;
  readonly onReplaced: (reason: string) => void;
  readonly logger: Logger;
}

const BEAT_MS = 1_000;
const LEAVE_MS_MAX = 5_000;

/** Says each second that this process lives, and hears how the fence stands. */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #timer: NodeJS.Timeout;
  #joined = false;
  /** A row that is gone was there: what this process has counted since is no longer known to be so. */
  #known = false;
  #draining = false;
  #closed = false;
  #beating: Promise<void> | null = null;
  #heardAt = performance.now();
  #cutOff = false;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#beat();
  }

  drain(): void {
    this.#draining = true;
    this.#beat();
  }

  async close(clean: boolean): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    const left = (async () => {
      await this.#beating;
      if (this.#joined) await leaveNodes(this.#parts.db, this.#parts.joining, clean);
    })();
    // What could not be said is found out: the others see no heartbeat, and the next process of this node owes.
    await Promise.race([
      left.catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, LEAVE_MS_MAX).unref()),
    ]);
  }

  #beat(): void {
    this.#lookAtTheTime();
    if (this.#closed) return;
    this.#beating ??= this.#say().finally(() => (this.#beating = null));
  }

  async #say(): Promise<void> {
    try {
      if (this.#joined) await this.#live();
      else await this.#join();
      this.#heardAt = performance.now();
      this.#lookAtTheTime();
    } catch (error) {
      this.#parts.logger.debug("the database did not answer a heartbeat", { error: error as Error });
    }
  }

  async #join(): Promise<void> {
    const { db, joining, address, onJoined } = this.#parts;
    await joinNodes(db, { ...joining, address: address(), owes: joining.owes || this.#known });
    this.#joined = true;
    this.#known = true;
    onJoined();
  }

  async #live(): Promise<void> {
    const { db, joining, address, figures, onHeard } = this.#parts;
    const state = this.#draining ? "draining" : "up";
    const heard = await beatNode(db, joining, { state, address: address(), ...figures() });
    if (heard !== null) onHeard(heard);
    else await this.#notFound();
  }

  async #notFound(): Promise<void> {
    const { db, joining, onReplaced } = this.#parts;
    const instance = await instanceOf(db, joining.id);
    if (instance === joining.instance) return;
    this.#joined = false;
    if (instance === null) return this.#join();
    this.#closed = true;
    clearInterval(this.#timer);
    onReplaced("another process was started on this node's data folder, or on a copy of it");
  }

  #lookAtTheTime(): void {
    const cutOff = performance.now() - this.#heardAt > this.#parts.withoutDatabaseMs;
    if (cutOff !== this.#cutOff) this.#parts.onCutOff((this.#cutOff = cutOff));
  }
}
