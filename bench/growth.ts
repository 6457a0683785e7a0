import { DEFAULT_TENANT, migrate, openDatabase, startEmbedded } from "@tollhouse/store";
import { runLoad, type BenchProcess } from "./pinned-process.ts";
import { processTimes, residentMib, timesBetween } from "./process-times.ts";
import {
  makeLimits,
  startServer,
  temporaryFolder,
  type ServerUnderTest,
  type TemporaryFolder,
} from "./server-under-test.ts";
import { count, median, spread, table } from "./table.ts";

/** What the sections on growth need: they start servers of their own. */
export interface Ground {
  readonly generator: BenchProcess;
  readonly upstream: BenchProcess;
  /** `apps/server/dist/main.js`. */
  readonly entry: string;
  readonly rounds: number;
  readonly seconds: number;
}

const STEPS = 10;
/** New users and sessions keep coming for so many steps; then the same come again, and nothing may grow any more. */
const STEPS_NEW = 5;
const CALLS_A_USER = 10;

/** B5: each user calls ten times, each with a session of their own under the default budget; then all of them once more. */
export async function measureMemory(ground: Ground, calls: number): Promise<void> {
  const folder = await temporaryFolder();
  const server = await startServer({
    ...ground,
    dataDir: folder.path,
    upstreamPort: ground.upstream.port,
    env: { DEFAULT_BUDGET: "10" },
  });
  const rows = [["0", "0", residentMib(server.pid).toFixed(0), ""]];
  const each = Math.ceil(calls / STEPS);
  const users = Math.ceil(each / CALLS_A_USER);
  for (let step = 0; step < STEPS; step++) {
    const order = { port: server.port, connections: 64, spacing: null, rate: "closed", calls: each } as const;
    const report = await runLoad(ground.generator, { ...order, users, firstUser: (step % STEPS_NEW) * users });
    const whileCalled = residentMib(server.pid);
    await server.drained();
    rows.push([
      count((step + 1) * each),
      count(Math.min(step + 1, STEPS_NEW) * users),
      residentMib(server.pid).toFixed(0),
      `${whileCalled.toFixed(0)} before it was recorded; ${count(report.calls / report.seconds)} calls/s`,
    ]);
  }
  await server.stop();
  await folder.remove();
  console.log(table("B5: memory of the server process", ["calls", "users and sessions", "MiB resident", ""], rows));
}

/** B6, first half: the same calls under the same eight limits, among more and more others. */
export async function measureLimits(ground: Ground, sizes: readonly number[]): Promise<void> {
  const grown: { size: number; server: ServerUnderTest; folder: TemporaryFolder; speeds: number[]; cpu: number[] }[] =
    [];
  for (const size of sizes) {
    const folder = await temporaryFolder();
    await addLimits(folder.path, size);
    const server = await startServer({ ...ground, dataDir: folder.path, upstreamPort: ground.upstream.port });
    await makeLimits(server);
    server.recordOn("load");
    grown.push({ size, server, folder, speeds: [], cpu: [] });
  }
  for (let round = -1; round < ground.rounds; round++) {
    for (const { server, speeds, cpu } of grown) {
      const before = processTimes(server.pid);
      const order = { port: server.port, connections: 32, spacing: null, rate: "closed", users: 1 } as const;
      const report = await runLoad(ground.generator, { ...order, seconds: ground.seconds });
      const used = timesBetween(before, processTimes(server.pid));
      await server.drained();
      // The first round warms up.
      if (round === -1) continue;
      speeds.push(report.calls / report.seconds);
      cpu.push((used.main + used.runtime) / report.calls);
    }
  }
  const rows = grown.map(({ size, server, speeds, cpu }) => [
    count(size),
    count(median(speeds)),
    spread(cpu, 1),
    residentMib(server.pid).toFixed(0),
    (server.startedInMs / 1_000).toFixed(2),
  ]);
  for (const { server, folder } of grown) {
    await server.stop();
    await folder.remove();
  }
  console.log(table("B6: limits that exist", ["limits", "calls/s", "CPU µs a call", "MiB resident", "start s"], rows));
}

/** Straight into the database: a million control calls would measure the control API. */
async function addLimits(dataDir: string, size: number): Promise<void> {
  const embedded = await startEmbedded({ dataDir, log: () => undefined });
  const db = await openDatabase({ embedded });
  await migrate(db);
  const ids = "'lim_' || upper(lpad(to_hex(n), 26, '0'))";
  for (const name of ["limits", "limit_versions"])
    await db.query(
      `INSERT INTO ${name} (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
       SELECT $1, 'prod', ${ids}, 'user:other-' || n, 'usd', 1000000000, 'month', 'UTC', 'hard', 1 FROM generate_series(1, $2::int) n`,
      [DEFAULT_TENANT, size],
    );
  await db.close();
  await embedded.stop();
}

/** B7. */
export async function measureStart(ground: Ground): Promise<void> {
  const fresh: number[] = [];
  const existing: number[] = [];
  for (let round = 0; round < ground.rounds; round++) {
    const folder = await temporaryFolder();
    for (const times of [fresh, existing]) {
      const server = await startServer({ ...ground, dataDir: folder.path, upstreamPort: ground.upstream.port });
      times.push(server.startedInMs / 1_000);
      await server.stop();
    }
    await folder.remove();
  }
  console.log(
    table(
      "B7: start of the process until it takes calls",
      ["", "s"],
      [
        ["fresh, embedded database", spread(fresh, 2)],
        ["existing data", spread(existing, 2)],
      ],
    ),
  );
}
