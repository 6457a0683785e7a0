import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outputAmounts, sliceAmounts, type Limit } from "@tollhouse/engine";
import type { StreamMeter } from "@tollhouse/providers";
import { CountersOfNode, DEFAULT_TENANT, openSpool, type RedisCounters, type Spool } from "@tollhouse/store";
import { connectRedis } from "@tollhouse/store/redis-counters";
import { startedRedis, type StartedRedis } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Call } from "./call.ts";
import { reserveCall, type Reservation } from "./reserve-call.ts";
import {
  neverCounts,
  sampleCall,
  sampleGateway,
  sampleLimit,
  SAMPLE_MS,
  spooled,
  type SampleGateway,
} from "./sample-call.ts";
import { settleCall } from "./settle-call.ts";
import { StreamReservation } from "./stream-reservation.ts";

/** Two gateways with one store; a short deadline, for a store that is paused. */
const NODES = ["node-1", "node-2"] as const;
const ALLOWANCE = 10_000_000n;
const dir = mkdtempSync(join(tmpdir(), "tollhouse-shared-"));
const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] };

let spool: Spool;
let redis: StartedRedis;
let connections: readonly RedisCounters[];
let nodes: readonly CountersOfNode[];
let gateways: readonly [SampleGateway, SampleGateway];
let ids = 0;

beforeAll(async () => {
  [spool, redis] = await Promise.all([openSpool({ dir }), startedRedis()]);
  connections = NODES.map((node) =>
    connectRedis({ urls: [redis.url], node, installation: "test", deadlineMs: 200, now: () => SAMPLE_MS }),
  );
  const none = async function* (): AsyncGenerator<never> {};
  await connections[0]?.rebuild(1n, { tenants: [DEFAULT_TENANT], sums: none, open: none });
  for (const connection of connections) {
    await connection.joined();
    connection.enter(1n);
  }
});
afterAll(async () => {
  for (const connection of connections) await connection.close();
  await redis.remove();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  nodes = connections.map(
    (shared) =>
      new CountersOfNode({
        shared,
        admitting: () => true,
        writtenOut: () => true,
        now: () => SAMPLE_MS,
        allowance: ALLOWANCE,
        failed: (error) => expect.fail(String(error)),
        distrust: (reason) => expect.fail(reason),
      }),
  );
  gateways = [gatewayOn(nodes[0] as CountersOfNode), gatewayOn(nodes[1] as CountersOfNode)];
});

function gatewayOn(counters: CountersOfNode): SampleGateway {
  const sample = sampleGateway({ spool, tokens: neverCounts });
  return Object.assign(sample, { countersOf: (tenant: string) => counters.of(tenant) });
}

/** A limit of its own for each test. */
function inForce(over: Partial<Limit>): Limit {
  const limit = sampleLimit({ id: `lim_${++ids}`, ...over });
  for (const gateway of gateways) gateway.inForce = [limit];
  return limit;
}

async function standing(limit: Limit): Promise<readonly [bigint, bigint]> {
  const [state] = (await connections[0]?.of(DEFAULT_TENANT).look([limit], SAMPLE_MS)) ?? [];
  return [state?.settled ?? -1n, state?.reserved ?? -1n];
}

async function reserved(gateway: SampleGateway, more: Record<string, unknown> = {}): Promise<Call> {
  const call = sampleCall(gateway, { body: { ...body, ...more } });
  const result = await reserveCall(gateway, call, { ...body, ...more });
  if ("code" in result) throw new Error(`${result.code}: ${result.message}`);
  call.reservation = result;
  return call;
}

