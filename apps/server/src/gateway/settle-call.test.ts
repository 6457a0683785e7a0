import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { tokensOf, type UsageReport } from "@tollhouse/contract";
import { createPriceBook, createPriceRow, freePriceRow, seededPriceBookData, type Limit } from "@tollhouse/engine";
import { openSpool, type OutcomeRecord, type Spool } from "@tollhouse/store";
import type { Call } from "./call.ts";
import { buildRefusal } from "./refusal.ts";
import { profileKey, reserveCall } from "./reserve-call.ts";
import {
  neverCounts,
  sampleCall,
  sampleGateway,
  sampleLimit,
  SAMPLE_MS,
  spooled,
  type SampleGateway,
} from "./sample-call.ts";
import { recordBlocked } from "./record-blocked.ts";
import { settleCall, type End } from "./settle-call.ts";

const dir = mkdtempSync(join(tmpdir(), "tollhouse-settle-"));
let spool: Spool;
let gateway: SampleGateway;
beforeAll(async () => {
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
const usd = sampleLimit({ id: "lim_usd" });
const tokens = sampleLimit({ id: "lim_tokens", measure: "tokens" });
const requests = sampleLimit({ id: "lim_requests", measure: "requests" });
beforeEach(() => {
  gateway = sampleGateway({ spool });
  gateway.inForce = [usd, tokens, requests];
});

const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 100 };

async function reserved(body: Record<string, unknown> = chat, path = "/v1/chat/completions"): Promise<Call> {
  const call = sampleCall(gateway, { body, path });
  const reservation = await reserveCall(gateway, call, body);
  if ("code" in reservation) throw new Error(reservation.message);
  call.reservation = reservation;
  return call;
}

function settle(call: Call, end: Partial<End>): ReturnType<typeof settleCall> {
  const nothing = { status: 200, reason: null, unbilled: false, report: null, partial: null, outputCounted: null };
  return settleCall(gateway, call, { ...nothing, ...end });
}

function report(over: Partial<UsageReport>): UsageReport {
  const silent = { model: null, tier: null, geo: null, providerId: null, costNano: null, doubt: null };
  return { usage: { input: 100, output: 50 }, ...silent, ...over };
}

async function outcomeOf(call: Call): Promise<OutcomeRecord> {
  const mine = (await spooled(gateway)).filter((record) => record.t === "outcome" && record.decision === call.decision);
  expect(mine).toHaveLength(1);
  return mine[0] as OutcomeRecord;
}

const counted = (limit: Limit): readonly [bigint, bigint] => {
  const { settled, reserved: held } = gateway.counters.read(limit, SAMPLE_MS);
  return [settled, held];
};

describe("what the provider reported", () => {
  test("is rated, settled on every counter, and written once", async () => {
    const call = await reserved();
    // $0.15 and $0.60 a million.
    const cost = 100n * 150n + 50n * 600n;
    expect(await settle(call, { report: report({}) })).toEqual({
      cost,
      usage: { input: 100, output: 50 },
      source: "reported",
    });
    expect([usd, tokens, requests].map(counted)).toEqual([
      [cost, 0n],
      [150n, 0n],
      [1n, 0n],
    ]);
    expect(await outcomeOf(call)).toMatchObject({
      end: "settled",
      source: "reported",
      cost: cost.toString(),
      // In the order in which limits are looked at.
      deltas: call.limits.map((limit) => ({ usd: cost.toString(), tokens: "150", requests: "1" })[limit.measure]),
      late: [],
      doubt: null,
    });
    expect(gateway.told).toMatchObject([{ outcome: "settled", cost, estimatedCost: call.reservation.usd }]);
  });

  test("a zero that was reported is a zero", async () => {
    const call = await reserved();
    expect(await settle(call, { report: report({ usage: {} }) })).toMatchObject({ cost: 0n, source: "reported" });
    expect(counted(usd)).toEqual([0n, 0n]);
  });

  test("the provider's own cost goes before ours", async () => {
    expect(await settle(await reserved(), { report: report({ costNano: 7n }) })).toMatchObject({ cost: 7n });
    expect(counted(usd)[0]).toBe(7n);
  });

  test("the model that served it is the one that is paid for", async () => {
    const dear = await settle(await reserved(), { report: report({ model: "gpt-4o" }) });
    // $2.50 and $10 a million.
    expect(dear.cost).toBe(100n * 2_500n + 50n * 10_000n);
    const unknown = await settle(await reserved(), { report: report({ model: "nobody-knows" }) });
    expect(unknown.cost).toBe(45_000n);
  });

  test("what is above the reservation is counted in full", async () => {
    const call = await reserved();
    const { cost } = await settle(call, { report: report({ usage: { input: 100, output: 5_000 } }) });
    expect(cost).toBeGreaterThan(call.reservation.usd);
    expect(counted(usd)).toEqual([cost, 0n]);
    // On the budget and on the tokens.
    expect(gateway.counters.overruns).toBe(2);
  });

  test("the size of the answer is learned, from reports only", async () => {
    const call = await reserved();
    const usual = profileKey(call);
    await settle(call, { outputCounted: 700 });
    expect(gateway.profile.slice(usual)).toBe(1_024);
    await settle(await reserved(), { report: report({}) });
    expect(gateway.profile.slice(usual)).toBe(75);
  });
});

describe("unknown is never zero", () => {
  test("nothing told and nothing seen: all that was reserved, as an estimate", async () => {
    const call = await reserved();
    const settled = await settle(call, {});
    expect(settled).toMatchObject({ source: "estimated", usage: { output: 100 } });
    expect(settled.cost).toBeGreaterThanOrEqual(60_000n);
    expect(settled.cost).toBeLessThanOrEqual(call.reservation.usd);
  });

  test("what was seen is counted, the input with it", async () => {
    const { usage, source, cost } = await settle(await reserved(), { outputCounted: 30 });
    expect([usage.output, source]).toEqual([30, "counted"]);
    expect(usage.input).toBeGreaterThan(0);
    expect(cost).toBe(BigInt(usage.input ?? 0) * 150n + 30n * 600n);
  });

  test("without a count of the input its bound stands", async () => {
    gateway = sampleGateway({ spool, tokens: neverCounts });
    const call = await reserved();
    expect((await settle(call, { outputCounted: 1 })).usage.input).toBe(Number(call.estimate.inputTokens));
  });

  test("an input that the provider told is taken from it", async () => {
    const partial = report({ usage: { input: 7, input_cache_read: 3, output: 1 } });
    const { usage } = await settle(await reserved(), { partial, outputCounted: 9 });
    expect(usage).toEqual({ input: 7, input_cache_read: 3, output: 9 });
  });

  test.each([
    ["capped", { model: "o4-mini", stream: true }],
    ["with a cap of its own", { model: "o4-mini", stream: true, max_completion_tokens: 500 }],
  ])("a reasoning model's stream %s never counts for more than was reserved", async (_, more) => {
    const probe = sampleCall(gateway, { body: { ...chat, max_tokens: undefined, ...more } });
    gateway.inForce = [sampleLimit({ amount: probe.estimate.inputUsd + 2_000_000n })];
    const body = { messages: chat.messages, ...more };
    const call = await reserved(body);
    const { usage, cost } = await settle(call, { outputCounted: 100 });
    expect(BigInt(tokensOf(usage))).toBeLessThanOrEqual(call.reservation.tokens);
    expect(cost).toBeLessThanOrEqual(call.reservation.usd);
    expect(usage.output_reasoning).toBe(call.reservation.outputTokens);
  });

  test("a count above what was reserved is held to it", async () => {
    const call = await reserved();
    const { usage, cost } = await settle(call, { outputCounted: 1_000_000 });
    expect(usage.output).toBe(100);
    expect(cost).toBeLessThanOrEqual(call.reservation.usd);
  });
});

describe("numbers that cannot be counted with", () => {
  test.each([
    ["beyond 64 bits", { usage: { input: 2 ** 70, output: 1 } }],
    ["a fraction", { usage: { input: 1.5, output: 1 } }],
    ["negative", { usage: { input: -5, output: 1 } }],
    ["no number", { usage: { input: Number.NaN } }],
    ["a cost beyond 64 bits", { costNano: 1n << 70n }],
    ["a negative cost", { costNano: -1n }],
  ])("%s: settled at what was reserved, in doubt, with its one end", async (_, over) => {
    const call = await reserved();
    expect(await settle(call, { report: report(over) })).toMatchObject({
      cost: call.reservation.usd,
      source: "estimated",
    });
    expect(counted(usd)).toEqual([call.reservation.usd, 0n]);
    expect((await outcomeOf(call)).doubt).toContain("settled at what was reserved");
    expect(gateway.failures).toHaveLength(1);
  });

  test("the same where the model is free, so that tokens alone are at stake", async () => {
    gateway = sampleGateway({ spool, prices: createPriceBook(seededPriceBookData(), [freePriceRow("openai")]) });
    gateway.inForce = [tokens];
    for (const input of [2 ** 70, 1.5, -5, Number.NaN]) {
      const call = await reserved();
      expect(await settle(call, { report: report({ usage: { input } }) })).toMatchObject({ source: "estimated" });
    }
    expect(gateway.counters.pendingCount).toBe(0);
  });

  test("a class without a price: at what was reserved, and said so", async () => {
    const call = await reserved();
    const { cost, source } = await settle(call, { report: report({ usage: { input: 1, output_image: 5 } }) });
    expect([cost, source]).toEqual([call.reservation.usd, "estimated"]);
    expect((await outcomeOf(call)).doubt).toContain("has no price");
  });

  test("no price at all: the cost is unknown, and tokens and requests count all the same", async () => {
    gateway.inForce = [tokens, requests];
    const call = await reserved({ ...chat, model: "nobody-knows-this-one" });
    expect(await settle(call, { report: report({}) })).toMatchObject({ cost: null });
    expect([tokens, requests].map((limit) => counted(limit)[0])).toEqual([150n, 1n]);
    expect((await outcomeOf(call)).cost).toBeNull();
  });
});

describe("calls that used nothing", () => {
  test("provably unbilled: released, written as such, and nothing is counted", async () => {
    const call = await reserved();
    expect(await settle(call, { status: 400, unbilled: true })).toMatchObject({ cost: 0n });
    expect([usd, tokens, requests].map(counted)).toEqual(Array.from({ length: 3 }, () => [0n, 0n]));
    expect(await outcomeOf(call)).toMatchObject({ end: "released", status: 400, cost: "0", deltas: [] });
  });

  test("a client that left before anything was sent: the time was ours, and none of it is negative", async () => {
    const call = await reserved();
    call.sentAt = 0;
    await settle(call, { unbilled: true });
    expect(gateway.told[0]?.overheadMs).toBe(gateway.told[0]?.latencyMs);
  });

  test("a look-up is no use of a model: neither written nor told", async () => {
    const before = (await spooled(gateway)).length;
    await settle(await reserved({}, "/v1/models"), {});
    expect([(await spooled(gateway)).length - before, gateway.told, gateway.counters.pendingCount]).toEqual([0, [], 0]);
  });
});

describe("limits that come into force while a call runs", () => {
  test("count it when it ends, once, by their own measure and where they apply", async () => {
    const call = await reserved();
    gateway.inForce = [
      ...gateway.inForce,
      sampleLimit({ id: "lim_late", scope: "model:gpt-4o-mini", measure: "tokens" }),
      sampleLimit({ id: "lim_else", scope: "model:gpt-4o" }),
    ];
    gateway.version = 2;
    await settle(call, { report: report({}) });
    const outcome = await outcomeOf(call);
    expect(outcome.late).toEqual([{ limit: "lim_late", window: "lifetime", amount: "150" }]);
    expect(outcome.deltas).toHaveLength(3);
    expect(counted(gateway.inForce[3] as Limit)).toEqual([150n, 0n]);
    expect(counted(gateway.inForce[4] as Limit)).toEqual([0n, 0n]);
  });

  test("a released call counts on none of them", async () => {
    const call = await reserved();
    gateway.inForce = [sampleLimit({ id: "lim_late" })];
    gateway.version = 2;
    await settle(call, { unbilled: true });
    expect((await outcomeOf(call)).late).toEqual([]);
  });

  test("whoever listens meanwhile is told what was charged, and nobody else pays for it", async () => {
    const early = gateway.tap.listen();
    const call = await reserved();
    const { cost } = await settle(call, { report: report({}) });
    await settle(await reserved(), { unbilled: true });
    expect(early).toMatchObject([
      {
        decision: call.decision,
        environment: "prod",
        startedMs: SAMPLE_MS,
        used: { usd: cost, tokens: 150n, requests: 1n },
      },
    ]);
    gateway.tap.stop(early);
    await settle(await reserved(), { report: report({}) });
    expect(early).toHaveLength(1);
  });
});

test("a call that was refused leaves one record and one line, even before anybody knew whose it was", async () => {
  const call = sampleCall(gateway, { body: chat });
  const state = gateway.counters.read(usd, SAMPLE_MS);
  const input = { code: "BUDGET_EXCEEDED", decision: call.decision, message: "no" } as const;
  recordBlocked(gateway, call, buildRefusal({ ...input, by: { by: state, required: 1n } }));
  const unknown = { ...sampleCall(gateway, { body: chat }), identity: null!, facts: null! };
  recordBlocked(gateway, unknown, buildRefusal({ code: "KEY_INVALID", decision: unknown.decision, message: "no" }));
  const blocked = (await spooled(gateway)).filter((record) => record.t === "blocked");
  expect(blocked).toMatchObject([
    { decision: call.decision, reason: "BUDGET_EXCEEDED", limit: "lim_usd", model: "gpt-4o-mini" },
    { decision: unknown.decision, reason: "KEY_INVALID", limit: null, model: "", dimensions: {} },
  ]);
  expect(gateway.told.map((line) => [line.outcome, line.cost])).toEqual([
    ["blocked", null],
    ["blocked", null],
  ]);
});

test("the tier that served it sets the price", async () => {
  const half = { numerator: 1n, denominator: 2n };
  const pico = { input: 2_000_000n, output: 4_000_000n };
  const row = createPriceRow({ id: "own", provider: "openai", model: "own", pico, tiers: { flex: half } });
  gateway = sampleGateway({ spool, prices: createPriceBook(seededPriceBookData(), [row]) });
  const body = { ...chat, model: "own" };
  const full = await settle(await reserved(body), { report: report({ tier: "default" }) });
  const flex = await settle(await reserved(body), { report: report({ tier: "flex" }) });
  expect([full.cost, flex.cost]).toEqual([400_000n, 200_000n]);
});
