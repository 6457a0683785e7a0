import type { TollhouseProcess } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeLimit } from "../audit.ts";
import { inParallel } from "../client.ts";
import { Random } from "../random.ts";
import { LONG, SEED } from "../rounds.ts";
import { audit, type Kill } from "./auditor.ts";
import { asked, ClusterLoad, type AskedCall } from "./cluster-load.ts";
import type { PurseAsk } from "./purse-asks.ts";
import { startedWorld, WORLD_MS_MAX, type World } from "./started-world.ts";

/** Within so long after a store is back, calls are admitted again. The reduced count runs wherever, and says nothing of time. */
const READY_MS = LONG ? 5_000 : 60_000;
const LANES = 12;
const KILLS = LONG ? 100 : 1;
/** Calls before something happens, and after it. */
const BESIDE = LONG ? 60 : 24;
const MS_MAX = LONG ? 3_600_000 : 300_000;

const random = new Random(SEED);
/** Of all tests: the ledger and the bill are judged as a whole. */
const calls: AskedCall[] = [];
const kills: Kill[] = [];
let world: World;
let gateways: readonly TollhouseProcess[];

beforeAll(async () => {
  world = await startedWorld();
  ({ gateways } = world.cluster);
  await makeLimit(gateways[0] as TollhouseProcess, "team:rich", "1000000");
}, WORLD_MS_MAX);
afterAll(() => world.close());

let asks = 0;

/** Of a team whose budget runs out, or of one that can pay; a third of them streams. */
function ask(team: string): PurseAsk {
  const most = random.between(1, 12);
  const at = asks++;
  const streamed = at % 3 === 0;
  const made = random.between(1, most);
  return {
    id: `call-${at}`,
    most,
    made,
    streamed,
    ...(streamed && { tokensPerSecond: 20 }),
    dimensions: { team: at % 2 === 0 ? team : "rich" },
  };
}

/** Load while `happens` does, and a while after it; then everything is judged. */
async function underLoad(team: string, budget: string, happens: (load: ClusterLoad) => Promise<void>): Promise<void> {
  const [first] = gateways as readonly [TollhouseProcess];
  await makeLimit(first, `team:${team}`, budget);
  const load = new ClusterLoad(gateways, LANES, () => ask(team));
  try {
    await load.more(BESIDE);
    await happens(load);
    await load.more(BESIDE, ({ status }) => status === 200 || status === 429);
  } finally {
    calls.push(...(await load.stop()));
  }
}

async function judged(refusals: boolean): Promise<void> {
  await world.cluster.ready(READY_MS);
  const found = await audit(gateways, world.simulator, calls, { refusals, kills });
  console.log(
    `${found.admitted} admitted, ${found.refused} refused, ${found.unavailable} could not be said, ${found.unwritten} at what they held`,
  );
}

test("E3: of 1,000 calls at once over three gateways, on a budget that fits 100, exactly 100 are admitted", async () => {
  const [first] = gateways as readonly [TollhouseProcess];
  await makeLimit(first, "team:hundred", "100");
  const mine = (): readonly AskedCall[] => calls.filter(({ ask: { dimensions } }) => dimensions["team"] === "hundred");
  const admitted = (): number => mine().filter(({ status }) => status === 200).length;
  const askAtOnce = async (count: number): Promise<void> => {
    await inParallel(
      Array.from({ length: count }, (_, i) => i),
      count,
      async (i) => {
        const one = { id: `call-${asks++}`, most: 1, made: 1, streamed: false, dimensions: { team: "hundred" } };
        calls.push(await asked(gateways, i % gateways.length, one));
      },
    );
  };
  await askAtOnce(1_000);
  // A machine that is too busy for the counters' deadline says 503 to some: their clients ask again.
  const unanswered = mine().filter(({ status }) => status === 503).length;
  if (unanswered === 0) expect(admitted()).toBe(100);
  for (const deadline = performance.now() + 60_000; admitted() < 100 && performance.now() < deadline;)
    await askAtOnce(100 - admitted());
  await askAtOnce(30);
  expect(admitted()).toBe(100);
  expect(
    mine()
      .map(({ status }) => status)
      .filter((status) => ![200, 429, 503].includes(status ?? 0)),
  ).toEqual([]);
  await judged(unanswered === 0);
});

