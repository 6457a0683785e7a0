import type { Limit } from "@tollhouse/engine";
import { expect, test } from "vitest";
import type { CounterDelta, CounterState, ReserveResult } from "./counter-store.ts";
import { counterSuite, limitOf } from "./counter-suite.ts";
import { MemoryCounterStore } from "./memory.ts";
import type { Overrun } from "./reservation-answers.ts";

counterSuite("in memory", () => {
  const store = new MemoryCounterStore();
  return { store, close: () => expect(store.audit()).toEqual([]) };
});

/** Lays every counter down that can be, before each verb: nothing that a caller sees may come of it. */
class SweptStore extends MemoryCounterStore {
  #latestMs = 0;

  override reserve(...args: Parameters<MemoryCounterStore["reserve"]>): ReserveResult {
    this.#latestMs = Math.max(this.#latestMs, args[3]);
    this.#sweep();
    return super.reserve(...args);
  }

  override extend(...args: Parameters<MemoryCounterStore["extend"]>): ReserveResult {
    this.#sweep();
    return super.extend(...args);
  }

  override settle(...args: Parameters<MemoryCounterStore["settle"]>): readonly CounterDelta[] {
    this.#sweep();
    return super.settle(...args);
  }

  override read(...args: Parameters<MemoryCounterStore["read"]>): CounterState {
    this.#sweep();
    return super.read(...args);
  }

  /** The second pass is the one that finds what was not looked at since the first; the sweep's own time is left behind the clock. */
  #sweep(): void {
    for (let pass = 0; pass < 2; pass++) this.sweep(this.#latestMs - 10 * HOUR_MS);
  }
}

counterSuite("in memory, swept before every verb", () => {
  const store = new SweptStore();
  return { store, close: () => expect(store.audit()).toEqual([]) };
});

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const HOUR_MS = 3_600_000;
const usd = (amount: bigint) => ({ usd: amount, tokens: 0n, requests: 1n });

test("a seed is SET: given twice it is the same, and a limit seen later finds it", () => {
  const store = new MemoryCounterStore();
  for (const limit of [
    limitOf("day", { window: "day" }),
    limitOf("life"),
    limitOf("roll", { window: "rolling_24h" }),
  ]) {
    const { window } = store.read(limit, NOW);
    store.seed(limit.id, window.id, 40n);
    store.seed(limit.id, window.id, 990n);
    expect(store.read(limit, NOW)).toMatchObject({ settled: 990n, reserved: 0n, window });
    expect(store.reserve(`r-${limit.id}`, [limit], usd(11n), NOW).outcome).toBe("refused");
    store.seed(limit.id, window.id, 989n);
    expect(store.reserve(`r-${limit.id}`, [limit], usd(11n), NOW).outcome).toBe("reserved");
  }
});

test("what a running call used is added to a limit that came into force meanwhile", () => {
  const store = new MemoryCounterStore();
  const limit = limitOf("a", { amount: 10n, window: "hour" });
  expect(store.add(limit, NOW, 12n)).toEqual({ limitId: limit.id, windowId: "2026-11-21T06:00Z", amount: 12n });
  expect(store.read(limit, NOW)).toMatchObject({ settled: 12n, reserved: 0n });
  expect(store.reserve("r", [limit], usd(0n), NOW).outcome).toBe("refused");
  expect(() => store.add(limit, NOW, -1n)).toThrow(/used/);
  expect(store.audit()).toEqual([]);
});

test("a changed amount or mode counts at once, also for calls that still hold the old limit", () => {
  const store = new MemoryCounterStore();
  const old = limitOf("a", { amount: 10n });
  store.reserve("r", [old], usd(8n), NOW);
  store.changeLimit({ ...old, amount: 100n, version: 2 });
  expect(store.extend("r", usd(20n)).outcome).toBe("reserved");
  expect(store.reserve("r2", [old], usd(60n), NOW).outcome).toBe("reserved");
  store.changeLimit({ ...old, amount: 1n, version: 3 });
  expect(store.reserve("r3", [old], usd(1n), NOW).outcome).toBe("refused");
  expect(store.room([old], NOW).usd).toBe(0n);
  store.changeLimit({ ...old, amount: 1n, mode: "soft", version: 4 });
  expect(store.reserve("r3", [old], usd(1n), NOW).outcome).toBe("reserved");
  expect(store.audit()).toEqual([]);
});

