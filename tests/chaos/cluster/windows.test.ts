import { windowAt, type Limit } from "@tollhouse/engine";
import {
  DEFAULT_TENANT,
  foldCounters,
  loadCounterSums,
  loadDeploymentId,
  openDatabase,
  readFence,
  type CounterSum,
  type OpenDatabase,
} from "@tollhouse/store";
import { connectRedis } from "@tollhouse/store/redis-counters";
import type { TollhouseProcess } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { costOf, expectVerifies, limits, nano, sum, type LimitAnswer, type RecordedCall } from "../audit.ts";
import { Random } from "../random.ts";
import { LONG, SEED } from "../rounds.ts";
import { auditEnds } from "./auditor.ts";
import { asked, ClusterLoad, type AskedCall } from "./cluster-load.ts";
import type { PurseAsk } from "./purse-asks.ts";
import { startedWorld, WORLD_MS_MAX, type World } from "./started-world.ts";

// E12: three gateways whose clocks are 0, 2 and −2 seconds off, and are stepped to a few seconds before windows end. Under load each call
// must be counted in one window of each limit, in the ledger, in the sums and in Redis, and each window must hold its own amount.

const OFF_MS = [0, 2_000, -2_000];
const BEFORE_MS = 5_000;
/** Between a client's clock and a gateway's, which are one here. */
const UNSURE_MS = 2_000 + 250;

const ZONES = ["UTC", "Europe/Berlin", "Europe/Lisbon", "Europe/Helsinki", "Australia/Lord_Howe"];
/** What a window of the tight limit holds: calls of a dollar. */
const TIGHT = 10;

/** What ends then, beside the minute and the slot of a quarter of an hour; clocks only go forward. */
const MOMENTS: Readonly<Record<string, string>> = {
  "the hour before three zones go forward": "2027-03-28T01:00:00Z",
  "the hour before Lord Howe goes back by half of one": "2027-04-03T15:00:00Z",
  "the hour before three zones go back": "2027-10-31T01:00:00Z",
  "a month in Berlin, and a day of 25 hours with it": "2027-10-31T23:00:00Z",
  "a month in UTC and in Lisbon, and a day of 25 hours there": "2027-11-01T00:00:00Z",
  "a leap day": "2028-03-01T00:00:00Z",
};
const SHORT = "2027-11-01T00:00:00Z";
const moments = Object.entries(MOMENTS).filter(([, moment]) => LONG || moment === SHORT);

const random = new Random(SEED);
const calls: AskedCall[] = [];
let world: World;
let gateways: readonly TollhouseProcess[];

beforeAll(async () => {
  world = await startedWorld({}, OFF_MS);
  ({ gateways } = world.cluster);
}, WORLD_MS_MAX);
afterAll(() => world.close());

async function makeLimits(name: string): Promise<void> {
  const [first] = gateways as readonly [TollhouseProcess];
  const make = (scope: string, window: string, zone: string, amount: string): Promise<unknown> =>
    first.control("POST", "/api/v1/limits", { scope, measure: "usd", amount, window, mode: "hard", time_zone: zone });
  await make(`team:tight-${name}`, "minute", "UTC", String(TIGHT));
  for (const window of ["minute", "rolling_24h", "lifetime"]) await make(`team:wide-${name}`, window, "UTC", "1000000");
  // A scope for each zone: a call is in all of them.
  for (const [at, zone] of ZONES.entries())
    for (const window of ["hour", "day", "month"])
      await make(`${["team", "feature", "service", "customer", "user"][at]}:wide-${name}`, window, zone, "1000000");
}

let asks = 0;

function wideOf(name: string): PurseAsk["dimensions"] {
  return Object.fromEntries(["team", "feature", "service", "customer", "user"].map((of) => [of, `wide-${name}`]));
}

/** Begins before a window ends by any of the clocks, and ends when it has by all: nine seconds. */
function longAsk(name: string): PurseAsk {
  const tokens = { most: 180, made: 180, streamed: true, tokensPerSecond: 20 };
  return { id: `call-${asks++}`, ...tokens, dimensions: wideOf(name) };
}

/** Half are of the budget of a minute that is soon spent; a third streams. */
function askOf(name: string): PurseAsk {
  const at = asks++;
  const tight = at % 2 === 0;
  const most = tight ? 1 : random.between(1, 60);
  return {
    id: `call-${at}`,
    most,
    made: tight ? 1 : random.between(1, most),
    streamed: at % 3 === 0,
    ...(at % 3 === 0 && { tokensPerSecond: 20 }),
    dimensions: tight ? { team: `tight-${name}` } : wideOf(name),
  };
}

/** Steps all clocks; resolves with the moment in milliseconds of `performance.now()`, when each gateway lives shortly before it. */
async function stepped(momentMs: number): Promise<number> {
  for (;;) {
    const at = performance.now() + BEFORE_MS;
    const off = momentMs - BEFORE_MS - Date.now();
    gateways.forEach((gateway, i) => gateway.setClock(off + (OFF_MS[i] ?? 0)));
    const arrived = async (): Promise<boolean> =>
      (await Promise.all(gateways.map(minuteEnd))).every((end) => end === momentMs);
    await expect.poll(arrived, { timeout: 60_000, interval: 20 }).toBe(true);
    if (at - performance.now() > UNSURE_MS + 1_000) return at;
  }
}

async function minuteEnd(gateway: TollhouseProcess): Promise<number> {
  const found = (await limits(gateway)).find(({ window }) => window === "minute");
  return Date.parse(found?.state.resets_at ?? "");
}