describe("reserving", () => {
  test("calls of two gateways at the edge of a budget: nothing that fits is refused, and no more is held than it has", async () => {
    const [sample] = gateways;
    const { estimate } = sampleCall(sample, { body: { ...body, stream: true } });
    const least = sliceAmounts(estimate, 16).usd;
    const limit = inForce({ amount: least * 7n + least / 2n });
    const tried = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const gateway = gateways[i % 2] as SampleGateway;
        const asked = { ...body, stream: true };
        const result = await reserveCall(gateway, sampleCall(gateway, { body: asked }), asked);
        return "code" in result ? null : result;
      }),
    );
    const held = tried.filter((result): result is Reservation => result !== null);
    const sum = held.reduce((all, { usd }) => all + usd, 0n);
    expect(sum <= limit.amount).toBe(true);
    // Had the smallest answer fitted, the last of them would have had it.
    expect(limit.amount - sum < least).toBe(true);
    expect(await standing(limit)).toEqual([0n, sum]);
  });

  test("advice that another node has made old refuses nothing: less is asked for, and in the end the smallest answer", async () => {
    const [one, two] = gateways;
    const [first, second] = [sampleLimit({ id: `lim_${++ids}` }), sampleLimit({ id: `lim_${++ids}` })];
    const { estimate } = sampleCall(one, { body: { ...body, stream: true } });
    const cost = (tokens: number): bigint => sliceAmounts(estimate, tokens).usd;
    one.inForce = [
      { ...first, amount: cost(500) },
      { ...second, amount: cost(1_024) + cost(20) },
    ];
    two.inForce = [one.inForce[1] as Limit];
    expect(await one.countersOf(DEFAULT_TENANT).room(one.inForce, SAMPLE_MS)).toMatchObject({ usd: cost(500) });
    await reserved(two, { stream: true });
    expect((await reserved(one, { stream: true })).reservation.outputTokens).toBe(20);
  });

  test("a call on which other nodes are at work is decided by the store, and not by what this node saw", async () => {
    const [one, two] = gateways;
    const limit = inForce({ measure: "requests", amount: 1n });
    await reserved(two);
    await expect(reserved(one)).rejects.toThrow("REQUEST_LIMIT_EXCEEDED");
    expect(await standing(limit)).toEqual([0n, 1n]);
  });

  test("its end is written with the deltas that the store counts, in the turn in which it ends", async () => {
    const [gateway] = gateways;
    const limit = inForce({});
    const call = await reserved(gateway, { max_tokens: 50 });
    const usage = {
      usage: { input: 10, output: 7 },
      model: null,
      tier: null,
      geo: null,
      providerId: null,
      costNano: null,
    };
    await settleCall(gateway, call, {
      status: 200,
      reason: null,
      unbilled: false,
      report: { ...usage, doubt: null },
      partial: null,
      outputCounted: null,
    });
    const outcome = (await spooled(gateway)).findLast((record) => record.t === "outcome");
    await expect.poll(() => nodes[0]?.state().untold).toBe(0);
    const [settled, held] = await standing(limit);
    expect(outcome?.t === "outcome" && outcome.deltas).toEqual([settled.toString()]);
    expect(held).toBe(0n);
  });
});

interface Running {
  readonly call: Call;
  readonly stream: StreamReservation;
  readonly told: string[];
  /** The provider sends text. */
  readonly send: (text: string) => void;
}