test("an amount of the call's own that is lowered while it runs holds it at its next extension, and nobody else", () => {
  const store = new MemoryCounterStore();
  const own = (amount: bigint, over: Partial<Limit> = {}): Limit => limitOf("a", { amount, perCall: "held", ...over });
  const beside = limitOf("b", { amount: 50n });
  store.reserve("r1", [own(20n), beside], usd(5n), NOW);
  store.reserve("r2", [own(20n)], usd(5n), NOW);
  expect(store.extend("r1", usd(1n), [own(10n)])).toMatchObject({ outcome: "refused", by: { limit: { amount: 10n } } });
  // It stays so, and what was refused was not held.
  expect(store.extend("r1", usd(1n)).outcome).toBe("refused");
  expect(store.extend("r2", usd(10n)).outcome).toBe("reserved");
  expect(store.extend("r1", usd(1n), [own(21n)]).outcome).toBe("reserved");
  // A limit that is no longer among the call's holds on.
  expect(store.extend("r1", usd(1n), []).outcome).toBe("refused");
  // Who was only counted is held from here on.
  store.reserve("r3", [own(0n, { id: "c", mode: "soft", perCall: "counted" })], usd(5n), NOW);
  expect(store.extend("r3", usd(1n), [own(5n, { id: "c" })]).outcome).toBe("refused");
  expect(store.audit()).toEqual([]);
});

test("measure, window and zone of a limit cannot change", () => {
  const store = new MemoryCounterStore();
  store.reserve("r", [limitOf("a")], usd(8n), NOW);
  expect(() => store.changeLimit(limitOf("a", { window: "day", version: 2 }))).toThrow(/never change/);
});

test("an overrun is counted and told, with its amount, on every counter it went over", () => {
  const told: Overrun[] = [];
  const store = new MemoryCounterStore({ onOverrun: (overrun) => told.push(overrun) });
  const limits = [limitOf("a"), limitOf("b", { measure: "tokens" }), limitOf("c", { window: "day" })];
  store.reserve("r", limits, { usd: 5n, tokens: 5n, requests: 1n }, NOW);
  store.settle("r", { usd: 9n, tokens: 5n, requests: 1n });
  expect(store.overruns).toBe(2);
  expect(told.map(({ limit, windowId, amount }) => [limit.id, windowId, amount])).toEqual([
    ["lim_a", "lifetime", 4n],
    ["lim_c", "2026-11-21T00:00Z", 4n],
  ]);
});

test("a limit given twice in one call is refused before anything is written", () => {
  const store = new MemoryCounterStore();
  const limit = limitOf("a");
  expect(() => store.reserve("r", [limit, limit], usd(1n), NOW)).toThrow(/twice/);
  expect(() => store.reserve("r", [limit, limit], usd(1n), NOW)).toThrow(/twice/);
  expect(store.read(limit, NOW).reserved).toBe(0n);
  expect(store.pendingCount).toBe(0);
});

test("an instant that is none, or an unknown zone, fails the call and holds nothing", () => {
  const store = new MemoryCounterStore();
  const good = limitOf("a");
  expect(() => store.reserve("r", [good], usd(1n), NaN)).toThrow(/nowMs/);
  expect(() =>
    store.reserve("r", [good, limitOf("b", { window: "day", timeZone: "Not/AZone" })], usd(1n), NOW),
  ).toThrow();
  expect(store.read(good, NOW).reserved).toBe(0n);
});

test("a sweep drops ended windows that hold nothing, and only those", () => {
  const store = new MemoryCounterStore();
  const minute = limitOf("minute", { window: "minute" });
  const life = limitOf("life");
  const roll = limitOf("roll", { window: "rolling_24h" });
  store.reserve("open", [minute, life], usd(1n), NOW);
  for (let i = 1; i <= 30; i++) {
    store.reserve(`r${i}`, [minute, life, roll], usd(1n), NOW + i * 60_000);
    store.settle(`r${i}`, usd(1n));
  }
  const sizeBefore = [...store.dump()].length;
  expect(store.sweep(NOW + 31 * 60_000)).toBe(0);
  expect(store.sweep(NOW + 20 * HOUR_MS)).toBe(30);
  expect([...store.dump()].length).toBe(sizeBefore - 30);
  expect(store.read(roll, NOW + 20 * HOUR_MS).settled).toBe(30n);
  expect(store.settle("open", usd(1n))).toHaveLength(2);
  store.sweep(NOW + 48 * HOUR_MS);
  expect([...store.dump()]).toEqual([{ limitId: life.id, windowId: "lifetime", settled: 31n, reserved: 0n }]);
  expect(store.audit()).toEqual([]);
});