const REDIS_FAULTS: Readonly<Record<string, (load: ClusterLoad) => Promise<void>>> = {
  emptied: async () => {
    await world.redis.command("FLUSHALL");
  },
  "killed, and started again empty": async () => {
    await world.redis.kill();
    await world.redis.start({ empty: true });
  },
  "paused for 3 s": async (load) => {
    world.redis.pause();
    await untilRefused(load, 30);
    world.redis.resume();
  },
  "500 ms away": async (load) => {
    world.toRedis.set({ kind: "latency", ms: 500 });
    await untilRefused(load, 20);
    world.toRedis.set(null);
  },
  "cut off": async (load) => {
    world.toRedis.set({ kind: "cut" });
    await untilRefused(load, 20);
    world.toRedis.set(null);
  },
};

/** FAIL_MODE=closed: of what is asked from now on nothing is admitted. */
async function untilRefused(load: ClusterLoad, count: number): Promise<void> {
  const [since, from] = [performance.now(), load.calls.length];
  await load.more(count, ({ status }) => status === 503);
  const asked = load.calls.slice(from).filter(({ askedMs }) => askedMs > since);
  expect(asked.filter(({ status }) => status !== 503).map(({ ask, status }) => `${ask.id} ${status}`)).toEqual([]);
}

test.each(Object.keys(REDIS_FAULTS))(
  "E6: Redis is %s under load: nothing is admitted on state that is missing, and calls are admitted again",
  { timeout: MS_MAX },
  async (name) => {
    await underLoad(`redis-${name.replaceAll(/[^a-z0-9]/g, "-")}`, "300", async (load) => {
      await REDIS_FAULTS[name]?.(load);
      await world.cluster.ready(READY_MS);
    });
    await judged(false);
  },
);

test(
  "E7: PostgreSQL is away under load: calls go on, and everything is recorded once when it is back",
  { timeout: MS_MAX },
  async () => {
    await underLoad("postgres", "400", async (load) => {
      world.toDatabase.set({ kind: "cut" });
      await load.more(LONG ? 20_000 : 100);
      world.toDatabase.set(null);
      await world.cluster.ready(60_000);
    });
    await judged(false);
  },
);

test(
  `E4: kill -9 of one of three gateways under load, ${KILLS} times: none lost, none twice, none overspent`,
  { timeout: MS_MAX },
  async () => {
    for (let round = 0; round < KILLS; round++)
      await underLoad(`killed-${round}`, "300", async (load) => {
        const at = random.between(0, gateways.length - 1);
        const gateway = gateways[at] as TollhouseProcess;
        load.away.add(at);
        kills.push({ gateway: at, atMs: performance.now() });
        await gateway.kill();
        await load.more(30);
        await gateway.start();
        load.away.delete(at);
      });
    await judged(false);
  },
);

test(
  "E5: SIGTERM to one of three gateways under load: no answer is broken off, all is settled",
  { timeout: MS_MAX },
  async () => {
    await underLoad("terminated", "300", async (load) => {
      const before = load.calls.length;
      load.away.add(1);
      await (gateways[1] as TollhouseProcess).terminate();
      const broken = load.calls.slice(before).filter(({ gateway, end }) => gateway === 1 && end === "broken");
      // A question that met the closed port was never taken.
      expect(broken.filter(({ status }) => status !== null)).toEqual([]);
      await (gateways[1] as TollhouseProcess).start();
      load.away.delete(1);
    });
    await judged(false);
  },
);

test(
  "a gateway that was stopped for longer than others wait for it wakes up: it spends nothing twice",
  { timeout: MS_MAX },
  async () => {
    await underLoad("asleep", "300", async (load) => {
      const [gateway, other] = gateways as readonly [TollhouseProcess, TollhouseProcess];
      gateway.pause();
      load.away.add(0);
      const live = async (): Promise<number> => {
        const { nodes } = await other.control<{ nodes: { live: boolean }[] }>("GET", "/api/v1/system");
        return nodes.filter((node) => node.live).length;
      };
      await expect.poll(live, { timeout: 120_000, interval: 100 }).toBe(2);
      await load.more(LONG ? 2_000 : 30);
      gateway.resume();
      await world.cluster.ready(READY_MS);
      load.away.delete(0);
    });
    await judged(false);
  },
);
