import type { Limit } from "@tollhouse/engine";
import { connectRedis } from "@tollhouse/store/redis-counters";
import { startedRedis } from "@tollhouse/testkit";
import { count, median, table } from "./table.ts";

/** What shared counters cost: a call's reserve and settle in Redis, with 1, 8 and 20 limits, many calls at once over one connection. */
const CALLS = 4_000;
const AT_ONCE = 64;
const ROUNDS = 5;
const TENANT = "0".repeat(32);
const WINDOWS = ["lifetime", "day", "month", "hour", "rolling_24h"] as const;
const MEASURES = ["usd", "tokens", "requests"] as const;
const AMOUNTS = { usd: 1_000n, tokens: 100n, requests: 1n };

const redis = await startedRedis();
const counters = connectRedis({ urls: [redis.url], installation: "inst", node: "bench", deadlineMs: 60_000 });
await counters.rebuild(1n, { tenants: [TENANT], sums: none, open: none });
counters.enter(1n);
const of = counters.of(TENANT);
const rows: string[][] = [];
for (const limits of [1, 8, 20]) rows.push(await measured(limitsOf(limits)));
console.log(
  table(
    "Redis: reserve and settle",
    ["limits", "calls/s", "scripts µs a call", "Redis CPU µs a call", "client CPU µs a call"],
    rows,
  ),
);
await counters.close();
await redis.remove();

async function measured(limits: readonly Limit[]): Promise<string[]> {
  const rounds: { perSecond: number; scripts: number; redis: number; client: number }[] = [];
  // The first one warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    await redis.command("CONFIG", "RESETSTAT");
    const [startedAt, cpu, server] = [performance.now(), process.cpuUsage(), await serverCpuUs()];
    await runCalls(limits, `${limits.length}-${round}`);
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    const stats = await redis.command("INFO", "commandstats");
    const scripts = Number(/cmdstat_evalsha:calls=\d+,usec=(\d+)/.exec(stats)?.[1]);
    const used = (await serverCpuUs()) - server;
    if (round === 0) continue;
    const client = user + system;
    rounds.push({
      perSecond: (CALLS / ms) * 1_000,
      scripts: scripts / CALLS,
      redis: used / CALLS,
      client: client / CALLS,
    });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number): number => median(rounds.map(pick));
  return [
    String(limits.length),
    count(of((round) => round.perSecond)),
    of((round) => round.scripts).toFixed(1),
    of((round) => round.redis).toFixed(1),
    of((round) => round.client).toFixed(1),
  ];
}

/** What the server's one thread has used, scripts and sockets together: its own time, however busy the machine is. */
async function serverCpuUs(): Promise<number> {
  const said = await redis.command("INFO", "cpu");
  const of = (name: string): number => Number(new RegExp(`used_cpu_${name}_main_thread:([\\d.]+)`).exec(said)?.[1]);
  return (of("user") + of("sys")) * 1e6;
}

async function runCalls(limits: readonly Limit[], name: string): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    for (let i = next++; i < CALLS; i = next++) {
      const result = await of.reserve(`${name}-${i}`, limits, AMOUNTS, Date.now());
      if (result.outcome === "refused") throw new Error("a call was refused");
      await of.settle(`${name}-${i}`, AMOUNTS);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
}

function limitsOf(many: number): readonly Limit[] {
  return Array.from({ length: many }, (_, i) => ({
    id: `lim_${String(i).padStart(26, "0")}`,
    scope: `team:${i}` as const,
    measure: MEASURES[i % MEASURES.length] ?? "usd",
    amount: 10n ** 15n,
    window: WINDOWS[i % WINDOWS.length] ?? "day",
    timeZone: "UTC",
    mode: "hard",
    version: 1,
    derived: false,
  }));
}

async function* none(): AsyncGenerator<never> {}