test("lifetime counters that nobody uses are laid down as one amount each, and hold all the same when their session comes back", () => {
  const SESSIONS = 20_000;
  const ofSession = (i: number): Limit => ({ ...limitOf(`session-${i}`, { amount: 10n }), derived: true });
  const store = new MemoryCounterStore();
  for (let i = 0; i < SESSIONS; i++) {
    store.reserve(`r${i}`, [ofSession(i)], usd(9n), NOW);
    store.settle(`r${i}`, usd(7n));
  }
  store.reserve("open", [ofSession(1)], usd(1n), NOW);
  expect(store.awakeCount).toBe(SESSIONS);
  for (let pass = 0; pass < 3; pass++) store.sweep(NOW + HOUR_MS);
  expect(store.awakeCount).toBe(1);
  expect([...store.dump()]).toHaveLength(SESSIONS);
  expect(store.read(ofSession(1), NOW)).toMatchObject({ settled: 7n, reserved: 1n });
  expect(store.reserve("more", [ofSession(2)], usd(4n), NOW).outcome).toBe("refused");
  expect(store.reserve("fits", [ofSession(2)], usd(3n), NOW).outcome).toBe("reserved");
  store.seed(ofSession(3).id, "lifetime", 10n);
  expect(store.reserve("spent", [ofSession(3)], usd(1n), NOW).outcome).toBe("refused");
  expect(store.audit()).toEqual([]);
});

test("a limit that was made keeps its version while it is idle: an older call does not bring an old amount back", () => {
  const store = new MemoryCounterStore();
  const old = limitOf("made", { amount: 100n, version: 1 });
  store.reserve("r", [old], usd(5n), NOW);
  store.settle("r", usd(5n));
  store.changeLimit({ ...old, amount: 5n, version: 2 });
  for (let pass = 0; pass < 3; pass++) store.sweep(NOW);
  expect(store.reserve("late", [old], usd(1n), NOW).outcome).toBe("refused");
});

test("a clock that steps back past a sweep never gets a swept window anew", () => {
  const store = new MemoryCounterStore();
  const limit = limitOf("a", { amount: 10n, window: "hour" });
  store.reserve("r", [limit], usd(10n), NOW);
  store.settle("r", usd(10n));
  store.sweep(NOW + 3 * HOUR_MS);
  store.reserve("r2", [limit], usd(10n), NOW + 3 * HOUR_MS);
  expect(store.reserve("r3", [limit], usd(10n), NOW).outcome).toBe("reserved");
  expect(store.reserve("r4", [limit], usd(1n), NOW).outcome).toBe("refused");
});

test("an ended reservation is remembered for ten minutes, and a hundred thousand of them", () => {
  const store = new MemoryCounterStore();
  const limit = limitOf("a", { amount: 10_000_000n });
  store.reserve("first", [limit], usd(2n), NOW);
  store.settle("first", usd(1n));
  for (let i = 0; i < 99_999; i++) {
    store.reserve(`r${i}`, [limit], usd(1n), NOW);
    store.settle(`r${i}`, usd(1n));
  }
  expect(store.settle("first", usd(1n))).toHaveLength(1);
  store.reserve("one more", [limit], usd(1n), NOW);
  store.settle("one more", usd(1n));
  expect(() => store.settle("first", usd(1n))).toThrow(/unknown/);
  store.sweep(NOW + 600_001);
  expect(() => store.settle("one more", usd(1n))).toThrow(/unknown/);
});

test("a refused call on a limit never seen leaves nothing behind", () => {
  const store = new MemoryCounterStore();
  for (let i = 0; i < 100; i++) store.reserve(`r${i}`, [limitOf(`s${i}`, { amount: 1n })], usd(2n), NOW);
  expect([...store.dump()]).toEqual([]);
});

test("the audit names a hard limit that is exceeded without an overrun", () => {
  const store = new MemoryCounterStore();
  const limit = { ...limitOf("a", { amount: 10n }) };
  store.reserve("r", [limit], usd(8n), NOW);
  expect(store.audit()).toEqual([]);
  // Behind the store's back, as only a bug could.
  limit.amount = 7n;
  expect(store.audit()).toEqual(["lim_a lifetime: 0 + 8 is above 7"]);
});

test("the worst overspend is remembered when a sweep has seen it; a limit that is lowered and an overrun are none", () => {
  const store = new MemoryCounterStore();
  const [lowered, overrun] = [limitOf("b", { amount: 10n }), limitOf("c", { amount: 10n })];
  store.reserve("1", [lowered, overrun], usd(8n), NOW);
  store.changeLimit({ ...lowered, amount: 5n, version: 2 });
  store.settle("1", usd(20n));
  store.sweep(NOW);
  expect(store.overspendMax).toBe(0n);
  const limit = { ...limitOf("a", { amount: 10n }) };
  store.reserve("2", [limit], usd(8n), NOW);
  limit.amount = 5n;
  store.sweep(NOW);
  limit.amount = 7n;
  store.sweep(NOW);
  store.sweep(NOW);
  expect(store.overspendMax).toBe(3n);
});
