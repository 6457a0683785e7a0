import { randomBytes } from "node:crypto";
import { startedRedis, type StartedRedis } from "@tollhouse/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import { connectRedis, type RedisCounters } from "../redis/redis-counters.ts";
import { CountersUnavailable, type RebuildSource } from "../shared-counters.ts";
import { CountersOfNode } from "./counters-of-node.ts";
import type { NodeCounters } from "./node-counters.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const RUNS = process.env["TOLLHOUSE_LONG"] === undefined ? 40 : 1_000;
const LIMIT = limitOf("a", { amount: 10n ** 9n });
const ALLOWANCE = 100n;
const usd = (amount: bigint) => ({ usd: amount, tokens: 0n, requests: 1n });

let redis: StartedRedis;
let shared: RedisCounters;
let epoch = 0n;

beforeAll(async () => {
  redis = await startedRedis();
  shared = connectRedis({
    urls: [redis.url],
    node: "node-1",
    installation: "test",
    deadlineMs: 30_000,
    now: () => NOW,
  });
});
afterAll(async () => {
  await shared.close();
  await redis.remove();
});

/** What the node has written down: the truth that counters are made of. */
interface Written {
  settled: bigint;
  readonly open: Map<string, bigint>;
}

type Step =
  | { readonly do: "call" | "end" | "drop" | "usage"; readonly amount: bigint }
  | { readonly do: "close" | "layDown" | "enter" };

/** One node through any order of calls, ends and rebuilds. */
class History {
  readonly tenant = randomBytes(16).toString("hex");
  readonly distrusted: string[] = [];
  readonly failures: unknown[] = [];
  readonly written: Written = { settled: 0n, open: new Map() };
  readonly node: CountersOfNode;
  readonly #counters: NodeCounters;
  #snapshot: Written | null = null;
  #ids = 0;

  constructor() {
    this.node = new CountersOfNode({
      shared,
      admitting: () => true,
      writtenOut: () => true,
      now: () => NOW,
      allowance: ALLOWANCE,
      failed: (error) => void this.failures.push(error),
      distrust: (reason) => void this.distrusted.push(reason),
      keepAliveEveryMs: 3_600_000,
    });
    this.#counters = this.node.of(this.tenant);
  }

  async take(step: Step): Promise<void> {
    const { open } = this.written;
    const [id = null] = open.keys();
    switch (step.do) {
      case "call":
        return this.#call(step.amount);
      case "end":
        if (id === null) return;
        this.#counters.settle(id, usd(step.amount));
        open.delete(id);
        this.written.settled += step.amount;
        return;
      case "drop":
        if (id === null) return;
        this.#counters.release(id);
        open.delete(id);
        return;
      case "usage":
        this.#counters.add(LIMIT, NOW, step.amount, `u${this.#ids++}`);
        this.written.settled += step.amount;
        return;
      case "close":
        return shared.enter(null);
      case "layDown":
        return this.layDown();
      case "enter":
        return this.enter();
    }
  }

  layDown(): void {
    shared.enter(null);
    this.node.layDown();
    this.#snapshot = { settled: this.written.settled, open: new Map(this.written.open) };
  }

  async enter(): Promise<void> {
    if (this.#snapshot === null) return;
    epoch += 1n;
    await shared.rebuild(epoch, this.#source(this.#snapshot));
    this.#snapshot = null;
    shared.enter(epoch);
    this.node.entered();
    await this.told();
  }

  told(): Promise<void> {
    return expect.poll(() => this.node.state().untold, { timeout: 10_000, interval: 2 }).toBe(0);
  }

  async #call(amount: bigint): Promise<void> {
    const id = `r${this.#ids++}`;
    try {
      await this.#counters.reserve(id, [LIMIT], usd(amount), NOW);
    } catch (error) {
      if (!(error instanceof CountersUnavailable)) throw error;
      if (this.#counters.admitUncounted(id, [LIMIT], usd(amount), NOW) === null) return;
    }
    this.written.open.set(id, amount);
  }

  #source({ settled, open }: Written): RebuildSource {
    const { tenant } = this;
    const on = { limitId: LIMIT.id, windowId: "lifetime", measure: LIMIT.measure };
    return {
      tenants: [tenant],
      async *sums() {
        yield { tenant, ...on, amount: settled };
      },
      async *open() {
        for (const [id, amount] of open)
          yield { tenant, id, owner: "node-1", deadlineMs: NOW + 60_000, held: [{ ...on, amount }] };
      },
    };
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("call" as const), amount: fc.bigInt(1n, 40n) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("end" as const, "drop" as const, "usage" as const),
      amount: fc.bigInt(1n, 60n),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("close" as const, "layDown" as const, "enter" as const) }) },
);

