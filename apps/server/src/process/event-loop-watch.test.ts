import { expect, test } from "vitest";
import { createLagJudge, watchEventLoop } from "./event-loop-watch.ts";

function judged(lags: readonly number[], lagMsMax = 200): boolean[] {
  const told: boolean[] = [];
  const judge = createLagJudge(lagMsMax, (behind) => told.push(behind));
  for (const lag of lags) judge(lag);
  return told;
}

test("one spike is nothing, however long it was, and as often as it comes alone", () => {
  expect(judged([0, 60_000, 0, 60_000, 10, 900, 0])).toEqual([]);
});

test("a second of lag is told once, and so is its end", () => {
  expect(judged([0, 201, 201, 500, 500, 0, 0])).toEqual([true, false]);
});

test("what is at the bound is not behind, and a bound of 0 is none", () => {
  expect(judged([200, 200, 200])).toEqual([]);
  expect(judged([9_000, 9_000, 9_000], 0)).toEqual([]);
});

test("a loop that is kept busy is seen to be behind by the time it was kept", async () => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const watch = watchEventLoop(50, resolve);
  // Turns of 150 ms, one after the other, until it is told.
  let told = false;
  void promise.then(() => (told = true));
  for (const deadline = performance.now() + 20_000; !told && performance.now() < deadline;) {
    for (const until = performance.now() + 150; performance.now() < until;);
    await new Promise((next) => setTimeout(next, 0));
  }
  expect(await promise).toBe(true);
  expect(watch.lagMs).toBeGreaterThan(50);
  watch.close();
});
