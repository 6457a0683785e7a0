import { ERROR_STATUSES, type Fault } from "@tollhouse/simulator";
import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { STREAM_DIALECTS, streamAsk, WHOLE_ENDPOINTS, wholeAsk, type Ask } from "./asks.ts";
import {
  atRest,
  costOf,
  expectCountersAreTheFold,
  expectVerifies,
  expectWithin,
  limits,
  makeLimit,
  nano,
  pairUp,
  recordedCalls,
  sum,
  usd,
  type Pair,
  type RecordedCall,
} from "./audit.ts";
import { inParallel, send } from "./client.ts";
import { Random } from "./random.ts";
import { LONG, SEED } from "./rounds.ts";

const CALLS = LONG ? 10_000 : 1_000;
const WIDTH = 50;
const TEAMS = ["search", "support", "sales"];

let simulator: SimulatorProcess;
let tollhouse: TollhouseProcess;

beforeAll(async () => {
  simulator = await simulatorProcess({ seed: SEED });
  tollhouse = await tollhouseProcess({ providers: simulator.url });
  return async () => {
    await tollhouse.remove();
    await simulator.close();
  };
});

const random = new Random(SEED);

test(
  `${CALLS} mixed calls with faults: ledger = counters = reports, = the provider's bill wherever it was told, and each gap is named`,
  { timeout: CALLS * 100 },
  async () => {
    await makeLimits();
    const asks = Array.from({ length: CALLS }, (_, at) => askOf(at));
    await inParallel(asks, WIDTH, async (ask) => {
      // A few leave early: their calls are read on to the end.
      const leaves = random.next() < 0.05;
      await send(tollhouse.url, ask, leaves ? { leaveAfterBytes: random.between(0, 5_000) } : {});
    });
    await atRest(tollhouse);

    const recorded = await recordedCalls(tollhouse);
    const pairs = pairUp(recorded, simulator.bill());
    expect(recorded.filter((call) => call.outcome !== "blocked").length, "entries without a bill").toBe(pairs.length);
    expect(pairs.flatMap((pair) => flawOf(pair) ?? [])).toEqual([]);
    tell(pairs);
    await expectSums(recorded);
    await expectCountersAreTheFold(tollhouse);
    expectWithin((await limits(tollhouse)).filter(({ scope }) => scope !== "org"));
    await expectVerifies(tollhouse);
  },
);

async function makeLimits(): Promise<void> {
  await makeLimit(tollhouse, "org", "1000.00", { window: "month" });
  await makeLimit(tollhouse, "org", "1000.00", { window: "rolling_24h" });
  await makeLimit(tollhouse, "org", "100000000", { measure: "tokens", window: "day" });
  await makeLimit(tollhouse, "org", "0.01", { mode: "soft" });
  await makeLimit(tollhouse, "team:search", "1000000", { measure: "requests" });
  await makeLimit(tollhouse, "team:support", "50.00");
  await makeLimit(tollhouse, "model:gpt-4o", "5000000", { measure: "tokens", window: "hour" });
  await makeLimit(tollhouse, "provider:gemini", "500.00");
}

/**
 * Everything that goes wrong at a provider, but a host that refuses `stream_options`: that is learned of the host for good, and
 * every later stream would be counted.
 */
function fault(): Fault {
  return random.pick<Fault>([
    { kind: "slow_first_token", ms: random.between(5, 50) },
    { kind: "stall", after_tokens: random.between(1, 20), ms: random.between(5, 50) },
    { kind: "cut", after_bytes: random.between(0, 8_000) },
    { kind: "no_usage" },
    { kind: "usage_twice" },
    { kind: "usage_cumulative" },
    { kind: "usage_after_end" },
    { kind: "usage_too_big", factor: random.between(2, 5) },
    { kind: "malformed_frame" },
    { kind: "error_mid_stream" },
    { kind: "no_done" },
    { kind: "error_status", status: random.pick(ERROR_STATUSES) },
  ]);
}

function askOf(at: number): Ask {
  const faulty = random.next() < 0.33;
  const counts = { output_tokens: random.between(0, 300) };
  const options = {
    id: `call-${at}`,
    words: random.between(3, 200),
    outputMax: random.between(16, 2_000),
    steering: faulty ? { ...counts, fault: fault() } : counts,
    dimensions: { team: random.pick(TEAMS), session: `s${at % 17}`, feature: `f${at % 3}` },
  };
  if (random.next() < 0.4) return wholeAsk(random.pick(WHOLE_ENDPOINTS), options);
  const cached_tokens = random.between(0, 40);
  return streamAsk(random.pick(STREAM_DIALECTS), { ...options, steering: { ...options.steering, cached_tokens } });
}

/**
 * What is wrong with a call; null = nothing. Exact where the provider told its usage; where it did not, the entry says so by its
 * source; released means that nothing was billed.
 */
function flawOf({ recorded, billed }: Pair): string | null {
  const { outcome, usage_source: source, cost, doubt } = recorded;
  const named = `${billed.callId} ${billed.endpoint} ${billed.finished} ${billed.status}: ${outcome} ${source}`;
  if (outcome === "released") return billed.cost === 0n ? null : `${named}, billed ${usd(billed.cost)}`;
  if (outcome !== "settled" || cost === null) return `${named}, cost ${cost}`;
  if (source === "counted" || source === "estimated") return null;
  // The usage was told in a unit that has no price (an image, of a model priced by tokens): held in full, and in doubt.
  if (doubt?.includes("has no price") === true && nano(cost) >= billed.cost) return null;
  return nano(cost) === billed.cost ? null : `${named}, ${usd(nano(cost))}, billed ${usd(billed.cost)}`;
}

/** The ledger, the usage report in every grouping, and the counters say one number. */
async function expectSums(recorded: readonly RecordedCall[]): Promise<void> {
  const total = sum(recorded.map(costOf));
  for (const group of ["", "model", "team,session", "hour", "feature,provider"]) {
    const report = await tollhouse.control<{
      rows: { cost: string; calls: number }[];
      total: { cost: string; calls: number };
    }>("GET", `/api/v1/usage?group_by=${group}`);
    expect(nano(report.total.cost), group).toBe(total);
    if (group !== "") expect(sum(report.rows.map((row) => nano(row.cost))), group).toBe(total);
    expect(report.total.calls, group).toBe(recorded.filter(({ outcome }) => outcome !== "blocked").length);
  }
  for (const limit of await limits(tollhouse)) {
    if (limit.scope !== "org" || limit.measure !== "usd") continue;
    expect(nano(limit.state.settled), limit.window).toBe(total);
  }
}

function tell(pairs: readonly Pair[]): void {
  const bySource = Map.groupBy(pairs, ({ recorded }) => {
    const { outcome, usage_source: source, doubt } = recorded;
    return `${outcome} ${source}${doubt === null ? "" : ", in doubt"}`;
  });
  for (const [source, some] of bySource) {
    const cost = sum(some.map(({ recorded }) => costOf(recorded)));
    const billed = sum(some.map((pair) => pair.billed.cost));
    process.stdout.write(
      `${source}: ${some.length} calls, recorded ${usd(cost)}, billed ${usd(billed)}, gap ${usd(cost - billed)}\n`,
    );
  }
}
