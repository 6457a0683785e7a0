import type { SystemAnswer } from "@tollhouse/contract";
import type { TollhouseProcess } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { costOf, makeLimit, nano, sum, type LimitAnswer } from "../audit.ts";
import { Random } from "../random.ts";
import { LONG, SEED } from "../rounds.ts";
import { audit } from "./auditor.ts";
import { ClusterLoad, type AskedCall } from "./cluster-load.ts";
import type { PurseAsk } from "./purse-asks.ts";
import { startedWorld, WORLD_MS_MAX, type World } from "./started-world.ts";

// Three gateways that may each spend an allowance uncounted while Redis is away. Half of the calls are of a budget that is nearly spent by
// then, and an eighth of a feature whose policy says that it fails closed.

const ALLOWANCE = 60;
const BUDGET = 200;
/** The reduced count runs wherever, and says nothing of time. */
const READY_MS = LONG ? 5_000 : 60_000;
/** Gateways that are asked nothing find out later that it is back. */
const READY_IDLE_MS = LONG ? 15_000 : 60_000;
const OUTAGES = LONG ? 30 : 2;

const random = new Random(SEED);
let world: World;
let gateways: readonly TollhouseProcess[];
let edge: LimitAnswer;

beforeAll(async () => {
  world = await startedWorld({ FAIL_MODE: "open", FAIL_OPEN_ALLOWANCE: String(ALLOWANCE) });
  ({ gateways } = world.cluster);
  const [first] = gateways as readonly [TollhouseProcess];
  await makeLimit(first, "org", "1000000");
  edge = await makeLimit(first, "team:edge", String(BUDGET));
  const closed = { name: "careful", priority: 0, mode: "enforce", attach: { feature: "careful" }, fail_mode: "closed" };
  await first.control("POST", "/api/v1/policies", closed);
}, WORLD_MS_MAX);
afterAll(() => world.close());

function askAt(at: number): PurseAsk {
  const most = random.between(1, 12);
  return {
    id: `call-${at}`,
    most,
    made: random.between(1, most),
    streamed: at % 3 === 0,
    dimensions: { team: at % 2 === 0 ? "edge" : "rich", ...(at % 8 === 1 && { feature: "careful" }) },
  };
}

const careful = ({ ask }: AskedCall): boolean => ask.dimensions["feature"] === "careful";
const counted = ({ status, allowance }: AskedCall): boolean => status === 200 && allowance === null;
const uncounted = ({ allowance }: AskedCall): boolean => allowance !== null;
const spent = (calls: readonly AskedCall[]): number => calls.reduce((dollars, { ask }) => dollars + ask.made, 0);
const of = (calls: readonly AskedCall[], at: number): AskedCall[] => calls.filter(({ gateway }) => gateway === at);

async function used(gateway: TollhouseProcess): Promise<bigint> {
  const { allowance } = await gateway.control<SystemAnswer>("GET", "/api/v1/system");
  expect(nano(allowance?.of ?? "")).toBe(nano(`${ALLOWANCE}.000000000`));
  return nano(allowance?.used ?? "");
}

/** What was asked and answered while Redis was gone. */
function expectWithinTheAllowance(away: readonly AskedCall[]): void {
  const admitted = away.filter(({ status }) => status === 200);
  expect(admitted.filter((call) => careful(call) || !uncounted(call))).toEqual([]);
  const named = away.filter(({ status }) => status !== 200).map(({ status, reason }) => `${status} ${reason}`);
  expect([...new Set(named)]).toEqual(["503 LIMITS_UNAVAILABLE"]);
  for (let at = 0; at < gateways.length; at++) {
    expect(spent(of(admitted, at)), `gateway ${at}`).toBeLessThanOrEqual(ALLOWANCE);
    for (const { allowance } of of(admitted, at)) {
      expect(allowance?.of).toBe(ALLOWANCE);
      expect(allowance?.left).toBeGreaterThanOrEqual(0);
    }
  }
}

/**
 * Nothing runs, and nothing that was spent in the outage is counted: what a gateway has of its allowance is what its clients used of it, once the
 * last has its end there too. On a busy machine Redis may have been late for a call before the outage, which may not be counted yet either.
 */
