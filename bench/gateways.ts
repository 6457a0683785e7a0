import type { LoadReport } from "./load-generator.ts";
import { LOAD_CORE, runLoad, startBenchProcess, type BenchProcess } from "./pinned-process.ts";
import { processTimes, timesBetween, type ProcessTimes } from "./process-times.ts";
import { startSharedStores, type SharedStores } from "./shared-stores.ts";
import {
  makeLimits,
  startServer,
  temporaryFolder,
  type ServerUnderTest,
  type TemporaryFolder,
} from "./server-under-test.ts";
import { count, median, spread, table } from "./table.ts";

/** How many gateways take the load in turn; the others idle beside them. */
const SIZES = [1, 2, 3] as const;
const THROWN_AWAY_MAX = 20;

export interface GatewaysOrder {
  readonly upstreamPort: number;
  readonly entry: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Of all gateways together, however many there are. */
  readonly connections: number;
  readonly warmUpCalls: number;
}

/** CPU, µs a call. */
interface Cost {
  readonly gateways: number;
  readonly recorders: number;
  readonly redis: number;
  readonly postgres: number;
}

interface Taken {
  readonly perSecond: number;
  readonly p99: number;
  readonly cost: Cost;
}

interface World {
  readonly order: GatewaysOrder;
  readonly stores: SharedStores;
  readonly servers: readonly ServerUnderTest[];
  readonly generators: readonly BenchProcess[];
}

/**
 * One, two and three gateways on one Redis and one PostgreSQL. All gateways share a core, as all stores share the other with the load: what is
 * measured is not how far calls a second go up (that takes a core for each), but what a call costs in each process, and whether it costs more
 * the more gateways there are.
 */
export async function measureGateways(order: GatewaysOrder): Promise<void> {
  const stores = await startSharedStores();
  const folders: TemporaryFolder[] = [];
  const servers: ServerUnderTest[] = [];
  const generators: BenchProcess[] = [];
  try {
    for (const _ of SIZES) {
      const folder = await temporaryFolder();
      folders.push(folder);
      const { entry, upstreamPort } = order;
      servers.push(await startServer({ entry, upstreamPort, dataDir: folder.path, env: stores.env }));
      generators.push(await startBenchProcess("load-generator.ts", LOAD_CORE));
    }
    await makeLimits(servers[0] as ServerUnderTest);
    await measure({ order, stores, servers, generators });
  } finally {
    for (const running of [...servers, ...generators]) await running.stop();
    for (const folder of folders) await folder.remove();
    await stores.remove();
  }
}

async function measure(world: World): Promise<void> {
  const { rounds, connections, warmUpCalls, seconds } = world.order;
  const most = SIZES.at(-1) as number;
  const thrown = { away: 0 };
  await whole(thrown, () => loaded(world, most, { calls: Math.ceil(warmUpCalls / most) }));
  const taken = new Map<number, Taken[]>(SIZES.map((size) => [size, []]));
  for (let round = 0; round < rounds; round++)
    for (const size of SIZES) taken.get(size)?.push(await whole(thrown, () => loaded(world, size, { seconds })));
  const columns = [
    "µs are CPU a call",
    "calls/s",
    "÷ one gateway",
    "p99 ms",
    "gateways µs",
    "recorders µs",
    "Redis µs",
    "PostgreSQL µs",
  ];
  const one = taken.get(1) ?? [];
  const rows = [...taken].map(([size, some]) => {
    const cost = (of: keyof Cost): string => median(some.map((each) => each.cost[of])).toFixed(1);
    const ratios = some.map(({ perSecond }, at) => perSecond / (one[at]?.perSecond ?? Number.NaN));
    return [
      size === 1 ? "1 gateway" : `${size} gateways on the same core`,
      count(median(some.map(({ perSecond }) => perSecond))),
      spread(ratios, 2),
      median(some.map(({ p99 }) => p99)).toFixed(1),
      cost("gateways"),
      cost("recorders"),
      cost("redis"),
      cost("postgres"),
    ];
  });
  if (thrown.away > 0)
    console.log(`${thrown.away} runs were thrown away: Redis was not answered in time, so the machine was busy`);
  console.log(table(`gateways: one Redis, one PostgreSQL, eight limits, ${connections} connections`, columns, rows));
}

/** Where processes wait for a core longer than a call waits for Redis, it is refused: such a run is made again. */
async function whole(thrown: { away: number }, run: () => Promise<Taken>): Promise<Taken> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (++thrown.away > THROWN_AWAY_MAX) throw error;
    }
  }
}

async function loaded(world: World, size: number, until: { seconds?: number; calls?: number }): Promise<Taken> {
  const { servers, generators, stores, order } = world;
  const pids = [...servers.map(({ pid }) => pid), stores.redisPid, stores.postgresPid];
  const before = pids.map(processTimes);
  const each = { connections: Math.ceil(order.connections / size), spacing: null, rate: "closed", users: 1 } as const;
  const reports = await allOf(
    servers.slice(0, size).map(({ port }, at) => runLoad(generators[at] as BenchProcess, { ...each, ...until, port })),
  );
  // Recording goes on behind the load, and belongs to it.
  for (const server of servers) await server.drained();
  const used = pids.map((pid, at) => timesBetween(before[at] as ProcessTimes, processTimes(pid)));
  const calls = reports.reduce((sum, report) => sum + report.calls, 0);
  const share = (times: readonly ProcessTimes[], ...of: readonly (keyof ProcessTimes)[]): number =>
    times.reduce((us, one) => us + of.reduce((sum, what) => sum + one[what], 0), 0) / calls;
  const [gateways, redis, database] = [used.slice(0, servers.length), used.slice(-2, -1), used.slice(-1)];
  return {
    perSecond: reports.reduce((sum, report) => sum + report.calls / report.seconds, 0),
    p99: Math.max(...reports.map(({ latency }) => latency.p99)),
    cost: {
      gateways: share(gateways, "main", "runtime"),
      recorders: share(gateways, "workers"),
      redis: share(redis, "main", "workers"),
      postgres: share(database, "main", "children"),
    },
  };
}

/** A generator takes no second order while it has one: whichever fails, all have ended. */
async function allOf(runs: readonly Promise<LoadReport>[]): Promise<LoadReport[]> {
  await Promise.allSettled(runs);
  return await Promise.all(runs);
}