test("whatever ends when, before, during and after a rebuild, or two: the counters have all that was written, once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const history = new History();
      history.layDown();
      await history.enter();
      for (const each of steps) await history.take(each);
      history.layDown();
      await history.enter();
      const { settled, open } = history.written;
      const [state] = await shared.of(history.tenant).look([LIMIT], NOW);
      const held = [...open.values()].reduce((a, b) => a + b, 0n);
      expect([state?.settled, state?.reserved]).toEqual([settled, held]);
      while (open.size > 0) await history.take({ do: "end", amount: 3n });
      await history.told();
      const [rest] = await shared.of(history.tenant).look([LIMIT], NOW);
      expect([rest?.settled, rest?.reserved]).toEqual([history.written.settled, 0n]);
      expect([history.distrusted, history.failures]).toEqual([[], []]);
      expect(history.node.state()).toMatchObject({ held: 0, allowance: { used: 0n } });
    }),
    { numRuns: RUNS },
  );
});

test("a rebuild that fails again and again renews no allowance: only counters that are open have what was spent", async () => {
  const history = new History();
  history.layDown();
  await history.enter();
  shared.enter(null);
  let admitted = 0n;
  for (let i = 0; i < 20; i++) {
    const before = history.written.settled;
    await history.take({ do: "call", amount: 30n });
    await history.take({ do: "end", amount: 30n });
    admitted += history.written.settled - before;
    history.layDown();
  }
  expect(admitted).toBe(90n);
  expect(history.node.state().allowance).toEqual({ of: ALLOWANCE, used: 90n });
  await history.enter();
  expect(history.node.state().allowance.used).toBe(0n);
});

test("what is given back because its answer was lost is not taken from the same call, admitted uncounted and found open by a rebuild", async () => {
  const history = new History();
  history.layDown();
  await history.enter();
  const lost = connectRedis({
    urls: [redis.url],
    node: "node-1",
    installation: "test",
    deadlineMs: 50,
    now: () => NOW,
  });
  await lost.joined();
  lost.enter(epoch);
  const node = new CountersOfNode({
    shared: lost,
    admitting: () => true,
    writtenOut: () => true,
    now: () => NOW,
    allowance: ALLOWANCE,
    failed: (error) => void history.failures.push(error),
    distrust: (reason) => void history.distrusted.push(reason),
  });
  const counters = node.of(history.tenant);
  redis.pause();
  await expect(counters.reserve("r", [LIMIT], usd(9n), NOW)).rejects.toMatchObject({ why: "slow" });
  expect(counters.admitUncounted("r", [LIMIT], usd(9n), NOW)).not.toBeNull();
  history.written.open.set("r", 9n);
  // Asked behind the release, and given up behind it.
  await expect(counters.look([LIMIT], NOW)).rejects.toMatchObject({ why: "slow" });
  expect(node.state().untold).toBe(1);
  lost.enter(null);
  node.layDown();
  redis.resume();
  history.layDown();
  await history.enter();
  lost.enter(epoch);
  node.entered();
  expect(await node.close()).toBe(true);
  const [state] = await shared.of(history.tenant).look([LIMIT], NOW);
  expect([state?.settled, state?.reserved]).toEqual([0n, 9n]);
  await lost.close();
});

test("counters that have lost a reservation in the epoch in which it was made are not trusted any more", async () => {
  const history = new History();
  history.layDown();
  await history.enter();
  await history.take({ do: "call", amount: 30n });
  await redis.command("DEL", await keyOf("*:r:r0"));
  await history.take({ do: "end", amount: 30n });
  await history.told();
  expect(history.distrusted).toEqual(["the counters have lost reservation r0"]);
});