async function expectShown(calls: readonly AskedCall[], from: number): Promise<void> {
  const [before, away] = [calls.slice(0, from), calls.slice(from)].map((some) => some.filter(uncounted));
  for (const [at, gateway] of gateways.entries()) {
    const least = BigInt(spent(of(away ?? [], at))) * 1_000_000_000n;
    const most = least + BigInt(spent(of(before ?? [], at))) * 1_000_000_000n;
    const beside = async (): Promise<bigint> => {
      const shown = await used(gateway);
      return shown < least ? shown - least : shown > most ? shown - most : 0n;
    };
    await expect.poll(beside, { timeout: 60_000, interval: 50, message: `gateway ${at}` }).toBe(0n);
  }
}

/** Until every gateway has let calls through on its allowance, and has refused one of those that may use it. */
async function untilAllAreSpent(load: ClusterLoad, from: number): Promise<void> {
  const refused = (call: AskedCall): boolean =>
    call.status === 503 && !careful(call) && call.ask.dimensions["team"] === "rich";
  const spentBy = (at: number): boolean => {
    const mine = of(load.calls.slice(from), at);
    return spent(mine.filter(uncounted)) > ALLOWANCE || (mine.some(uncounted) && mine.filter(refused).length > 3);
  };
  await expect.poll(() => gateways.every((_, at) => spentBy(at)), { timeout: 60_000, interval: 20 }).toBe(true);
}

/** A gateway says that it is ready until it finds out that it is not: what it admits and counts tells more. */
async function untilAllCount(load: ClusterLoad, from: number): Promise<void> {
  const counts = (at: number): boolean => of(load.calls.slice(from), at).some(counted);
  await expect.poll(() => gateways.every((_, at) => counts(at)), { timeout: 60_000, interval: 20 }).toBe(true);
}

interface Outage {
  readonly name: string;
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
  /** Is Redis asked while it comes back? If not, what each gateway shows is held against what its clients saw, to the cent. */
  readonly underLoad: boolean;
}

// What an emptied Redis lacks is in the sums that it is made anew of; one that was cut off has to be told.
const killed = {
  name: "killed, and back empty",
  begin: () => world.redis.kill(),
  end: () => world.redis.start({ empty: true }),
};
const cutOff = {
  name: "cut off",
  begin: () => world.toRedis.set({ kind: "cut" }),
  end: () => world.toRedis.set(null),
};
const outages: readonly Outage[] = [
  { ...killed, underLoad: true },
  { ...cutOff, underLoad: false },
  { ...killed, underLoad: false },
  { ...cutOff, underLoad: true },
];

test(
  `E6: Redis is away under load ${OUTAGES} times with FAIL_MODE=open: no gateway spends more than it shows, and all of it is counted afterwards`,
  { timeout: LONG ? 3_600_000 : 300_000 },
  async () => {
    const calls: AskedCall[] = [];
    const countedMs: number[] = [];
    let next = 0;
    for (let at = 0; at < OUTAGES; at++) {
      const outage = outages[at % outages.length] as Outage;
      const load = new ClusterLoad(gateways, 12, () => askAt(next++));
      await load.more(60, counted);
      await outage.begin();
      const [since, from] = [performance.now(), load.calls.length];
      await untilAllAreSpent(load, from);
      if (!outage.underLoad) await expectShown(await load.stop(), from);
      expectWithinTheAllowance(load.calls.slice(from).filter(({ askedMs }) => askedMs > since));
      await outage.end();
      const back = performance.now();
      await world.cluster.ready(outage.underLoad ? READY_MS : READY_IDLE_MS);
      if (outage.underLoad) {
        await untilAllCount(load, load.calls.length);
        countedMs.push(performance.now() - back);
        await load.more(60, counted);
      }
      calls.push(...(await load.stop()));
      for (const gateway of gateways)
        await expect.poll(() => used(gateway), { timeout: 60_000, interval: 50, message: outage.name }).toBe(0n);
    }
    // A budget can be passed by what was uncounted at once, and by no more: later outages find it full.
    const beyond = BigInt(gateways.length * ALLOWANCE) * 1_000_000_000n;
    const { recorded } = await audit(gateways, world.simulator, calls, { refusals: false, beyond });
    const edges = recorded.filter(({ dimensions }) => dimensions["team"] === "edge");
    const passed = (sum(edges.map(costOf)) - nano(edge.amount)) / 1_000_000_000n;
    console.log(
      `${calls.filter(uncounted).length} of ${calls.length} went uncounted; a budget of ${BUDGET} was passed by ${passed}; all gateways counted again within ${Math.max(...countedMs).toFixed(0)} ms`,
    );
  },
);
