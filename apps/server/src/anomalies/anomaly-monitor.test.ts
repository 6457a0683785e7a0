import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DIMENSION_HEADERS, type Dimension } from "@tollhouse/contract";
import type { AnomalyRule } from "@tollhouse/engine";
import { openSpool, type Spool } from "@tollhouse/store";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Call } from "../gateway/call.ts";
import type { EndedCall } from "../gateway/ended-call.ts";
import { SAMPLE_MS, sampleCall, sampleGateway } from "../gateway/sample-call.ts";
import { reasonOf } from "./anomaly-answer.ts";
import { AnomalyMonitor, type AnomalySeen } from "./anomaly-monitor.ts";
import { createFingerprint } from "./fingerprint.ts";

let dir: string;
let spool: Spool;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "tollhouse-anomalies-"));
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Freeze {
  readonly session: string;
  readonly rule: string;
  readonly made: PromiseWithResolvers<void>;
}

let nowMs: number;
let freezes: Freeze[];
let seen: AnomalySeen[];
let failures: unknown[];
let hashed: number;
let monitor: AnomalyMonitor;
beforeEach(() => {
  nowMs = SAMPLE_MS;
  [freezes, seen, failures, hashed] = [[], [], [], 0];
  const fingerprint = createFingerprint(Buffer.alloc(32, 1));
  monitor = new AnomalyMonitor({
    fingerprint: (call) => {
      hashed += 1;
      return fingerprint(call);
    },
    scopesMax: 100,
    freeze: (session, { id: rule }) => {
      const made = Promise.withResolvers<void>();
      freezes.push({ session, rule, made });
      return made.promise;
    },
    seen: (one) => void seen.push(one),
    evicted: () => undefined,
    failed: (error) => void failures.push(error),
    now: () => nowMs,
  });
});

function ruleOf(id: string, over: Partial<AnomalyRule> = {}): AnomalyRule {
  return {
    id,
    kind: "burst",
    per: "session",
    threshold: 3n,
    windowSeconds: 600,
    action: "block",
    freezeSeconds: null,
    version: 1,
    ...over,
  };
}

function callOf(dimensions: { readonly [D in Dimension]?: string }, content = "Hi"): Call {
  const headers = Object.entries(dimensions).flatMap(([name, value]) => [
    DIMENSION_HEADERS[name as Dimension][0] as string,
    value,
  ]);
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content }] };
  return sampleCall(sampleGateway({ spool }), { body, headers });
}

const look = (dimensions: { readonly [D in Dimension]?: string }, content?: string): string | null =>
  monitor.look(callOf(dimensions, content))?.code ?? null;
const looks = (times: number, dimensions: { readonly [D in Dimension]?: string }): (string | null)[] =>
  Array.from({ length: times }, () => look(dimensions));
const settled = (call: Call, cost: bigint | null, outcome: EndedCall["outcome"] = "settled"): void =>
  monitor.ended({ ...call, ...call.identity, outcome, cost } as unknown as EndedCall);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("without a loop rule nothing is hashed, and a rule about a dimension that the call lacks costs no hash either", () => {
  monitor.put(ruleOf("anr_1"));
  looks(2, { session: "s" });
  monitor.put(ruleOf("anr_2", { kind: "loop", per: "agent" }));
  looks(2, { session: "s" });
  expect(hashed).toBe(0);
  looks(1, { agent: "a" });
  expect(hashed).toBe(1);
});

test("until a freeze is in force every further call is refused, and it is asked for once; then the session starts anew", async () => {
  monitor.put(ruleOf("anr_1", { action: "freeze" }));
  expect(looks(6, { session: "s" })).toEqual([null, null, ...Array.from({ length: 4 }, () => "REQUEST_BURST")]);
  expect(freezes.map(({ session, rule }) => [session, rule])).toEqual([["s", "anr_1"]]);
  freezes[0]?.made.resolve();
  await turn();
  expect(looks(3, { session: "s" })).toEqual([null, null, "REQUEST_BURST"]);
  expect(freezes).toHaveLength(2);
});

