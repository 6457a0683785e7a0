import { windowAt } from "@tollhouse/engine";
import { expect, test } from "vitest";
import { limitOf } from "../counter-suite.ts";
import { SeenStates } from "./seen-states.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const state = (id: string, settled: bigint, over: Parameters<typeof limitOf>[1] = {}) => {
  const limit = limitOf(id, over);
  return { limit, window: windowAt(limit.window, limit.timeZone, NOW), settled, reserved: 0n };
};

test("the longest not seen are forgotten first, so a million sessions take no more room than some", () => {
  const seen = new SeenStates(3);
  for (const id of ["a", "b", "c", "a", "d"]) seen.note([state(id, 1n)], 0);
  expect(seen.size).toBe(3);
  expect(["a", "b", "c", "d"].map((id) => seen.at(limitOf(id), NOW) !== null)).toEqual([true, false, true, true]);
});

test("the room is unknown where one of the limits was not seen lately: unknown is not all of it", () => {
  const seen = new SeenStates();
  const [a, b] = [state("a", 10n, { amount: 50n }), state("b", 5n, { amount: 30n, mode: "hard" })];
  seen.note([a], 1_000);
  expect(seen.room([a.limit, b.limit], NOW, 0)).toBeNull();
  seen.note([b], 2_000);
  expect(seen.room([a.limit, b.limit], NOW, 1_500)).toBeNull();
  expect(seen.room([a.limit, b.limit], NOW, 1_000)).toEqual({ usd: 25n, tokens: null, requests: null });
});

test("a state is that of the limit as it is now: of two versions the newer, and a call's own amount is its own", () => {
  const seen = new SeenStates();
  seen.note([state("a", 10n, { amount: 50n, version: 3 })], 0);
  expect(seen.at(limitOf("a", { amount: 90n, version: 2 }), NOW)?.limit.amount).toBe(50n);
  expect(seen.at(limitOf("a", { amount: 20n, version: 4 }), NOW)?.limit.amount).toBe(20n);
  expect(seen.at(limitOf("a", { amount: 7n, version: 1, perCall: "held" }), NOW)?.limit.amount).toBe(7n);
});

test("what a node ends moves what it saw in that window, and never below nothing held", () => {
  const seen = new SeenStates();
  const a = { ...state("a", 10n), reserved: 5n };
  seen.note([a], 0);
  seen.move(a.limit.id, "another window", 100n, 1n);
  seen.move("not seen", a.window.id, 100n, 1n);
  seen.move(a.limit.id, a.window.id, 3n, 9n);
  expect(seen.at(a.limit, NOW)).toMatchObject({ settled: 13n, reserved: 0n });
});
