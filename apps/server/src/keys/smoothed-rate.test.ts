import fc from "fast-check";
import { expect, test } from "vitest";
import { SmoothedRate } from "./smoothed-rate.ts";

const START = Date.UTC(2026, 10, 21);

/** Counts the amount if it fits. */
function take(rate: SmoothedRate, amount: number, nowMs: number): boolean {
  if (rate.waitMs(amount, nowMs) > 0) return false;
  rate.add(amount, nowMs);
  return true;
}

test("a minute's worth fits at once, and then one by one as it drains", () => {
  const rate = new SmoothedRate(60);
  for (let i = 0; i < 60; i++) expect(take(rate, 1, START)).toBe(true);
  expect(rate.waitMs(1, START)).toBe(1_000);
  expect(take(rate, 1, START + 999)).toBe(false);
  expect(take(rate, 1, START + 1_000)).toBe(true);
  expect(rate.waitMs(1, START + 1_000)).toBe(1_000);
  expect(rate.waitMs(30, START + 1_000)).toBe(30_000);
});

test("no window of any length lets more through than a minute's worth and what drained in it", () => {
  const steps = fc.array(fc.record({ gapMs: fc.nat(5_000), amount: fc.integer({ min: 1, max: 40 }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.integer({ min: 40, max: 5_000 }), steps, (perMinute, asks) => {
      const rate = new SmoothedRate(perMinute);
      let nowMs = START;
      const taken: [number, number][] = [];
      for (const { gapMs, amount } of asks) {
        nowMs += gapMs;
        if (take(rate, amount, nowMs)) taken.push([nowMs, amount]);
      }
      for (const [i, [fromMs]] of taken.entries()) {
        let sum = 0;
        for (const [atMs, amount] of taken.slice(i)) {
          sum += amount;
          expect(sum * 60_000).toBeLessThanOrEqual(perMinute * (60_000 + atMs - fromMs));
        }
      }
    }),
  );
});

test("the wait it tells is exact: a millisecond earlier it does not fit", () => {
  const state = fc.record({
    perMinute: fc.integer({ min: 1, max: 1_000_000_000 }),
    held: fc.nat(2_000_000_000),
    amount: fc.integer({ min: 1, max: 2_000_000_000 }),
  });
  fc.assert(
    fc.property(state, ({ perMinute, held, amount }) => {
      const rate = new SmoothedRate(perMinute);
      rate.add(held, START);
      const wait = rate.waitMs(amount, START);
      if (wait > 0) expect(rate.waitMs(amount, START + wait - 1)).toBe(1);
      expect(rate.waitMs(amount, START + wait)).toBe(0);
    }),
  );
});

test("more than a minute's worth fits where nothing is held, and is waited for afterwards", () => {
  const rate = new SmoothedRate(100);
  expect(take(rate, 250, START)).toBe(true);
  expect(rate.waitMs(1, START)).toBe(60_000 + 30_600);
  expect(rate.waitMs(250, START)).toBe(150_000);
});

test("what was counted too much is given back, and never more than was held", () => {
  const rate = new SmoothedRate(100);
  rate.add(100, START);
  rate.add(-90, START);
  expect(rate.waitMs(90, START)).toBe(0);
  expect(rate.waitMs(91, START)).toBe(600);
  rate.add(-1_000, START);
  rate.add(100, START);
  expect(rate.waitMs(1, START)).toBe(600);
});

test("a clock that goes back refills nothing", () => {
  const rate = new SmoothedRate(60);
  rate.add(60, START);
  expect(rate.waitMs(1, START - 600_000)).toBe(1_000);
  expect(rate.waitMs(1, START)).toBe(1_000);
});
