import { countedOn, createLimitSnapshot, compilePolicies, windowAt, type Limit } from "@tollhouse/engine";
import type { LimitSeen } from "@tollhouse/ledger";
import { MemoryCounterStore, type CallAnswer } from "@tollhouse/store";
import type { DecisionPolicy, PolicyVersion } from "@tollhouse/contract";
import { expect, test } from "vitest";
import { limitNow, type InForce } from "./limit-now.ts";

const NOW = Date.UTC(2026, 10, 21, 6, 30);
const idOf: Parameters<typeof countedOn>[2] = (slot, scope, value) => `lim_${slot} ${scope}:${value}`;
const call = {
  provider: "openai",
  model: "gpt-4o",
  key: null,
  dimensions: { session: "s", user: "ann", customer: "acme" },
} as unknown as CallAnswer;

function seenOf({ id, scope, measure, window, mode, version, amount }: Limit): LimitSeen {
  const kind = scope.split(":", 1)[0] as LimitSeen["scope"];
  const words = { limitId: id, scope: kind, measure, window, mode, version, amount };
  return { ...words, endsUs: null, settled: 0n, reserved: 0n };
}

function inForce(policies: readonly PolicyVersion[], counters = new MemoryCounterStore()): InForce {
  const snapshot = createLimitSnapshot({ version: 1, limits: [], defaultSessionBudget: 10_000n });
  // Nobody remembers what was derived: the process was started anew.
  const limits = { find: () => null, snapshot };
  return { limits, policies: { snapshot: compilePolicies(policies), idOf }, standing: counters, now: () => NOW };
}

const version = (part: object): PolicyVersion => ({
  id: "pol_1",
  version: 3,
  created_at: new Date(NOW).toISOString(),
  name: "p",
  attach: "default",
  priority: 0,
  mode: "enforce",
  limits: [{ measure: "usd", amount: "2", window: "day", mode: "hard", scope: "user" }],
  ...part,
});
const given = (...policies: readonly string[]): DecisionPolicy =>
  ({ values: policies.map((policy) => ({ setting: "limits", policy, version: 1 })) }) as unknown as DecisionPolicy;
const day = { measure: "usd", window: "day", mode: "hard", timeZone: "UTC", scope: "user" } as const;

test("the default budget of a session is found by the session, also where nobody remembers it", async () => {
  const counters = new MemoryCounterStore();
  const now = inForce([], counters);
  const [limit] = now.limits.snapshot.match({ dimensions: { session: "s" }, model: "", provider: "", key: null }) as [
    Limit,
  ];
  counters.seed(limit.id, "lifetime", 4_000n);
  expect(await limitNow(now, seenOf(limit), call, null)).toMatchObject({
    amount: "0.000010000",
    settled: "0.000004000",
    remaining: "0.000006000",
  });
});

test("a limit of a policy is what the policy says now, over what its counter has now", async () => {
  const counters = new MemoryCounterStore();
  const seen = seenOf(countedOn(day, "ann", idOf));
  counters.seed(seen.limitId, windowAt("day", "UTC", NOW).id, 500_000_000n);
  const answer = await limitNow(inForce([version({})], counters), seen, call, given("pol_1"));
  expect(answer).toEqual({
    version: 3,
    mode: "hard",
    amount: "2.000000000",
    settled: "0.500000000",
    reserved: "0.000000000",
    remaining: "1.500000000",
    resets_at: "2026-11-22T00:00:00.000Z",
  });
});

test.each([
  ["the policy is gone", []],
  ["it has no such limit any more", [version({ limits: undefined })]],
  ["its window is another", [version({ limits: [{ ...day, amount: "2", window: "hour", timeZone: undefined }] })]],
  ["it is only observed", [version({ mode: "observe" })]],
])("nothing is said to hold where %s", async (_, policies) => {
  const documents = policies.map((one) => JSON.parse(JSON.stringify(one)) as PolicyVersion);
  expect(await limitNow(inForce(documents), seenOf(countedOn(day, "ann", idOf)), call, given("pol_1"))).toBeNull();
});

test("of a plan it is found by whoever was on it, and of two givers the one that gave this version goes first", async () => {
  const limits = [{ measure: "usd", amount: "7", window: "day", mode: "hard" }];
  const plan = version({ id: "pol_2", version: 1, attach: { plan: "pro" }, limits });
  const customer = seenOf(countedOn({ ...day, scope: "customer" }, "acme", idOf));
  expect(await limitNow(inForce([plan]), customer, call, given("pol_2"))).toMatchObject({ amount: "7.000000000" });
  const user = seenOf(countedOn(day, "ann", idOf));
  const both = inForce([version({}), plan]);
  expect(await limitNow(both, { ...user, version: 1 }, call, given("pol_1", "pol_2"))).toMatchObject({
    amount: "2.000000000",
  });
});
