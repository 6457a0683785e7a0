import type { SmoothedRate } from "../keys/smoothed-rate.ts";
import type { Access } from "./access.ts";
import { LastSeen, networkOf } from "./last-seen.ts";
import { Problem } from "./problem.ts";

export interface ControlRatesSettings {
  /** Of each credential; 0 = as many as it likes. */
  readonly controlRequestsPerMinute: number;
  /** Of each remote address, those that no valid key came with; 0 = as many as it likes. */
  readonly controlFailuresPerMinute: number;
}

interface Counted {
  /** null = there is none. */
  readonly rate: SmoothedRate | null;
  readonly problem: Problem | null;
}

/**
 * How often the control API answers. A right key is answered whatever else comes from its address (docs/adr/0009): behind a proxy
 * everybody has one address, and nobody's guesses may keep an operator from the kill switch.
 */
export class ControlRates {
  readonly #settings: ControlRatesSettings;
  readonly #now: () => number;
  readonly #asked = new LastSeen();
  readonly #failed = new LastSeen();

  constructor(settings: ControlRatesSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  /** Counts a request. One that is too many has a problem, and does not count. */
  take({ tenant, actor }: Pick<Access, "tenant" | "actor">): Counted {
    return this.#count(this.#asked, `${tenant} ${actor}`, this.#settings.controlRequestsPerMinute, "requests");
  }

  /** `problem`: why a request may not go on; told until there were too many from its address. */
  refuse(reason: Problem, address: string): Problem {
    const { problem } = this.#count(
      this.#failed,
      networkOf(address),
      this.#settings.controlFailuresPerMinute,
      "requests without a valid key",
    );
    return problem ?? reason;
  }

  #count(rates: LastSeen, who: string, perMinute: number, what: string): Counted {
    if (perMinute === 0) return { rate: null, problem: null };
    const nowMs = this.#now();
    const rate = rates.of(who, perMinute);
    const waitMs = rate.waitMs(1, nowMs);
    if (waitMs === 0) rate.add(1, nowMs);
    const seconds = Math.ceil(waitMs / 1_000);
    const detail = `The rate of ${perMinute} ${what} a minute is reached; it fits again in ${seconds} s`;
    return { rate, problem: waitMs === 0 ? null : new Problem("RATE_LIMITED", detail, [], seconds) };
  }
}