async function keyOf(pattern: string): Promise<string> {
  const answer = await redis.command("KEYS", pattern);
  return answer.split("\r\n").findLast((line) => line.startsWith("th:")) ?? "";
}

test("an answer that comes when the counters were closed meanwhile admits nothing, and extends nothing", async () => {
  const history = new History();
  history.layDown();
  await history.enter();
  const counters = history.node.of(history.tenant);
  await counters.reserve("running", [LIMIT], usd(5n), NOW);
  history.written.open.set("running", 5n);
  const asked = [counters.reserve("late", [LIMIT], usd(7n), NOW), counters.extend("running", usd(7n))].map((each) =>
    Promise.resolve(each),
  );
  history.layDown();
  const fenced = { status: "rejected", reason: { why: "fenced" } };
  expect(await Promise.allSettled(asked)).toMatchObject([fenced, fenced]);
  expect(history.node.state().held).toBe(1);
  await history.enter();
  const [state] = await shared.of(history.tenant).look([LIMIT], NOW);
  expect([state?.settled, state?.reserved]).toEqual([0n, 5n]);
  await history.take({ do: "end", amount: 5n });
  await history.told();
});

test("whatever a call asks of counters that are closed under it is asked again when they are open: nothing of it is refused", async () => {
  const history = new History();
  history.layDown();
  await history.enter();
  let admitting = true;
  const opened = Promise.withResolvers<boolean>();
  const node = new CountersOfNode({
    shared,
    admitting: () => admitting,
    untilAdmitting: () => opened.promise,
    writtenOut: () => true,
    now: () => NOW,
    allowance: 0n,
    failed: (error) => void history.failures.push(error),
    distrust: (reason) => void history.distrusted.push(reason),
  });
  const counters = node.of(history.tenant);
  // Emptied; the first that is asked finds it, and the fence closes in that turn.
  shared.onFenced(() => (admitting = false));
  await redis.command("FLUSHALL");
  const ask = (id: string) => [
    counters.look([LIMIT], NOW),
    counters.room([LIMIT], NOW),
    counters.reserve(id, [LIMIT], usd(1n), NOW),
  ];
  const asked = ask("first");
  await expect.poll(() => admitting).toBe(false);
  node.layDown();
  asked.push(...ask("second"));
  history.layDown();
  await history.enter();
  node.entered();
  admitting = true;
  opened.resolve(true);
  expect((await Promise.allSettled(asked.map((each) => Promise.resolve(each)))).map(({ status }) => status)).toEqual(
    asked.map(() => "fulfilled"),
  );
  for (const id of ["first", "second"]) counters.release(id);
  expect(await node.close()).toBe(true);
});

test("a call waits for a rebuild rather than be refused; where one has waited too long, none waits until it is done", async () => {
  const history = new History();
  history.layDown();
  await history.enter();
  const waiting: ((admitting: boolean) => void)[] = [];
  const node = new CountersOfNode({
    shared,
    admitting: () => false,
    untilAdmitting: () => new Promise((resolve) => waiting.push(resolve)),
    writtenOut: () => true,
    now: () => NOW,
    allowance: 0n,
    failed: (error) => void history.failures.push(error),
    distrust: (reason) => void history.distrusted.push(reason),
  });
  const counters = node.of(history.tenant);
  const reserve = async (id: string): Promise<string> => (await counters.reserve(id, [LIMIT], usd(1n), NOW)).outcome;
  const asked = ["soon", "late"].map(reserve);
  for (const [i, resolve] of waiting.entries()) resolve(i === 0);
  const fenced = { status: "rejected", reason: { why: "fenced" } };
  expect(await Promise.allSettled(asked)).toMatchObject([{ value: "reserved" }, fenced]);
  expect(await Promise.allSettled([reserve("later")])).toMatchObject([fenced]);
  expect(waiting).toHaveLength(2);
  node.entered();
  const again = reserve("again");
  expect(waiting).toHaveLength(3);
  waiting[2]?.(true);
  expect(await again).toBe("reserved");
  for (const id of ["soon", "again"]) counters.release(id);
  expect(await node.close()).toBe(true);
});
