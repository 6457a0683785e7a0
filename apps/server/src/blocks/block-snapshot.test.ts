import type { BlockKind } from "@tollhouse/contract";
import type { Block } from "@tollhouse/store";
import { expect, test } from "vitest";
import { BlockSnapshot, type StoppableCall } from "./block-snapshot.ts";

const NOW = Date.UTC(2026, 10, 21, 12);

let ids = 0;
function block(kind: BlockKind, scope: string, expiresMs: number | null = null): Block {
  return { id: `b_${++ids}`, kind, scope, reason: "r", operator: "admin-key", createdMs: NOW, expiresMs };
}

const kill = (scope: string, expiresMs?: number): Block => block("kill_switch", scope, expiresMs);

const CALL: StoppableCall = {
  dimensions: { user: "u", customer: "c", service: "sv", agent: "a", feature: "f", session: "s", team: "t" },
  provider: "openai",
  key: "key_1",
  model: "gpt-4o-mini",
  otherModels: ["gpt-4o"],
};

/** Which scope decides, as the call path asks: step 2, then step 3. */
function decided(snapshot: BlockSnapshot, call: StoppableCall = CALL, nowMs = NOW): string | null {
  const found = snapshot.killSwitchOn(call, nowMs) ?? snapshot.blockOn(call, nowMs);
  return found === null ? null : `${found.kind} ${found.scope}`;
}

test("the order of precedence is fixed, whatever order the blocks were made in", () => {
  const ORDER = [
    ["kill_switch", "org"],
    ["kill_switch", "provider:openai"],
    ["kill_switch", "model:gpt-4o-mini"],
    ["kill_switch", "service:sv"],
    ["kill_switch", "agent:a"],
    ["kill_switch", "user:u"],
    ["kill_switch", "feature:f"],
    ["kill_switch", "customer:c"],
    ["kill_switch", "key:key_1"],
    ["blocklist", "user:u"],
    ["blocklist", "customer:c"],
    ["blocklist", "key:key_1"],
    ["frozen_session", "session:s"],
  ] as const;
  for (const turned of [false, true]) {
    const made = ORDER.map(([kind, scope]) => block(kind, scope));
    let snapshot = BlockSnapshot.of(turned ? made.toReversed() : made);
    for (const [i, [kind, scope]] of ORDER.entries()) {
      expect(decided(snapshot)).toBe(`${kind} ${scope}`);
      snapshot = snapshot.without(made[i] as Block);
    }
    expect(decided(snapshot)).toBeNull();
    expect(snapshot.empty).toBe(true);
  }
});

test("a call without the value, or with another one, is not stopped", () => {
  const scopes = ["provider:anthropic", "model:gpt-4", "service:SV", "agent:a ", "user:", "feature:ff", "key:key_11"];
  const snapshot = BlockSnapshot.of(scopes.filter((scope) => !scope.endsWith(":")).map((scope) => kill(scope)));
  expect(decided(snapshot)).toBeNull();
  const bare = { dimensions: {}, provider: "openai", key: null, model: null, otherModels: [] };
  const named = ["user:u", "agent:a", "key:key_1", "model:gpt-4o-mini"].map((scope) => kill(scope));
  expect(decided(BlockSnapshot.of(named), bare)).toBeNull();
  // Names of what every object has are values like others.
  expect(decided(BlockSnapshot.of([kill("user:constructor"), kill("agent:__proto__")]))).toBeNull();
});

test("a model that may only serve as a fallback is stopped too", () => {
  expect(decided(BlockSnapshot.of([kill("model:gpt-4o")]))).toBe("kill_switch model:gpt-4o");
});

test("a block holds to the millisecond before its expiry, and one without an end beside it goes on", () => {
  const snapshot = BlockSnapshot.of([kill("agent:a", NOW + 1_000)]);
  expect(decided(snapshot, CALL, NOW + 999)).toBe("kill_switch agent:a");
  expect(decided(snapshot, CALL, NOW + 1_000)).toBeNull();
  expect([...snapshot.all("kill_switch")]).toHaveLength(1);
  const both = snapshot.with(kill("agent:a"));
  expect(decided(both, CALL, NOW + 1_000)).toBe("kill_switch agent:a");
  // The first rule is over; the next in the order decides.
  expect(decided(snapshot.with(block("blocklist", "user:u")), CALL, NOW + 1_000)).toBe("blocklist user:u");
});

test("a snapshot never changes: `with` and `without` answer others", () => {
  const one = kill("agent:a");
  const first = BlockSnapshot.of([]);
  const second = first.with(one);
  const third = second.without(one);
  expect([first, second, third].map((snapshot) => decided(snapshot))).toEqual([null, "kill_switch agent:a", null]);
  expect([first.empty, second.empty, third.empty]).toEqual([true, false, true]);
  expect([second.byId(one.id), third.byId(one.id), [...third.all("kill_switch")]]).toEqual([one, null, []]);
  // Taken out twice is taken out once.
  expect(third.without(one)).toBe(third);
});

test("the body is only waited for while a model is switched off", () => {
  const model = kill("model:x");
  const snapshot = BlockSnapshot.of([kill("org"), model]);
  expect([snapshot.stopsModels, snapshot.without(model).stopsModels]).toEqual([true, false]);
});

test("among 100,000 blocks each finds its own, and one that is added or lifted is found or gone", () => {
  const many = Array.from({ length: 100_000 }, (_, i) => block("blocklist", `user:${i}`));
  let snapshot = BlockSnapshot.of(many);
  const by = (user: string): string | null => decided(snapshot, { ...CALL, dimensions: { user } });
  for (const i of [0, 1, 49_999, 99_999]) expect(by(String(i))).toBe(`blocklist user:${i}`);
  expect([by("100000"), by("-1"), by("01")]).toEqual([null, null, null]);
  snapshot = snapshot.with(block("blocklist", "user:100000")).without(many[7] as Block);
  expect([by("100000"), by("7"), by("8")]).toEqual(["blocklist user:100000", null, "blocklist user:8"]);
});
