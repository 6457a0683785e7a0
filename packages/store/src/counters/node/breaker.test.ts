import { expect, test } from "vitest";
import { CountersUnavailable } from "../shared-counters.ts";
import { Breaker, NotAsked } from "./breaker.ts";

const slow = new CountersUnavailable("slow", "no answer");
const fenced = new CountersUnavailable("fenced", "closed");

test("three answers in a row that do not come open it; one question a second goes through, and an answer closes it", () => {
  const breaker = new Breaker();
  breaker.failed(slow, 0);
  breaker.failed(slow, 0);
  breaker.answered();
  for (const _ of [1, 2, 3]) {
    breaker.pass(10);
    breaker.failed(slow, 10);
  }
  expect(breaker.open).toBe(true);
  expect(() => breaker.pass(1_009)).toThrow(NotAsked);
  breaker.pass(1_010);
  expect(() => breaker.pass(1_011)).toThrow(NotAsked);
  breaker.answered();
  expect(breaker.open).toBe(false);
  breaker.pass(1_012);
});

test("a store that says that it is closed has answered", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 10; i++) breaker.failed(fenced, i);
  expect(breaker.open).toBe(false);
});
