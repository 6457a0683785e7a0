import fc from "fast-check";
import { expect, test } from "vitest";
import { SlidingSum, SLOTS } from "./sliding-sum.ts";

const events = fc.array(fc.record({ gap: fc.nat(30), amount: fc.bigInt(0n, 1_000n) }), { maxLength: 80 });

test("a sum is that of its last slots and the one that has begun, to the unit, whatever the gaps", () => {
  fc.assert(
    fc.property(events, (added) => {
      const sum = new SlidingSum();
      const all: [number, bigint][] = [];
      let slot = 5;
      for (const { gap, amount } of added) {
        slot += gap;
        sum.add(amount, slot);
        all.push([slot, amount]);
        const kept = all.filter(([at]) => at >= slot - SLOTS);
        expect(sum.total(slot)).toBe(kept.reduce((total, [, one]) => total + one, 0n));
      }
    }),
  );
});

test("the slot of a rest is the first in which it is so: one earlier, more is left", () => {
  fc.assert(
    fc.property(events, fc.bigInt(0n, 2_000n), (added, most) => {
      const made = (): SlidingSum => {
        const sum = new SlidingSum();
        let slot = 0;
        for (const { gap, amount } of added) sum.add(amount, (slot += gap));
        return sum;
      };
      const last = added.reduce((slot, { gap }) => slot + gap, 0);
      if (made().total(last) <= most) return;
      const rest = made().slotOfRest(most)!;
      expect(made().total(rest)).toBeLessThanOrEqual(most);
      expect(made().total(rest - 1)).toBeGreaterThan(most);
    }),
  );
});

test("a clock that goes back makes nothing older: what is counted then stays as long as the newest", () => {
  const sum = new SlidingSum();
  sum.add(1n, 95);
  sum.add(1n, 100);
  sum.add(1n, 40);
  expect(sum.total(96 + SLOTS)).toBe(2n);
  expect(sum.total(100 + SLOTS)).toBe(2n);
  expect(sum.total(101 + SLOTS)).toBe(0n);
});
