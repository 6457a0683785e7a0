import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureAddedLatency, measureCalls, measureStreams, type Arena } from "./call-speed.ts";
import { measureVerify } from "./chain-walk.ts";
import { measureDashboard } from "./dashboard.ts";
import { measureGateways } from "./gateways.ts";
import { measureMemory, measureRules, measureStart, type Ground } from "./growth.ts";
import { measureAppend, type AppendShape } from "./ledger-speed.ts";
import { CAN_PIN, LOAD_CORE, SERVER_CORE, startBenchProcess } from "./pinned-process.ts";
import { CAN_MEASURE_CPU } from "./process-times.ts";
import { measureReports } from "./reports.ts";
import type { Grown } from "./grown-rules.ts";
import { startSharedStores } from "./shared-stores.ts";
import { makeLimits, startServer, temporaryFolder } from "./server-under-test.ts";

const SECTIONS = ["B1", "B3", "B4", "B5", "B6", "B6R", "B7", "E16", "dashboard", "gateways"] as const;
const BUILT = fileURLToPath(new URL("../apps/server/dist/main.js", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Interleaved repetitions. */
    pairs: { type: "string", default: "5" },
    /** Of one run. */
    seconds: { type: "string", default: "3" },
    /** Calls before B1, B3 and B4 measure anything. */
    "warm-up": { type: "string", default: "40000" },
    /** Of B1, at once. */
    connections: { type: "string", default: "32,256" },
    /** Of B5. */
    calls: { type: "string", default: "100000" },
    /** Of B6: limits, policies, and those of them that apply to every call, on each of its user, feature, plan and all. */
    rules: { type: "string", default: "10:0:0,10000:1000:0,1000000:100000:0,10:0:1,10:0:5,10:0:64" },
    /** Of B6R and the dashboard, in the ledger that is reported on. Ten million take 11 GB of disk and half an hour. */
    entries: { type: "string", default: "10000,1000000" },
    /** Of the dashboard, and of the chain that is walked: a data folder that is filled once, and kept; else a temporary one. */
    data: { type: "string" },
    /** Of the dashboard: only pages that are called so, in part; several with commas. */
    page: { type: "string", default: "" },
    /** Of the dashboard: what time it is where it is looked at, and where a ledger that is filled ends; ISO 8601. Default: now. */
    at: { type: "string" },
    /** Of E16: calls that are appended, tenants they are of, calls that share a session, recorders; entries of the chain that is walked, and threads that walk it. */
    append: { type: "string", default: "50000" },
    tenants: { type: "string", default: "1,1000" },
    sessions: { type: "string", default: "1,10" },
    recorders: { type: "string", default: "1" },
    walk: { type: "string", default: "1000000" },
    threads: { type: "string", default: "1,2" },
    /** Another build to measure. */
    server: { type: "string", default: BUILT },
    /** B1, B3 and B4 with counters in Redis. */
    redis: { type: "boolean", default: false },
    /** Writes a CPU profile of the server under B1's load into this folder. */
    profile: { type: "string" },
  },
});

const unknown = positionals.filter((name) => !(SECTIONS as readonly string[]).includes(name));
if (unknown.length > 0) throw new Error(`${unknown.join(", ")}: expected ${SECTIONS.join(", ")}, or nothing for all`);
const wanted = new Set(positionals.length === 0 ? SECTIONS : positionals);
if (!CAN_MEASURE_CPU) throw new Error("the benchmark reads CPU times from /proc: it runs on Linux only");
/** Sections that start no server. */
const SERVERLESS: ReadonlySet<string> = new Set(["B6R", "E16"]);
if ([...wanted].some((name) => !SERVERLESS.has(name)) && !existsSync(values.server))
  throw new Error(`${values.server} is not there: run \`npm run build\``);

const pairs = Number(values.pairs);
const seconds = Number(values.seconds);
console.log(`${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} cores, Node ${process.version}`);
console.log(
  CAN_PIN
    ? `load and upstream on core ${LOAD_CORE}, whoever is measured on core ${SERVER_CORE}; ${pairs} pairs of ${seconds} s; median (least–most)`
    : "nothing is pinned to a core here (no taskset): read the CPU a call, not the calls a second",
);

