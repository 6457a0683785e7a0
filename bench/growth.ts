import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { addGrown, type Grown } from "./grown-rules.ts";
import { openMemoryProbe, type LiveMemory } from "./live-memory.ts";
import { runLoad, type BenchProcess } from "./pinned-process.ts";
import { processTimes, timesBetween } from "./process-times.ts";
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

/**
 * B5: each user calls ten times, each with a session of their own under the default budget; then all of them once more. What is live is
 * read after a collection: between two of them V8 lets garbage lie, by its own measure of how much memory there is.
 */
export async function measureMemory(ground: Ground, calls: number): Promise<void> {
  const folder = await temporaryFolder();
  const inspector = await freePort();
  const server = await startServer({
    ...ground,
    dataDir: folder.path,
    upstreamPort: ground.upstream.port,
    env: { DEFAULT_BUDGET: "10" },
    flags: [`--inspect=127.0.0.1:${inspector}`],
  });
  const probe = await openMemoryProbe(server.pid, inspector);
  const rows = [["0", "0", ...memoryCells(await probe.read()), ""]];
  const each = Math.ceil(calls / STEPS);
  const users = Math.ceil(each / CALLS_A_USER);
  for (let step = 0; step < STEPS; step++) {
    const order = { port: server.port, connections: 64, spacing: null, rate: "closed", calls: each } as const;
    const report = await runLoad(ground.generator, { ...order, users, firstUser: (step % STEPS_NEW) * users });
    await server.drained();
    rows.push([
      count((step + 1) * each),
      count(Math.min(step + 1, STEPS_NEW) * users),
      ...memoryCells(await probe.read()),
      count(report.calls / report.seconds),
    ]);
  }
  probe.close();
  await server.stop();
  await folder.remove();
  const columns = [
    "calls",
    "users and sessions",
    "live MiB",
    "live in workers",
    "resident",
    "before collection",
    "calls/s",
  ];
  console.log(table("B5: memory of the server process", columns, rows));
}

function memoryCells({ heap, workersHeap, resident, residentBefore }: LiveMemory): string[] {
  return [heap.toFixed(1), workersHeap.toFixed(1), resident.toFixed(0), residentBefore.toFixed(0)];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** B6, first half: the same calls under the same eight limits, among more and more others, and under more and more policies. */
export async function measureRules(ground: Ground, sizes: readonly Grown[]): Promise<void> {
  const grown = [];
  for (const size of sizes) grown.push(await startGrown(ground, size));
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
  const rows: string[][] = [];
  for (const { size, server, folder, inspector, startCpu, speeds, cpu } of grown) {
    const probe = await openMemoryProbe(server.pid, inspector);
    const { heap, resident } = await probe.read();
    probe.close();
    rows.push([
      ...[size.limits, size.policies, size.applying].map(count),
      count(median(speeds)),
      spread(cpu, 1),
      heap.toFixed(0),
      resident.toFixed(0),
      (startCpu / 1e6).toFixed(2),
      (server.startedInMs / 1_000).toFixed(2),
    ]);
    await server.stop();
    await folder.remove();
  }
  const columns = ["limits", "policies", "on each", "calls/s", "CPU µs a call", "live MiB", "resident"];
  console.log(table("B6: limits and policies that exist", [...columns, "start CPU s", "start s"], rows));
}

interface GrownServer {
  readonly size: Grown;
  readonly server: ServerUnderTest;
  readonly folder: TemporaryFolder;
  readonly inspector: number;
  /** Of the start, PostgreSQL's included, in microseconds: on one core it takes no less. */
  readonly startCpu: number;
  readonly speeds: number[];
  readonly cpu: number[];
}

async function startGrown(ground: Ground, size: Grown): Promise<GrownServer> {
  const folder = await temporaryFolder();
  await addGrown(folder.path, size);
  const inspector = await freePort();
  const flags = [`--inspect=127.0.0.1:${inspector}`];
  const server = await startServer({ ...ground, dataDir: folder.path, upstreamPort: ground.upstream.port, flags });
  const { main, workers, runtime, children } = processTimes(server.pid);
  await makeLimits(server);
  server.recordOn("load");
  return { size, server, folder, inspector, startCpu: main + workers + runtime + children, speeds: [], cpu: [] };
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
