import { beforeEach, expect, test } from "vitest";
import { ScopeTable, type Closeness } from "./scope-table.ts";

/** Remembers how close it is, for as long as it is told. */
interface Remembered {
  closeness: Closeness;
}

const TURN_MS = 1_000;

let evicted: number;
let scopesMax: number;
beforeEach(() => (evicted = 0));

function tableOf(max: number): ScopeTable<Remembered> {
  scopesMax = max;
  const onEvicted = (): number => (evicted += 1);
  return new ScopeTable({
    scopesMax: () => scopesMax,
    turnMs: TURN_MS,
    closeness: ({ closeness }) => closeness,
    onEvicted,
  });
}

function put(table: ScopeTable<Remembered>, value: string, closeness: Closeness, nowMs = 0): Remembered {
  const of = table.find(value, nowMs) ?? table.add(value, { closeness });
  of.closeness = closeness;
  table.rank(value, of, nowMs);
  return of;
}

test("who is near the threshold is kept, however many others come; those are forgotten, and counted", () => {
  const table = tableOf(100);
  for (let i = 0; i < 10; i++) put(table, `near-${i}`, "near");
  for (let i = 0; i < 10_000; i++) put(table, `flood-${i}`, "calm");
  expect(table.size).toBe(100);
  expect(evicted).toBe(10_000 - 90);
  for (let i = 0; i < 10; i++) expect(table.find(`near-${i}`, 0)).toBeDefined();
  // The oldest of the others went first.
  expect([table.find("flood-9909", 0), table.find("flood-9910", 0)]).toEqual([undefined, { closeness: "calm" }]);
});

test("who was not looked for since the last turn goes before those who were", () => {
  const table = tableOf(4);
  for (const name of ["a", "b", "c", "d"]) put(table, name, "calm");
  // The turn; b and d are looked for after it.
  table.find("b", TURN_MS);
  table.find("d", TURN_MS);
  put(table, "e", "calm", TURN_MS);
  put(table, "f", "calm", TURN_MS);
  const here = ["a", "b", "c", "d", "e", "f"].filter((name) => table.find(name, TURN_MS) !== undefined);
  expect(here).toEqual(["b", "d", "e", "f"]);
});

test("where all are near, the newcomer is counted all the same, and the bound holds", () => {
  const table = tableOf(3);
  for (const name of ["a", "b", "c", "d"]) put(table, name, "near");
  expect([table.size, evicted]).toEqual([3, 1]);
  expect(table.find("d", 0)).toBeDefined();
});

test("the idle fall out by themselves within two turns; whoever still holds something stays", () => {
  const table = tableOf(100);
  for (const name of ["gone", "held"]) put(table, name, "calm");
  const near = put(table, "near", "near");
  put(table, "gone", "idle");
  near.closeness = "idle";
  for (let nowMs = TURN_MS; nowMs <= 4 * TURN_MS; nowMs += TURN_MS) table.find("other", nowMs);
  expect(table.size).toBe(1);
  expect(table.find("held", 4 * TURN_MS)).toEqual({ closeness: "calm" });
  expect(evicted).toBe(0);
});

test("what was put in another's place is not deleted for it", () => {
  const table = tableOf(1);
  const first = put(table, "a", "calm");
  put(table, "b", "calm");
  put(table, "a", "calm");
  expect(table.delete("a", first)).toBe(false);
  expect(table.find("a", 0)).toBeDefined();
});

test("a bound that shrinks is kept as others come, those near the threshold last of all", () => {
  const table = tableOf(100);
  for (let i = 0; i < 20; i++) put(table, `near-${i}`, "near");
  for (let i = 0; i < 80; i++) put(table, `calm-${i}`, "calm");
  scopesMax = 30;
  for (let i = 0; i < 70; i++) put(table, `new-${i}`, "calm");
  expect(table.size).toBe(30);
  for (let i = 0; i < 20; i++) expect(table.find(`near-${i}`, 0)).toBeDefined();
});

test("a flood costs the same for each, however many are remembered", () => {
  // Deleting at the start of a map and looking for its first again walks over all that was deleted: 100,000 of these would take minutes.
  const table = tableOf(100_000);
  for (let i = 0; i < 400_000; i++) put(table, `flood-${i}`, "calm");
  expect([table.size, evicted]).toEqual([100_000, 300_000]);
});
