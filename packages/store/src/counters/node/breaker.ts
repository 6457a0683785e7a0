import { CountersUnavailable } from "../shared-counters.ts";

/** Answers that did not come, one after another, before the store is no longer waited for; */
const FAILURES_MAX = 3;
/** and for how long none came. The calls of one burst fail together, and say no more than one of them does. */
const SILENT_MS = 500;
const PROBE_EVERY_MS = 1_000;

/**
 * Keeps a node from waiting for a store that does not answer: after a few answers that did not come, verbs are refused at once, and one a
 * second goes through to see. One a tenant: in a cluster, the counters of a tenant are one server's.
 */
export class Breaker {
  #failures = 0;
  /** When the first of them did. */
  #sinceMs = 0;
  #probedMs = 0;

  get open(): boolean {
    return this.#failures >= FAILURES_MAX && this.#probedMs - this.#sinceMs >= SILENT_MS;
  }

  /** Throws where nothing should be sent. `nowMs`: monotonic. */
  pass(nowMs: number): void {
    if (!this.open) return;
    if (nowMs - this.#probedMs < PROBE_EVERY_MS)
      throw new NotAsked("unreachable", "the counters did not answer lately, and are not waited for");
    this.#probedMs = nowMs;
  }

  answered(): void {
    this.#failures = 0;
  }

  failed({ why }: CountersUnavailable, nowMs: number): void {
    // A store that says that it is fenced has answered.
    if (why === "fenced") return this.answered();
    if (this.#failures === 0) this.#sinceMs = nowMs;
    this.#failures += 1;
    this.#probedMs = nowMs;
  }
}

/** Nothing was sent: there is nothing to take back. */
export class NotAsked extends CountersUnavailable {}
