import { join } from "node:path";
import {
  faultProxy,
  simulatorProcess,
  startedCluster,
  startedRedis,
  testDatabase,
  type FaultProxy,
  type SimulatorProcess,
  type StartedCluster,
  type StartedRedis,
} from "@tollhouse/testkit";
import { pursePrices } from "./purse-asks.ts";

/** Three processes, a PostgreSQL and a Redis start at once: on a busy machine that takes longer than any test. */
export const WORLD_MS_MAX = 180_000;

/** Three gateways, and a network that a test breaks between them and each of their stores. */
export interface World {
  readonly simulator: SimulatorProcess;
  readonly cluster: StartedCluster;
  readonly redis: StartedRedis;
  readonly toRedis: FaultProxy;
  readonly toDatabase: FaultProxy;
  close(): Promise<void>;
}

/** `clocksOffMs`: gateways have clocks of their own, which a test may step. */
export async function startedWorld(
  env: Readonly<Record<string, string>> = {},
  clocksOffMs: readonly number[] = [],
): Promise<World> {
  const [simulator, database, redis] = await Promise.all([simulatorProcess(), testDatabase(), startedRedis()]);
  const url = new URL(database.url);
  const toDatabase = await faultProxy({ path: join(url.searchParams.get("host") ?? "", `.s.PGSQL.${url.port}`) });
  url.searchParams.delete("host");
  url.host = `127.0.0.1:${toDatabase.port}`;
  const toRedis = await faultProxy({ port: redis.port, host: "127.0.0.1" });
  const cluster = await startedCluster({
    gateways: 3,
    databaseUrl: url.href,
    redisUrl: `redis://127.0.0.1:${toRedis.port}`,
    providers: simulator.url,
    yaml: pursePrices(simulator.url),
    env,
    clocksOffMs,
  });
  const close = async (): Promise<void> => {
    await cluster.remove();
    await Promise.all([toRedis.close(), toDatabase.close()]);
    await Promise.all([redis.remove(), simulator.close(), database.drop()]);
  };
  return { simulator, cluster, redis, toRedis, toDatabase, close };
}
