import { createLimitSnapshot, windowAt, type Limit } from "@tollhouse/engine";
import { MODES, WINDOWS, type WindowKind } from "@tollhouse/contract";
import { expect, test } from "vitest";
import { limitSeenOf, limitSeenTexts } from "./limit-seen-text.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);

function limitOf(window: WindowKind, over: Partial<Limit> = {}): Limit {
  const rest = { measure: "usd", amount: 10_000_000_000n, mode: "hard", version: 3, derived: false } as const;
  return { id: "lim_a", scope: "session:run 42 | x", timeZone: "Europe/Berlin", window, ...rest, ...over };
}

test.each(WINDOWS)("a limit by %s comes back as it stood, with the end of its window", (kind) => {
  const window = windowAt(kind, "Europe/Berlin", NOW);
  const [text = ""] = limitSeenTexts([{ limit: limitOf(kind), window, settled: 7_500_000_000n, reserved: 1n }]);
  expect(limitSeenOf(text)).toEqual({
    limitId: "lim_a",
    scope: "session",
    measure: "usd",
    window: kind,
    mode: "hard",
    version: 3,
    endsUs: window.endMs === Infinity ? null : BigInt(window.endMs) * 1000n,
    amount: 10_000_000_000n,
    settled: 7_500_000_000n,
    reserved: 1n,
  });
});

test("the value of a scope is not in it: a user is a pseudonym in the ledger", () => {
  const limit = limitOf("lifetime", { scope: "user:alice@example.com" });
  const [text] = limitSeenTexts([{ limit, window: windowAt("lifetime", "UTC", NOW), settled: 0n, reserved: 0n }]);
  expect(text).not.toContain("alice");
});

test("a changed limit is told as it is now, not as it was first seen", () => {
  const window = windowAt("lifetime", "UTC", NOW);
  const seen = MODES.map((mode, i) => {
    const limits = [limitOf("lifetime", { mode, version: i + 1, amount: BigInt(i) })];
    const snapshot = createLimitSnapshot({ version: 1, limits, defaultSessionBudget: null });
    const limit = snapshot.byId("lim_a") as Limit;
    return limitSeenOf(limitSeenTexts([{ limit, window, settled: 0n, reserved: 0n }])[0] ?? "");
  });
  expect(seen.map(({ mode, version, amount }) => [mode, version, amount])).toEqual([
    ["hard", 1, 0n],
    ["soft", 2, 1n],
  ]);
});
