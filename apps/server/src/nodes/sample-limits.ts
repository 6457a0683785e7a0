import type { Limit } from "@tollhouse/engine";

/** Limits of the calls that the nodes of rebuild.real.test.ts make: one measure and kind of window each. */
export const WIDE = limit("wide", { measure: "tokens", amount: 10n ** 12n });
/** Soon exhausted: what a rebuild forgets is overspent here. */
export const TIGHT = limit("tight", { amount: 30_000n });
export const ROLLING = limit("rolling", { measure: "requests", amount: 10n ** 9n, window: "rolling_24h" });
/** Nothing is held of it; calls use it, as those do that run when a limit is made. */
export const LATE = limit("late", { mode: "soft", window: "month" });
export const ALL: readonly Limit[] = [WIDE, TIGHT, ROLLING, LATE];

function limit(name: string, over: Partial<Limit>): Limit {
  return {
    id: `lim_${name}`,
    scope: "org",
    measure: "usd",
    amount: 10n ** 15n,
    window: "lifetime",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
    ...over,
  };
}
