import type { LoadReport } from "./load-generator.ts";
import { runLoad, type BenchProcess } from "./pinned-process.ts";
import { processTimes, timesBetween, type ProcessTimes } from "./process-times.ts";
import { STREAM_PIECES, type Spacing } from "./requests.ts";
import type { ServerUnderTest } from "./server-under-test.ts";
import { count, median, spread, table } from "./table.ts";

/** Everything that runs during the sections on speed. */
export interface Arena {
  readonly generator: BenchProcess;
  readonly upstream: BenchProcess;
  readonly bare: BenchProcess;
  readonly server: ServerUnderTest;
  readonly pairs: number;
  readonly seconds: number;
  /** Until V8 has compiled what is hot. Counted, and not timed: a busy machine makes fewer calls in the same time. */
  readonly warmUpCalls: number;
}

interface Sample {
  readonly report: LoadReport;
  /** CPU while the load ran, µs a call. */
  readonly perCall: ProcessTimes;
}

interface Load {
  readonly connections: number;
  readonly spacing: Spacing;
  readonly rate: number | "closed";
  readonly seconds?: number;
  readonly calls?: number;
}

/** A stream warms up as much as this many calls. */
const CALLS_A_STREAM = 10;

async function sample(arena: Arena, who: { readonly pid: number; readonly port: number }, load: Load): Promise<Sample> {
  const before = processTimes(who.pid);
  const report = await runLoad(arena.generator, { ...load, port: who.port, users: 1 });
  const used = timesBetween(before, processTimes(who.pid));
  const share = (us: number): number => us / report.calls;
  const perCall = {
    main: share(used.main),
    workers: share(used.workers),
    runtime: share(used.runtime),
    children: share(used.children),
  };
  return { report, perCall };
}

/** The ledger is written before the next one runs: nobody is measured while another's work is still being done. */
async function sampleServer(arena: Arena, load: Load): Promise<Sample> {
  const taken = await sample(arena, arena.server, load);
  await arena.server.drained();
  return taken;
}

const speed = ({ report }: Sample): number => report.calls / report.seconds;
const total = ({ perCall: { main, workers, runtime, children } }: Sample): number =>
  main + workers + runtime + children;

interface Triple {
  readonly bare: Sample;
  /** Recorder and PostgreSQL on the core of the load. */
  readonly apart: Sample;
  /** Everything on one core. */
  readonly together: Sample;
}

async function triples(arena: Arena, load: Load): Promise<Triple[]> {
  const { server } = arena;
  const { connections, spacing, rate } = load;
  const warmUp = {
    connections,
    spacing,
    rate,
    calls: Math.ceil(arena.warmUpCalls / (spacing === null ? 1 : CALLS_A_STREAM)),
  };
  await sample(arena, arena.bare, warmUp);
  await sampleServer(arena, warmUp);
  const taken: Triple[] = [];
  for (let pair = 0; pair < arena.pairs; pair++) {
    const bare = await sample(arena, arena.bare, load);
    server.recordOn("load");
    const apart = await sampleServer(arena, load);
    server.recordOn("server");
    taken.push({ bare, apart, together: await sampleServer(arena, load) });
  }
  return taken;
}

function row(name: string, samples: readonly Sample[], bare: readonly Sample[], unit: number): string[] {
  const perCall = (read: (sample: Sample) => number): string => median(samples.map(read)).toFixed(1);
  const ratios = (read: (sample: Sample, other: Sample) => number): string =>
    spread(
      samples.map((taken, at) => read(taken, bare[at] as Sample)),
      2,
    );
  return [
    name,
    count(median(samples.map(speed)) * unit),
    ratios((taken, other) => speed(taken) / speed(other)),
    ratios(
      (taken, other) => (other.perCall.main + other.perCall.runtime) / (taken.perCall.main + taken.perCall.runtime),
    ),
    perCall(({ perCall: { main } }) => main),
    perCall(({ perCall: { runtime } }) => runtime),
    perCall(({ perCall: { workers } }) => workers),
    perCall(({ perCall: { children } }) => children),
    perCall(total),
    `${median(samples.map(({ report }) => report.latency.p50)).toFixed(2)} / ${median(samples.map(({ report }) => report.latency.p99)).toFixed(2)}`,
  ];
}