async function running(gateway: SampleGateway, waitMs?: number): Promise<Running> {
  const call = await reserved(gateway, { stream: true });
  const meter: StreamMeter = call.target.upstream.adapter.meter(call.route, call.facts, {}, false);
  const told: string[] = [];
  const host = {
    pause: () => void told.push("pause"),
    resume: () => void told.push("resume"),
    exhausted: () => void told.push("exhausted"),
    stopped: (code: string) => void told.push(code),
  };
  const stream = new StreamReservation(gateway, call, meter, host, waitMs);
  const send = (text: string): void => {
    meter.push(Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: text } }] })}\n\n`));
    stream.keepAhead();
  };
  return { call, stream, told, send };
}

describe("a stream", () => {
  test("is extended while it is read, holds what it says that it holds, and is cut at the edge of a budget that two gateways spend", async () => {
    const [one, two] = gateways;
    const limit = inForce({ amount: 0n });
    const first = sliceAmounts(sampleCall(one, { body: { ...body, stream: true } }).estimate, 1_024).usd;
    const more = outputAmounts(sampleCall(one, { body }).estimate, 2_000).usd;
    for (const gateway of gateways) gateway.inForce = [{ ...limit, amount: first * 2n + more }];
    const streams = [await running(one), await running(two)];
    for (let i = 0; i < 60 && streams.some(({ told }) => !told.includes("exhausted")); i++) {
      for (const { told, send } of streams) if (!told.includes("exhausted")) send("x".repeat(100));
      await expect.poll(() => streams.some(({ stream }) => stream.waiting)).toBe(false);
    }
    expect(streams.map(({ told }) => told.at(-1))).toEqual(["exhausted", "exhausted"]);
    const held = streams.reduce((sum, { call }) => sum + call.reservation.usd, 0n);
    expect(await standing(limit)).toEqual([0n, held]);
    expect(held <= first * 2n + more).toBe(true);
    for (const { call, stream } of streams) expect(stream.produced).toBeLessThanOrEqual(call.reservation.outputTokens);
    // What is left would not have paid the next token that might be made.
    expect(first * 2n + more - held < outputAmounts(sampleCall(one, { body }).estimate, 300).usd).toBe(true);
  });

  test("reads on within what it holds while the store does not answer, pauses at the edge of that, and goes on when it is back", async () => {
    const [gateway] = gateways;
    const limit = inForce({});
    const { call, stream, told, send } = await running(gateway);
    redis.pause();
    send("x".repeat(900));
    expect([stream.waiting, told]).toEqual([false, []]);
    send("x".repeat(200));
    expect([stream.waiting, told]).toEqual([true, ["pause"]]);
    expect(call.reservation.outputTokens).toBe(1_024);
    redis.resume();
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(["pause", "resume"]);
    expect(call.reservation.outputTokens).toBeGreaterThan(1_100);
    expect(await standing(limit)).toEqual([0n, call.reservation.usd]);
  });

  test("is stopped where the store stays away, and settled at what it made", async () => {
    const [gateway] = gateways;
    inForce({});
    const { told, send } = await running(gateway, 300);
    redis.pause();
    send("x".repeat(1_100));
    await expect.poll(() => told, { timeout: 10_000 }).toEqual(["pause", "LIMITS_UNAVAILABLE"]);
    redis.resume();
  });
});

describe("while the store does not answer", () => {
  const policyOf = (failMode: "open" | "closed") =>
    ({ failMode, outputLimit: null, allows: [], values: [] }) as unknown as NonNullable<Call["policy"]>;

  async function whilePaused<T>(work: () => Promise<T>): Promise<T> {
    redis.pause();
    try {
      return await work();
    } finally {
      redis.resume();
    }
  }

  async function outcome(failMode: "open" | "closed", of: "open" | "closed" | null, limit: Partial<Limit>) {
    const [sample] = gateways;
    inForce(limit);
    const gateway = { ...sample, settings: { ...sample.settings, failMode } };
    const call = sampleCall(gateway, { body: { ...body, max_tokens: 100 } });
    if (of !== null) call.policy = policyOf(of);
    const result = await whilePaused(() => reserveCall(gateway, call, body));
    return { call, said: "code" in result ? result.code : "admitted" };
  }

  test.each([
    ["closed", null, {}, "LIMITS_UNAVAILABLE"],
    ["open", null, {}, "admitted"],
    ["open", "closed", {}, "LIMITS_UNAVAILABLE"],
    ["closed", "open", {}, "admitted"],
    ["closed", null, { mode: "soft" }, "admitted"],
  ] as const)(
    "the installation fails %s, its policy %s, its limit %j: %s",
    async (installation, policy, limit, expected) => {
      const { call, said } = await outcome(installation, policy, limit);
      expect(said).toBe(expected);
      expect(call.uncounted === undefined).toBe(expected !== "admitted");
      if (expected === "admitted") gateways[0].countersOf(DEFAULT_TENANT).release(call.decision);
    },
  );

  test("the allowance is what all that is admitted so may spend; the call says its size, its entry that it was not counted", async () => {
    const [sample] = gateways;
    const limit = inForce({ amount: ALLOWANCE * 100n });
    const gateway = { ...sample, settings: { ...sample.settings, failMode: "open" as const } };
    const admitted: Call[] = [];
    await whilePaused(async () => {
      for (let i = 0; i < 400; i++) {
        const call = sampleCall(gateway, { body: { ...body, max_tokens: 1_000 } });
        const result = await reserveCall(gateway, call, body);
        if ("code" in result) continue;
        call.reservation = result;
        admitted.push(call);
      }
    });
    const sum = admitted.reduce((all, { reservation }) => all + reservation.usd, 0n);
    expect(sum <= ALLOWANCE).toBe(true);
    expect(ALLOWANCE - sum < (admitted[0]?.reservation.usd ?? 0n)).toBe(true);
    expect(admitted.at(-1)?.uncounted).toMatchObject({ of: ALLOWANCE, left: ALLOWANCE - sum });
    for (const { decision, reservation } of admitted)
      gateway.countersOf(DEFAULT_TENANT).settle(decision, { usd: reservation.usd, tokens: 1n, requests: 1n });
    await expect.poll(() => nodes[0]?.state().untold, { timeout: 10_000 }).toBe(0);
    expect(await standing(limit)).toEqual([sum, 0n]);
    expect(nodes[0]?.state().allowance.used).toBe(0n);
  });
});