test("a freeze that fails leaves nobody through: what was counted stands, and the next call tries again", async () => {
  monitor.put(ruleOf("anr_1", { action: "freeze" }));
  looks(3, { session: "s" });
  freezes[0]?.made.reject(new Error("the spool is full"));
  await turn();
  expect(failures).toEqual([new Error("the spool is full")]);
  expect(looks(1, { session: "s" })).toEqual(["REQUEST_BURST"]);
  expect(freezes).toHaveLength(2);
});

test("a rule by agent freezes the session that reached it, and not those that only come by meanwhile", () => {
  monitor.put(ruleOf("anr_1", { action: "freeze", per: "agent" }));
  for (const session of ["a", "b", "c", "d"]) look({ agent: "x", session });
  expect(freezes.map(({ session }) => session)).toEqual(["c"]);
});

test("each rule that triggers acts; the first in the order of a decision is the one named", () => {
  monitor.put(ruleOf("anr_3", { action: "freeze" }));
  monitor.put(ruleOf("anr_2", { kind: "loop" }));
  monitor.put(ruleOf("anr_1", { kind: "loop", action: "alert", threshold: 2n }));
  expect(looks(3, { session: "s" })).toEqual([null, null, "LOOP_DETECTED"]);
  expect(freezes.map(({ rule }) => rule)).toEqual(["anr_3"]);
  expect(seen.map(({ rule, fresh }) => [rule.id, fresh])).toEqual([
    ["anr_1", true],
    ["anr_1", false],
    ["anr_2", true],
    ["anr_3", true],
  ]);
});

test("open calls count by what they hold, grown streams by more; ended ones by what they cost; a released one not at all", () => {
  // $0.000000100 a minute over ten minutes: 1,000 nano-dollars.
  monitor.put(ruleOf("anr_1", { kind: "velocity", threshold: 100n }));
  const calls = [0, 1, 2].map(() => callOf({ session: "s" }));
  for (const { decision, identity } of calls) monitor.hold(decision, identity.dimensions, 300n);
  expect(look({ session: "s" })).toBeNull();
  monitor.grow(calls[0]!.decision, 100n);
  expect(look({ session: "s" })).toBe("SPEND_VELOCITY");
  settled(calls[0]!, 0n, "released");
  expect(look({ session: "s" })).toBeNull();
  settled(calls[1]!, 699n);
  expect(look({ session: "s" })).toBeNull();
  settled(calls[2]!, 301n);
  expect(look({ session: "s" })).toBe("SPEND_VELOCITY");
  // A second end of the same call, and one of a cost that nobody knows, give nothing back and add nothing.
  settled(calls[2]!, null);
  expect(monitor.look(callOf({ session: "s" }))?.message).toContain("$0.000001 within 600 s");
  nowMs += 631_000;
  expect(look({ session: "s" })).toBeNull();
});

test("calls that were open when a rule was deleted end without it; a new one counts from then on", () => {
  monitor.put(ruleOf("anr_1", { kind: "velocity", threshold: 1n }));
  const open = callOf({ session: "s" });
  monitor.hold(open.decision, open.identity.dimensions, 500n);
  monitor.drop("anr_1");
  settled(open, 500n);
  monitor.put(ruleOf("anr_2", { kind: "velocity", threshold: 1n }));
  expect(look({ session: "s" })).toBeNull();
});

test("a wait is told up to a minute; of a loop never, and of a freeze its own time", () => {
  const wait = (over: Partial<AnomalyRule>): unknown => {
    monitor.drop("anr_1");
    monitor.put(ruleOf("anr_1", { threshold: 2n, ...over }));
    look({ session: "s" });
    return monitor.look(callOf({ session: "s" }))?.retryAfter;
  };
  expect(wait({ windowSeconds: 20 })).toBe(21);
  expect(wait({ windowSeconds: 120 })).toBeNull();
  expect(wait({ kind: "loop", windowSeconds: 20 })).toBeNull();
  expect(wait({ action: "freeze", freezeSeconds: 30 })).toBe(30);
  expect(wait({ action: "freeze", freezeSeconds: 61 })).toBeNull();
  expect(wait({ action: "freeze" })).toBeNull();
});

test("what operators and the ledger read names no user", () => {
  for (const kind of ["loop", "burst", "velocity"] as const)
    expect(reasonOf(ruleOf("anr_1", { kind, per: "user" }))).toMatch(/^anomaly rule anr_1: the user (made|reached) /);
});
