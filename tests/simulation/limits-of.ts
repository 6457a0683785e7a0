import type { Limit } from "@tollhouse/engine";
import type { Random } from "../chaos/random.ts";

/** Limits of every measure and most windows, some of them, each so narrow that it may run out. */
export function limitsOf(random: Random): Limit[] {
  const of = (id: string, more: Partial<Limit>): Limit => ({
    id,
    scope: "org",
    measure: "usd",
    amount: 0n,
    window: "lifetime",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
    ...more,
  });
  const usd = (least: number, most: number): bigint => BigInt(random.between(least, most)) * 1_000n;
  const all = [
    of("lim_org", { amount: usd(500, 6_000) }),
    of("lim_red", { scope: "team:red", window: "hour", amount: usd(200, 2_500) }),
    of("lim_blue", {
      scope: "team:blue",
      measure: "tokens",
      window: "minute",
      amount: BigInt(random.between(800, 9_000)),
    }),
    of("lim_requests", { measure: "requests", window: "minute", amount: BigInt(random.between(5, 60)) }),
    of("lim_rolling", { window: "rolling_24h", amount: usd(400, 6_000) }),
    of("lim_watch", { window: "day", mode: "soft", amount: usd(10, 1_000) }),
  ];
  return all.filter(() => random.next() < 0.7);
}
