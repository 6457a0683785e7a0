import { describe, expect, test } from "vitest";
import type { System, SystemNode } from "@tollhouse/contract/control-client";
import { clockCheck, ledgerCheck, runtimeCheck, systemChecks, transportCheck, type Check } from "./checks.ts";

const NODE: SystemNode = {
  id: "7c9e6679f3a84d6c9f0b2f7f8f1d6a55",
  name: "gateway-1",
  version: "0.1.0",
  address: "http://10.0.0.7:8787",
  roles: ["gateway"],
  started_at: "2026-11-21T06:30:00.000Z",
  state: "up",
  live: true,
  last_beat_at: "2026-11-21T07:00:00.000Z",
  configuration: { version: 42, behind: false },
  calls_in_flight: 3,
  reservations: 3,
  spool_bytes: 4096,
  untold: 0,
};
const REDIS = {
  reachable: true,
  latency_ms: 0.3,
  servers: ["10.0.0.9:6379"],
  problem: null,
  fence: { epoch: "1", state: "open" as const, since: "2026-11-21T06:30:00.000Z", why: "the first start" },
};
const WELL: System = {
  node: { ...NODE, counters: "redis", ready: true, waiting_for: [] },
  nodes: [NODE],
  postgresql: { embedded: false, reachable: true, latency_ms: 0.6 },
  redis: REDIS,
  spool: { bytes: 4096, bytes_max: 1_073_741_824, refusing: null },
  recorder: { bytes: 0, records: 0 },
  ledger: { chains_not_signed: 0, problem: null },
  reservations: { pending: 3, oldest_at: null },
  allowance: { of: "1.000000000", used: "0.000000000" },
  worst_overspend: "0.000000000",
};

const found = (system: Partial<System>): Check[] =>
  systemChecks({ ...WELL, ...system }).filter(({ state }) => state !== "ok");

test("where all is well, every line says so", () => {
  expect(found({})).toEqual([]);
  expect(found({ redis: null, nodes: [], allowance: null, node: { ...WELL.node, counters: "memory" } })).toEqual([]);
});

describe("what is not well is found, and says what to do", () => {
  test.each<[string, Partial<System>, Check["state"]]>([
    ["ready", { node: { ...WELL.node, ready: false, waiting_for: ["redis"] } }, "fail"],
    ["database", { postgresql: { embedded: true, reachable: false, latency_ms: null } }, "fail"],
    ["database", { postgresql: { embedded: false, reachable: true, latency_ms: 80 } }, "warn"],
    ["Redis", { redis: { ...REDIS, reachable: false, latency_ms: null } }, "fail"],
    ["Redis", { redis: { ...REDIS, fence: { ...REDIS.fence, state: "closed" } } }, "fail"],
    ["Redis", { redis: { ...REDIS, fence: null } }, "unknown"],
    ["spool", { spool: { bytes: 600, bytes_max: 1_000, refusing: null } }, "warn"],
    ["spool", { spool: { bytes: 1_000, bytes_max: 1_000, refusing: "it is full" } }, "fail"],
    ["recorder", { recorder: { bytes: 1e9, records: 1e6 } }, "warn"],
    ["nodes", { nodes: null }, "unknown"],
    ["node gateway-1", { nodes: [{ ...NODE, live: false }] }, "warn"],
    ["node gateway-1", { nodes: [{ ...NODE, configuration: { version: 1, behind: true } }] }, "warn"],
    ["versions", { nodes: [NODE, { ...NODE, name: "b", version: "0.2.0" }] }, "warn"],
    ["allowance", { allowance: { of: "1.000000000", used: "0.400000000" } }, "warn"],
    ["overspend", { worst_overspend: "0.000000001" }, "fail"],
    // Unknown is never none.
    ["overspend", { worst_overspend: null }, "unknown"],
  ])("%s: %j", (name, system, state) => {
    const [only, ...more] = found(system);
    expect([only?.name, only?.state, more]).toEqual([name, state, []]);
    expect(only?.next).toMatch(/\.$/);
  });
});

test("a node that was stopped is not missed", () => {
  expect(found({ nodes: [NODE, { ...NODE, state: "stopped", live: false }] })).toEqual([]);
});

test.each([
  ["Sat, 21 Nov 2026 09:30:00 GMT", "2026-11-21T09:30:01.200Z", "ok"],
  ["Sat, 21 Nov 2026 09:30:00 GMT", "2026-11-21T09:30:05.000Z", "warn"],
  ["Sat, 21 Nov 2026 09:30:00 GMT", "2026-11-21T09:00:00.000Z", "fail"],
  [null, "2026-11-21T09:00:00.000Z", "unknown"],
])("a server that says %s at %s: %s", (header, ours, state) => {
  expect(clockCheck(header, Date.parse(ours)).state).toBe(state);
});

test("what this command line runs on, and how its key travels", () => {
  expect(["v22.12.0", "v24.0.0", "v22.11.9", "v20.19.0"].map((version) => runtimeCheck(version).state)).toEqual([
    "ok",
    "ok",
    "fail",
    "fail",
  ]);
  const urls = [
    "http://127.0.0.1:8787",
    "http://localhost",
    "http://[::1]:1",
    "https://th.example.com",
    "http://th.example.com",
  ];
  expect(urls.map((url) => transportCheck(url).state)).toEqual(["ok", "ok", "ok", "ok", "warn"]);
});

test("the nightly verification: what it found, that it has not looked for two days, and that no night has passed", () => {
  const night = {
    result: "PASS",
    looked_at: "2026-11-21T03:00:00.000Z",
    whole_at: "2026-11-01T03:00:00.000Z",
    verified_to: 9,
    first_bad_sequence: null,
    problem: null,
  } as const;
  const at = (iso: string) => Date.parse(iso);
  expect(ledgerCheck(night, at("2026-11-22T02:00:00Z")).state).toBe("ok");
  expect(ledgerCheck(night, at("2026-11-24T02:00:00Z")).state).toBe("warn");
  const none = ledgerCheck({ ...night, result: "NOT YET", looked_at: null, whole_at: null, verified_to: 0 }, 0);
  expect(none).toMatchObject({ state: "ok", found: expect.stringContaining("no night has passed") });
  const bad = ledgerCheck(
    { ...night, result: "FAIL", first_bad_sequence: 7, problem: "hash" },
    at("2026-11-22T02:00:00Z"),
  );
  expect([bad.state, bad.found]).toEqual(["fail", "bad from sequence 7 on: hash"]);
});