const generator = await startBenchProcess("load-generator.ts", LOAD_CORE);
const upstream = await startBenchProcess("fast-upstream.ts", LOAD_CORE);
try {
  if (["B1", "B3", "B4"].some((name) => wanted.has(name))) await speedSections();
  const ground: Ground = { generator, upstream, entry: values.server, rounds: pairs, seconds };
  if (wanted.has("B5")) await measureMemory(ground, Number(values.calls));
  if (wanted.has("B6")) await measureRules(ground, values.rules.split(",").map(grownOf));
  if (wanted.has("B6R")) await measureReports(values.entries.split(",").map(Number), pairs);
  if (wanted.has("B7")) await measureStart(ground);
  if (wanted.has("E16")) {
    if (values.append !== "0") await measureAppend(Number(values.append), appendShapes(), pairs);
    if (values.walk !== "0")
      await measureVerify({
        entries: Number(values.walk),
        threads: values.threads.split(",").map(Number),
        rounds: pairs,
        ...(values.data !== undefined && { folder: resolve(values.data) }),
      });
  }
  if (wanted.has("dashboard")) {
    for (const entries of values.entries.split(",").map(Number)) {
      const folder = values.data === undefined ? await temporaryFolder() : null;
      const path = folder?.path ?? resolve(String(values.data));
      const at = values.at === undefined ? null : new Date(values.at);
      if (Number.isNaN(at?.getTime()))
        throw new Error(`--at: expected a time such as 2026-11-14T18:00Z, got ${values.at}`);
      await measureDashboard({ entries, folder: path, entry: values.server, rounds: pairs, only: values.page, at });
      await folder?.remove();
    }
  }
  if (wanted.has("gateways")) {
    const connections = Math.min(...values.connections.split(",").map(Number));
    const counts = { rounds: pairs, seconds, connections, warmUpCalls: Number(values["warm-up"]) };
    await measureGateways({ upstreamPort: upstream.port, entry: values.server, ...counts });
  }
} finally {
  await generator.stop();
  await upstream.stop();
}

function appendShapes(): AppendShape[] {
  const [tenants, sessions, recorders] = [values.tenants, values.sessions, values.recorders].map((text) =>
    text.split(",").map(Number),
  ) as [number[], number[], number[]];
  return tenants.flatMap((tenants) =>
    sessions.flatMap((callsOfSession) => recorders.map((recorders) => ({ tenants, callsOfSession, recorders }))),
  );
}

function grownOf(text: string): Grown {
  const [limits = 0, policies = 0, applying = 0] = text.split(":").map(Number);
  return { limits, policies, applying };
}

async function speedSections(): Promise<void> {
  const folder = await temporaryFolder();
  const stores = values.redis ? await startSharedStores() : null;
  if (stores !== null) console.log("counters in Redis, which is on the core of the load, as PostgreSQL is");
  const bare = await startBenchProcess("bare-pass-through.ts", SERVER_CORE, [`http://127.0.0.1:${upstream.port}`]);
  const server = await startServer({
    entry: values.server,
    dataDir: folder.path,
    upstreamPort: upstream.port,
    env: stores?.env ?? {},
    flags: values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`],
  });
  try {
    await makeLimits(server);
    const arena: Arena = { generator, upstream, bare, server, pairs, seconds, warmUpCalls: Number(values["warm-up"]) };
    const speeds: number[] = [];
    const sizes = wanted.has("B1") || wanted.has("B3") ? values.connections.split(",").map(Number) : [];
    for (const connections of sizes) speeds.push(await measureCalls(arena, connections));
    if (wanted.has("B3")) await measureAddedLatency(arena, Math.min(...speeds));
    if (wanted.has("B4")) await measureStreams(arena);
  } finally {
    await server.stop();
    await bare.stop();
    await stores?.remove();
    await folder.remove();
  }
}