test.each(moments)(
  "E12: %s ends under load: none is lost, none counted twice, each window holds its own amount",
  { timeout: 300_000 },
  async (_name, moment) => {
    const [first] = gateways as readonly [TollhouseProcess];
    const [momentMs, name] = [Date.parse(moment), moment.slice(0, 13)];
    await makeLimits(name);
    const at = await stepped(momentMs);
    const overTheEnd = Promise.all(gateways.map((_, gateway) => asked(gateways, gateway, longAsk(name))));
    const load = new ClusterLoad(gateways, 12, () => askOf(name));
    try {
      const later = ({ askedMs }: AskedCall): boolean => askedMs > at + UNSURE_MS;
      await load.more(60, later);
      await load.more(3, (call) => later(call) && call.status === 429);
    } finally {
      calls.push(...(await load.stop()), ...(await overTheEnd));
    }
    for (const { askedMs, answeredMs } of await overTheEnd)
      expect([askedMs < at - UNSURE_MS, answeredMs > at + UNSURE_MS]).toEqual([true, true]);
    const { recorded, found } = await auditEnds(gateways, world.simulator, calls);
    const mine = found.filter(({ scope }) => scope.endsWith(name));
    expect(mine).toHaveLength(4 + 3 * ZONES.length);
    const db = await openDatabase({ url: first.databaseUrl }, { connectionsMax: 1 });
    try {
      const folded = await foldCounters(db, DEFAULT_TENANT);
      const sums: CounterSum[] = [];
      for await (const counter of loadCounterSums(db, DEFAULT_TENANT, 0)) sums.push(counter);
      expect(sums).toEqual(folded);
      for (const limit of mine) expectEachWindow(limit, { at, momentMs }, load.calls, recorded, folded);
      await expectRedisIs(db, mine, momentMs, folded);
    } finally {
      await db.close();
    }
    await expectVerifies(first);
  },
);

interface Moment {
  readonly at: number;
  readonly momentMs: number;
}

/** By the clock of the client, which knows of some calls in which window they must be, and of all that they are in one. */
function expectEachWindow(
  limit: LimitAnswer,
  { at, momentMs }: Moment,
  calls: readonly AskedCall[],
  recorded: readonly RecordedCall[],
  folded: readonly CounterSum[],
): void {
  const text = `${limit.scope} ${limit.window} ${limit.time_zone}`;
  const windows = folded.filter(({ limitId }) => limitId === limit.id);
  for (const { settled, windowId } of windows)
    expect(settled, `${text} ${windowId}`).toBeLessThanOrEqual(nano(limit.amount));
  const [dimension = "", value] = limit.scope.split(":");
  const used = sum(recorded.filter(({ dimensions }) => dimensions[dimension] === value).map(costOf));
  expect(sum(windows.map(({ settled }) => settled)), text).toBe(used);
  const [ended, begun] = [momentMs - 1, momentMs].map((ms) => windowAt(limit.window, limit.time_zone, ms).id);
  if (begun === undefined || ended === begun) return;
  const [old, fresh] = [true, false].map((isOld) => windows.filter(({ windowId }) => windowId < begun === isOld));
  const mine = calls.filter(({ ask }) => ask.dimensions[dimension] === value);
  const wasOld = mine.filter(({ answeredMs }) => answeredMs < at - UNSURE_MS);
  const isNew = mine.filter(({ askedMs }) => askedMs > at + UNSURE_MS);
  for (const [counts, known] of [
    [old, wasOld],
    [fresh, isNew],
  ] as const) {
    const settled = sum((counts ?? []).map((count) => count.settled));
    const spent = known.filter(({ status }) => status === 200).reduce((dollars, { ask }) => dollars + ask.made, 0);
    expect(settled, text).toBeGreaterThanOrEqual(BigInt(spent) * 1_000_000_000n);
    if (!limit.scope.includes("tight")) expect(spent, text).toBeGreaterThan(0);
    // Whoever refuses a call of a dollar has seen the whole of its window taken by others, all of which cost what they held.
    if (known.some(({ status }) => status === 429) && mine.every(({ status }) => status !== 503))
      expect(settled, text).toBe(nano(limit.amount));
  }
}

/** Redis has the windows that ended, too, and each is what the ledger says of it. */
async function expectRedisIs(
  db: OpenDatabase,
  mine: readonly LimitAnswer[],
  momentMs: number,
  folded: readonly CounterSum[],
): Promise<void> {
  const installation = await loadDeploymentId(db);
  const redis = connectRedis({ urls: [world.redis.url], installation, node: "judge", deadlineMs: 10_000 });
  try {
    await redis.joined();
    redis.enter((await readFence(db)).epoch);
    for (const ms of [momentMs - 1, momentMs]) {
      const states = await redis.of(DEFAULT_TENANT).look(mine.map(compiled), ms);
      const ledger = mine.map(({ id, window, time_zone }) => {
        const now = windowAt(window, time_zone, ms).id;
        // The sum of a day's slots, which nothing before this load used.
        const own = folded.filter(
          ({ limitId, windowId }) => limitId === id && (window === "rolling_24h" || windowId === now),
        );
        return [id, sum(own.map(({ settled }) => settled)), 0n];
      });
      expect(states.map(({ limit, settled, reserved }) => [limit.id, settled, reserved])).toEqual(ledger);
    }
  } finally {
    await redis.close();
  }
}

function compiled({ id, scope, amount, window, time_zone }: LimitAnswer): Limit {
  const fixed = { measure: "usd", mode: "hard", version: 1, derived: false } as const;
  return { id, scope: scope as Limit["scope"], amount: nano(amount), window, timeZone: time_zone, ...fixed };
}
