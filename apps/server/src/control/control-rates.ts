import { isIPv6 } from "node:net";
import { SmoothedRate } from "../keys/smoothed-rate.ts";
import type { Access } from "./access.ts";
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

/** So many of the last seen credentials, and as many addresses, are remembered at least; twice as many at most. */
const REMEMBERED_MIN = 10_000;

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

/**
 * Two generations: a full young one becomes the old one, which is forgotten. One Map from which the oldest is deleted for each new one
 * took 28 µs a look-up (V8 walks over what was deleted).
 */
class LastSeen {
  #young = new Map<string, SmoothedRate>();
  #old = new Map<string, SmoothedRate>();

  of(who: string, perMinute: number): SmoothedRate {
    const known = this.#young.get(who);
    if (known !== undefined) return known;
    const rate = this.#old.get(who) ?? new SmoothedRate(perMinute);
    if (this.#young.size >= REMEMBERED_MIN) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(who, rate);
    return rate;
  }
}

/** Whoever has one IPv6 address has 2⁶⁴ of them: they are one. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - groups.length - after.length }, () => "0");
  return [...groups, ...(tail === undefined ? [] : zeros), ...after].slice(0, 4).join(":");
}
