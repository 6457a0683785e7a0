import { describe, expect, test } from "vitest";
import type { Exchange } from "./exchange.ts";
import { RunningCalls } from "./running-calls.ts";

/** The registry looks at nothing but the place. */
function call(): Exchange {
  return { place: null } as unknown as Exchange;
}

describe("RunningCalls", () => {
  test("holds exactly the calls that were added and not taken out, in whatever order they end", () => {
    const calls = Array.from({ length: 6 }, call);
    const running = new RunningCalls();
    const expected = new Set<Exchange>();
    for (const one of calls) {
      running.add(one);
      expected.add(one);
    }
    for (const at of [5, 0, 3, 1, 4, 2]) {
      expect(running.delete(calls[at] as Exchange)).toBe(true);
      expected.delete(calls[at] as Exchange);
      const held = [...running];
      expect(held).toHaveLength(expected.size);
      expect(held.every((one) => expected.has(one))).toBe(true);
    }
  });

  test("a call is taken out once: the second time changes nothing", () => {
    const running = new RunningCalls();
    const [first, second] = [call(), call()];
    running.add(first);
    running.add(second);
    expect(running.delete(first)).toBe(true);
    expect(running.delete(first)).toBe(false);
    expect([...running]).toEqual([second]);
  });

  test("ending all calls while going through them leaves none out", () => {
    const running = new RunningCalls();
    for (let n = 0; n < 5; n++) running.add(call());
    let ended = 0;
    for (const one of running) if (running.delete(one)) ended++;
    expect(ended).toBe(5);
    expect([...running]).toEqual([]);
  });
});
