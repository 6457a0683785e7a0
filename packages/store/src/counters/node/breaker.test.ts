import { expect, test } from "vitest";
import { CountersUnavailable } from "../shared-counters.ts";
import { Breaker, NotAsked } from "./breaker.ts";

const slow = new CountersUnavailable("slow", "no answer");
const fenced = new CountersUnavailable("fenced", "closed");

test("three answers in a row that do not come, over half a second, open it; one question a second goes through, and an answer closes it", () => {
  const breaker = new Breaker();
  breaker.failed(slow, 0);
  breaker.failed(slow, 600);
  breaker.answered();
  for (const atMs of [1_000, 1_250, 1_500]) {
    breaker.pass(atMs);
    breaker.failed(slow, atMs);
  }
  expect(breaker.open).toBe(true);
  expect(() => breaker.pass(2_499)).toThrow(NotAsked);
  breaker.pass(2_500);
  expect(() => breaker.pass(2_501)).toThrow(NotAsked);
  breaker.answered();
  expect(breaker.open).toBe(false);
  breaker.pass(2_502);
});

test("a burst whose answers are all late at once is no reason to stop asking", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 1_000; i++) breaker.failed(slow, 300 + i / 10);
  expect(breaker.open).toBe(false);
  breaker.pass(401);
});

test("a store that says that it is closed has answered", () => {
  const breaker = new Breaker();
  for (let i = 0; i < 10; i++) breaker.failed(fenced, i);
  expect(breaker.open).toBe(false);
});