function speedTable(title: string, unitName: string, unit: number, taken: readonly Triple[]): string {
  const bare = taken.map((triple) => triple.bare);
  const columns = [
    "µs are CPU a call",
    unitName,
    "÷ bare",
    "by CPU of the call path",
    "event loop µs",
    "gc, jit µs",
    "recorder µs",
    "PostgreSQL µs",
    "all µs",
    "p50 / p99 ms",
  ];
  return table(title, columns, [
    row("bare pass-through", bare, bare, unit),
    row(
      "Tollhouse, recording on the other core",
      taken.map((triple) => triple.apart),
      bare,
      unit,
    ),
    row(
      "Tollhouse, all on one core",
      taken.map((triple) => triple.together),
      bare,
      unit,
    ),
  ]);
}

/** B1. Returns the calls a second that Tollhouse reached with recording on the other core. */
export async function measureCalls(arena: Arena, connections: number): Promise<number> {
  const load = { connections, spacing: null, rate: "closed", seconds: arena.seconds } as const;
  const taken = await triples(arena, load);
  console.log(speedTable(`B1: calls, not streamed, ${connections} connections`, "calls/s", 1, taken));
  return median(taken.map(({ apart }) => speed(apart)));
}

/** B3: everybody at the same rate, half of what Tollhouse can do, arriving whether or not the last call was answered. */
export async function measureAddedLatency(arena: Arena, callsPerSecond: number): Promise<void> {
  const rate = Math.round(callsPerSecond / 2);
  const load = { connections: 256, spacing: null, rate, seconds: arena.seconds } as const;
  arena.server.recordOn("load");
  const taken: { direct: LoadReport; bare: LoadReport; server: LoadReport }[] = [];
  for (let pair = 0; pair < arena.pairs; pair++) {
    const direct = (await sample(arena, arena.upstream, load)).report;
    const bare = (await sample(arena, arena.bare, load)).report;
    taken.push({ direct, bare, server: (await sampleServer(arena, load)).report });
  }
  arena.server.recordOn("server");
  const ms = (values: readonly number[]): string => spread(values, 2);
  const cells = (name: string, read: (triple: (typeof taken)[number], at: "p50" | "p99") => number): string[] => [
    name,
    ms(taken.map((triple) => read(triple, "p50"))),
    ms(taken.map((triple) => read(triple, "p99"))),
  ];
  console.log(
    table(
      `B3: latency at half load (${count(rate)} calls/s)`,
      ["ms", "p50", "p99"],
      [
        cells("straight to the upstream", ({ direct }, at) => direct.latency[at]),
        cells("bare pass-through", ({ bare }, at) => bare.latency[at]),
        cells("Tollhouse", ({ server }, at) => server.latency[at]),
        cells("added by Tollhouse", ({ direct, server }, at) => server.latency[at] - direct.latency[at]),
        cells("added over bare", ({ bare, server }, at) => server.latency[at] - bare.latency[at]),
      ],
    ),
  );
}

const SPACING_MS = 2;

/** B4: in bursts and event by event as many as go through; then few streams, for the time to the first token. */
export async function measureStreams(arena: Arena): Promise<void> {
  const { seconds } = arena;
  const bursts = await triples(arena, { connections: 64, spacing: 0, rate: "closed", seconds });
  console.log(speedTable("B4: streams in bursts of five events, 64 at once", "chunks/s", STREAM_PIECES, bursts));
  const spaced = await triples(arena, { connections: 256, spacing: SPACING_MS, rate: "closed", seconds });
  console.log(
    speedTable(`B4: streams, an event every ${SPACING_MS} ms, 256 at once`, "chunks/s", STREAM_PIECES, spaced),
  );
  const calm = await triples(arena, { connections: 16, spacing: SPACING_MS, rate: "closed", seconds });
  const added = (at: "p50" | "p99", over: (triple: Triple) => LoadReport): string =>
    spread(
      calm.map((triple) => triple.apart.report.firstByte[at] - over(triple).firstByte[at]),
      2,
    );
  const own = (at: "p50" | "p99", of: (triple: Triple) => LoadReport): string =>
    spread(
      calm.map((triple) => of(triple).firstByte[at]),
      2,
    );
  console.log(
    table(
      "B4: time to the first token, 16 streams at once",
      ["ms", "p50", "p99"],
      [
        ["bare pass-through", own("p50", ({ bare }) => bare.report), own("p99", ({ bare }) => bare.report)],
        ["Tollhouse", own("p50", ({ apart }) => apart.report), own("p99", ({ apart }) => apart.report)],
        ["added over bare", added("p50", ({ bare }) => bare.report), added("p99", ({ bare }) => bare.report)],
      ],
    ),
  );
}
