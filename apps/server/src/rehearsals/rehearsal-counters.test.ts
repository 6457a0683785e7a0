import { countedOn, rollingSlots, windowAt, type Limit } from "@tollhouse/engine";
import { expect, test } from "vitest";
import { RehearsalCounters } from "./rehearsal-counters.ts";

const START = Date.UTC(2026, 2, 27, 22, 50);
const limitOf = (window: Limit["window"], timeZone = "Europe/Berlin"): Limit =>
  countedOn({ measure: "usd", window, mode: "hard", timeZone, scope: "team" }, "a", () => `${window} ${timeZone}`);

test.each(["minute", "hour", "day", "month", "rolling_24h", "lifetime"] as const)(
  "what a %s holds is the sum of what was added in it, also where clocks change",
  (window) => {
    const limit = limitOf(window);
    const counters = new RehearsalCounters();
    const added: { atMs: number; name: string; recorded: bigint; rehearsed: bigint }[] = [];
    let seed = 11;
    let atMs = START;
    for (let i = 0; i < 400; i++) {
      seed = (seed * 48_271) % 2_147_483_647;
      atMs += window === "minute" ? seed % 20_000 : seed % 1_800_000;
      const { id: name } = windowAt(window, limit.timeZone, atMs);
      const one = { atMs, name, recorded: BigInt(seed % 1_000), rehearsed: BigInt(seed % 7) };
      counters.add(limit, atMs, one.recorded, one.rehearsed);
      added.push(one);
      const { oldest } = rollingSlots(atMs);
      const inside = added.filter((other) =>
        window === "rolling_24h" ? Number(other.name) >= oldest : other.name === name,
      );
      const sum = (of: (one: (typeof added)[number]) => bigint): bigint =>
        inside.reduce((all, each) => all + of(each), 0n);
      expect(counters.at(limit, atMs)).toEqual({
        recorded: sum(({ recorded }) => recorded),
        rehearsed: sum(({ rehearsed }) => rehearsed),
        atLeast: false,
      });
    }
  },
);

test("a use that nobody knows is remembered until its window ends, and never nothing", () => {
  const counters = new RehearsalCounters();
  for (const window of ["hour", "rolling_24h"] as const) {
    counters.add(limitOf(window), START, 0n, null);
    expect(counters.at(limitOf(window), START + 1)).toEqual({ recorded: 0n, rehearsed: 0n, atLeast: true });
    expect(counters.at(limitOf(window), START + 25 * 3_600_000).atLeast).toBe(false);
  }
});

test("more values than may be held are refused, and not left out", () => {
  const counters = new RehearsalCounters(2);
  for (const id of ["a", "b"]) counters.add({ ...limitOf("day"), id }, START, 1n, 1n);
  expect(() => counters.add({ ...limitOf("day"), id: "c" }, START, 1n, 1n)).toThrow(/more than 2/);
});
