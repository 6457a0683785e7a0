import { expect, test } from "vitest";
import { sampleLimit, SAMPLE_MS } from "../gateway/sample-call.ts";
import type { SettledCall } from "./settled-tap.ts";
import { addSettled } from "./starting-amounts.ts";

let calls = 0;
function call(over: Partial<SettledCall> = {}, dimensions = { team: "a" }): SettledCall {
  return {
    decision: `${++calls}`,
    tenant: "t",
    environment: "prod",
    call: { dimensions, model: "m", provider: "p", key: null },
    startedMs: SAMPLE_MS,
    used: { usd: 7n, tokens: 3n, requests: 1n },
    ...over,
  };
}

test.each([
  ["usd", 14n],
  ["tokens", 6n],
  ["requests", 2n],
] as const)("%s are added in their own unit", (measure, sum) => {
  const limit = sampleLimit({ scope: "team:a", measure });
  expect([...addSettled(limit, new Map([["lifetime", 0n]]), [call(), call()])]).toEqual([["lifetime", sum]]);
});

test("only calls under the limit count, and what was there stays", () => {
  const recorded = new Map([["lifetime", 100n]]);
  const added = addSettled(sampleLimit({ scope: "team:a" }), recorded, [call(), call({}, { team: "b" })]);
  expect([...added]).toEqual([["lifetime", 107n]]);
  // What was read from the database is not changed.
  expect(recorded.get("lifetime")).toBe(100n);
});

test("each call counts in the window it was decided in, in the limit's own zone", () => {
  const midnight = Date.UTC(2026, 10, 21);
  const settled = [call({ startedMs: midnight - 1 }), call({ startedMs: midnight })];
  expect([...addSettled(sampleLimit({ scope: "org", window: "day" }), new Map(), settled)]).toEqual([
    ["2026-11-20T00:00Z", 7n],
    ["2026-11-21T00:00Z", 7n],
  ]);
  const berlin = sampleLimit({ scope: "org", window: "day", timeZone: "Europe/Berlin" });
  expect([...addSettled(berlin, new Map(), settled)]).toEqual([["2026-11-20T23:00Z", 14n]]);
});
