import { isIPv6 } from "node:net";
import { SmoothedRate } from "../keys/smoothed-rate.ts";

/** So many of the last seen credentials, and as many addresses, are remembered at least; twice as many at most. */
const REMEMBERED_MIN = 10_000;

/**
 * Two generations: a full young one becomes the old one, which is forgotten. One Map from which the oldest is deleted for each new one
 * took 28 µs a look-up (V8 walks over what was deleted).
 */
export class LastSeen {
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
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - groups.length - after.length }, () => "0");
  return [...groups, ...(tail === undefined ? [] : zeros), ...after].slice(0, 4).join(":");
}
