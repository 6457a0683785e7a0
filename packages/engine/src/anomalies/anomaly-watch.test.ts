import fc from "fast-check";
import { expect, test } from "vitest";
import type { AnomalyRule } from "./anomaly-rule.ts";
import { AnomalyWatch, type ScopeBound } from "./anomaly-watch.ts";

const START = Date.UTC(2026, 10, 21, 9);

function ruleOf(over: Partial<AnomalyRule>): AnomalyRule {
  return {
    id: "anr_1",
    kind: "burst",
    per: "session",
    threshold: 3n,
    windowSeconds: 10,
    action: "block",
    freezeSeconds: null,
    version: 1,
    ...over,
  };
}

function watchOf(over: Partial<AnomalyRule>, bound: ScopeBound = { scopesMax: () => 1_000 }): AnomalyWatch {
  return new AnomalyWatch(ruleOf(over), bound);
}

interface Asked {
  readonly atMs: number;
  readonly value: string;
  readonly fingerprint: string;
  readonly nano: bigint;
}

const asked: fc.Arbitrary<readonly Asked[]> = fc
  .array(
    fc.record({
      gapMs: fc.oneof(fc.nat(400), fc.nat(3_000), fc.nat(30_000)),
      value: fc.constantFrom("a", "b"),
      fingerprint: fc.constantFrom("x", "x", "x", "y"),
      nano: fc.bigInt(0n, 40n),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let atMs = START;
    return steps.map(({ gapMs, ...rest }) => ({ ...rest, atMs: (atMs += gapMs) }));
  });

/** Those of the same value within `ms` before and at the moment of the last. */
function within(all: readonly Asked[], ms: number): readonly Asked[] {
  const last = all.at(-1) as Asked;
  return all.filter(({ value, atMs }) => value === last.value && atMs > last.atMs - ms);
}

/** Of those, the ones in a row at the end that are the same. */
function inARow(all: readonly Asked[]): readonly Asked[] {
  const end = all.findLastIndex(({ fingerprint }) => fingerprint !== all.at(-1)?.fingerprint);
  return all.slice(end + 1);
}

const windows = fc.integer({ min: 1, max: 60 });
const thresholds = fc.bigInt(2n, 9n);

/** Exact sums in the window, and in one that is a slot longer: what the rule may and must do is between them. */
function heldAgainst(exact: boolean, relaxed: boolean, triggered: boolean): void {
  if (exact) expect(triggered).toBe(true);
  if (triggered) expect(relaxed).toBe(true);
}

test("a burst is never missed, and is told at most a twentieth of the window too long: against every sequence of requests", () => {
  fc.assert(
    fc.property(asked, windows, thresholds, (all, windowSeconds, threshold) => {
      const watch = watchOf({ windowSeconds, threshold });
      for (const [at, one] of all.entries()) {
        const triggered = watch.look(one.value, null, one.atMs) !== null;
        const count = (ms: number): boolean => within(all.slice(0, at + 1), ms).length >= threshold;
        heldAgainst(count(windowSeconds * 1_000), count(windowSeconds * 1_050 + 1), triggered);
      }
    }),
  );
});

test("a loop is the same request so often in a row: never missed, and never told of different ones", () => {
  fc.assert(
    fc.property(asked, windows, thresholds, (all, windowSeconds, threshold) => {
      const watch = watchOf({ kind: "loop", windowSeconds, threshold });
      for (const [at, one] of all.entries()) {
        const triggered = watch.look(one.value, one.fingerprint, one.atMs) !== null;
        const own = all.slice(0, at + 1).filter(({ value }) => value === one.value);
        const count = (ms: number): boolean => within(inARow(own), ms).length >= threshold;
        heldAgainst(count(windowSeconds * 1_000), count(windowSeconds * 1_050 + 1), triggered);
      }
    }),
  );
});

test("spend a minute is never missed: what calls cost and what open ones hold, to the nano-dollar", () => {
  fc.assert(
    fc.property(asked, fc.integer({ min: 60, max: 90 }), thresholds, (all, windowSeconds, threshold) => {
      const watch = watchOf({ kind: "velocity", windowSeconds, threshold });
      const open = new Map<string, bigint>();
      const spent: Asked[] = [];
      for (const [at, one] of all.entries()) {
        const triggered = watch.look(one.value, null, one.atMs) !== null;
        const sum = (ms: number): bigint =>
          within([...spent, { ...one, nano: 0n }], ms).reduce(
            (total, { nano }) => total + nano,
            open.get(one.value) ?? 0n,
          );
        const over = (ms: number): boolean => sum(ms) * 60n >= threshold * BigInt(windowSeconds);
        heldAgainst(over(windowSeconds * 1_000), over(windowSeconds * 1_050 + 1), triggered);
        // Every third call stays open for good.
        const track = watch.hold(one.value, one.nano, one.atMs);
        if (at % 3 === 0) open.set(one.value, (open.get(one.value) ?? 0n) + one.nano);
        else {
          watch.release(track, one.nano);
          watch.spent(one.value, one.nano, one.atMs);
          spent.push(one);
        }
      }
    }),
  );
});

test("the wait it tells is exact: at that moment the request passes, and a slot earlier it does not", () => {
  fc.assert(
    fc.property(asked, windows, thresholds, (all, windowSeconds, threshold) => {
      const played = (): AnomalyWatch => {
        const watch = watchOf({ windowSeconds, threshold });
        for (const one of all) watch.look("a", null, one.atMs);
        return watch;
      };
      const last = all.at(-1)?.atMs ?? START;
      const wait = played().look("a", null, last)?.waitMs ?? null;
      if (wait === null) return;
      const after = (ms: number): boolean => {
        const watch = played();
        watch.look("a", null, last);
        return watch.look("a", null, last + ms) === null;
      };
      expect([after(wait - 1), after(wait)]).toEqual([false, true]);
    }),
  );
});

test("a request that nobody knows is neither counted to a loop nor ends it", () => {
  const watch = watchOf({ kind: "loop" });
  const looked = ["x", "x", null, "x"].map((fingerprint) => watch.look("s", fingerprint, START) !== null);
  expect(looked).toEqual([false, false, false, true]);
});

test("a rule that is changed goes on with what it counted; of another window it counts from nothing", () => {
  const watch = watchOf({ threshold: 5n });
  for (let i = 0; i < 3; i++) expect(watch.look("s", null, START)).toBeNull();
  watch.change(ruleOf({ threshold: 4n, version: 2 }));
  expect(watch.look("s", null, START)).toMatchObject({ sum: 4n });
  watch.change(ruleOf({ threshold: 4n, windowSeconds: 20, version: 3 }));
  for (let i = 0; i < 3; i++) expect(watch.look("s", null, START)).toBeNull();
  expect(watch.look("s", null, START)).toMatchObject({ sum: 4n });
});

test("a value that is forgotten starts anew, and calls that were open before do not count for it", () => {
  const watch = watchOf({ kind: "velocity", windowSeconds: 60, threshold: 100n });
  const track = watch.hold("s", 60n, START);
  watch.spent("s", 50n, START);
  expect(watch.look("s", null, START)).toMatchObject({ sum: 110n });
  watch.forget("s", track);
  watch.release(track, 60n);
  expect(watch.look("s", null, START)).toBeNull();
  watch.spent("s", 99n, START);
  expect(watch.look("s", null, START)).toBeNull();
  expect(() => watch.release(track, 1n)).toThrow("more was released than was held");
});

test("a scope near its threshold is remembered through a flood of others; the flood is bounded and counted", () => {
  let evicted = 0;
  const watch = watchOf({ threshold: 10n }, { scopesMax: () => 500, onEvicted: () => (evicted += 1) });
  for (let i = 0; i < 9; i++) watch.look("near", null, START);
  for (let i = 0; i < 20_000; i++) watch.look(`flood-${i}`, null, START);
  expect([watch.scopes, evicted]).toEqual([500, 19_501]);
  expect(watch.look("near", null, START + 9_999)).toMatchObject({ sum: 10n });
});

test("what a call holds outlasts the window, and the table's own forgetting", () => {
  const watch = watchOf({ kind: "velocity", windowSeconds: 60, threshold: 100n });
  const track = watch.hold("long", 30n, START);
  for (let minute = 1; minute < 20; minute++) watch.spent("other", 1n, START + minute * 60_000);
  const later = START + 20 * 60_000;
  watch.spent("long", 70n, later);
  expect(watch.look("long", null, later)).toMatchObject({ sum: 100n });
  watch.release(track, 30n);
  expect(watch.look("long", null, later)).toBeNull();
});
