import type { Limit } from "@tollhouse/engine";
import { expect, test } from "vitest";
import { OverspendWatch } from "./overspend-watch.ts";

const window = { id: "lifetime", startMs: 0, endMs: Infinity };
const limit = (mode: Limit["mode"], amount: bigint): Limit =>
  ({ id: "lim_a", mode, amount, measure: "usd", window: "lifetime" }) as Limit;

test("the most that a hard limit stood above its amount is remembered; a soft one, and one that is just full, is no overspend", () => {
  const watch = new OverspendWatch();
  watch.see([
    { limit: limit("hard", 10n), window, settled: 4n, reserved: 6n },
    { limit: limit("soft", 10n), window, settled: 40n, reserved: 6n },
  ]);
  expect(watch.worst).toBe(0n);
  for (const reserved of [7n, 9n, 8n]) watch.see([{ limit: limit("hard", 10n), window, settled: 4n, reserved }]);
  expect(watch.worst).toBe(3n);
});
