import { expect, test } from "vitest";
import { SettledTap, type SettledCall } from "./settled-tap.ts";

const settled = (decision: string): SettledCall => ({
  decision,
  tenant: "t",
  environment: "prod",
  call: { dimensions: {}, model: "m", provider: "p", key: null },
  startedMs: 0,
  used: { usd: 1n, tokens: 1n, requests: 1n },
});
const ids = (calls: readonly SettledCall[]): string[] => calls.map((call) => call.decision);

test("each listener hears what settles between its start and its stop, whoever else listens", () => {
  const tap = new SettledTap();
  expect(tap.open).toBe(false);
  tap.push(settled("before"));
  const one = tap.listen();
  tap.push(settled("a"));
  const two = tap.listen();
  tap.push(settled("b"));
  tap.stop(one);
  expect(tap.open).toBe(true);
  tap.push(settled("c"));
  tap.stop(two);
  tap.push(settled("after"));
  expect([ids(one), ids(two), tap.open]).toEqual([["a", "b"], ["b", "c"], false]);
});

test("stopping twice stops nobody else", () => {
  const tap = new SettledTap();
  const one = tap.listen();
  const two = tap.listen();
  tap.stop(one);
  tap.stop(one);
  tap.push(settled("a"));
  expect(ids(two)).toEqual(["a"]);
});
