import { expect, test } from "vitest";
import type { LimitAnswer, RecordedCall } from "../audit.ts";
import { phantoms, wrongEnds } from "./auditor.ts";
import type { AskedCall } from "./cluster-load.ts";

const LIMIT = {
  id: "lim_1",
  scope: "team:a",
  measure: "usd",
  amount: "100.000000000",
  window: "lifetime",
  mode: "hard",
} as LimitAnswer;

function call(id: string, from: number, to: number, more: Partial<AskedCall> & { most?: number } = {}): AskedCall {
  const { most = 60, ...rest } = more;
  const ask = { id, most, made: 1, streamed: false, dimensions: { team: "a" } };
  return {
    ask,
    gateway: 0,
    askedMs: from,
    answeredMs: to,
    status: 200,
    end: "whole",
    reason: null,
    refusal: null,
    allowance: null,
    ...rest,
  };
}

function refused(id: string, from: number, to: number, left: number, needed: number): AskedCall {
  return call(id, from, to, { status: 429, refusal: { limit: "lim_1", left, needed } });
}

function entry(id: string, cost: string): RecordedCall {
  return { decision: id, outcome: "settled", dimensions: { agent: id, team: "a" }, cost } as unknown as RecordedCall;
}

const first = call("first", 0, 1_000);
const used = entry("first", "1.000000000");

test.each([
  ["beside a call that may hold the rest, is right", refused("r", 500, 600, 40, 50), [first], 0],
  ["before anything was asked, is a phantom", refused("r", -50, -10, 40, 50), [first], 1],
  ["that began while the other held, and was answered later, is right", refused("r", 500, 90_000, 40, 50), [first], 0],
  ["long after the other was settled, is a phantom", refused("r", 60_000, 60_100, 40, 50), [first], 1],
  ["of what fits by its own numbers, is a phantom", refused("r", 500, 600, 50, 50), [first], 1],
  ["after a call that broke, is right: it may hold for ever", refused("r", 60_000, 60_100, 40, 50), null, 0],
  ["beside another team's call alone, is a phantom", refused("r", 500, 600, 40, 50), [], 1],
] as const)("a refusal %s", (_name, refusal, others, count) => {
  const broken = call("first", 0, 1_000, { end: "broken", status: null });
  expect(phantoms([...(others ?? [broken]), refusal], [used], [LIMIT])).toHaveLength(count);
});

const KILL = { gateway: 0, atMs: 2_000 };

function end(cost: string, source: string): RecordedCall {
  return { ...entry("first", cost), usage_source: source } as RecordedCall;
}

test.each([
  ["at what it made, is right", end("1.000000000", "reported"), [], 0],
  ["at another amount, is wrong", end("2.000000000", "reported"), [KILL], 1],
  ["at what it held, for its gateway was killed then, is right", end("60.000000000", "estimated"), [KILL], 0],
  ["at what it held, where nothing was killed, is wrong", end("60.000000000", "estimated"), [], 1],
  ["at what it held, beside another's end, is wrong", end("60.000000000", "estimated"), [{ ...KILL, gateway: 1 }], 1],
  ["at what it held, long before a kill, is wrong", end("60.000000000", "estimated"), [{ ...KILL, atMs: 60_000 }], 1],
  ["at what it held, begun after a kill, is wrong", end("60.000000000", "estimated"), [{ ...KILL, atMs: -1 }], 1],
  ["and has no end, is lost", null, [KILL], 1],
] as const)("a call that was answered whole and stands %s", (_name, recorded, kills, count) => {
  expect(wrongEnds([first], recorded === null ? [] : [recorded], kills)).toHaveLength(count);
});
