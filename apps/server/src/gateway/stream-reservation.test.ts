import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { outputAmounts, sliceAmounts, type Limit } from "@tollhouse/engine";
import type { StreamMeter } from "@tollhouse/providers";
import { openSpool, type Spool } from "@tollhouse/store";
import type { TokenCounter } from "../tokens/count-tokens.ts";
import type { Call } from "./call.ts";
import { profileKey, reserveCall } from "./reserve-call.ts";
import {
  fourBytesAToken,
  neverCounts,
  sampleCall,
  sampleGateway,
  sampleLimit,
  SAMPLE_MS,
  spooled,
} from "./sample-call.ts";
import type { SampleGateway } from "./sample-call.ts";
import { StreamReservation, type StreamHost } from "./stream-reservation.ts";

const dir = mkdtempSync(join(tmpdir(), "tollhouse-stream-"));
let spool: Spool;
let gateway: SampleGateway;
beforeAll(async () => {
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  gateway = sampleGateway({ spool });
});

/** 200 tokens: two seconds of a rate that is not known yet. */
const LEAD = 200;

interface Running {
  readonly call: Call;
  readonly meter: StreamMeter;
  readonly stream: StreamReservation;
  /** What was asked of the exchange, in order. */
  readonly told: string[];
  /** The provider sends text, and whatever is counted because of it is counted. */
  readonly send: (text: string) => Promise<void>;
}

async function start(more: Record<string, unknown> = {}, limits: readonly Limit[] = []): Promise<Running> {
  gateway.inForce = limits;
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], stream: true, ...more };
  const call = sampleCall(gateway, { body });
  const reservation = await reserveCall(gateway, call, body);
  if ("code" in reservation) throw new Error(reservation.message);
  call.reservation = reservation;
  const meter = call.target.upstream.adapter.meter(call.route, call.facts, {}, false);
  const told: string[] = [];
  const host: StreamHost = {
    pause: () => void told.push("pause"),
    resume: () => void told.push("resume"),
    exhausted: () => void told.push("exhausted"),
    stopped: (code) => void told.push(code),
  };
  const stream = new StreamReservation(gateway, call, meter, host);
  const send = async (text: string): Promise<void> => {
    meter.push(frame(text));
    stream.keepAhead();
    while (stream.waiting) await new Promise(setImmediate);
  };
  return { call, meter, stream, told, send };
}

function frame(content: string): Buffer {
  return Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
}

/** A budget that pays for the input and so many output tokens. */
function budgetFor(tokens: number, more: Record<string, unknown> = {}): Limit {
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], stream: true, ...more };
  return sampleLimit({ amount: sliceAmounts(sampleCall(gateway, { body }).estimate, tokens).usd });
}

describe("ahead of the tokens", () => {
  test("nothing happens while the first slice is far enough ahead", async () => {
    const { call, stream, told, send } = await start();
    await send("x".repeat(1_024 - LEAD));
    expect(call.reservation.outputTokens).toBe(1_024);
    expect([stream.produced, told]).toEqual([1_024 - LEAD, []]);
  });

  test("one byte more takes another slice, in the counters and in the spool", async () => {
    const before = (await spooled(gateway)).length;
    const { call, told, send } = await start({}, [budgetFor(100_000)]);
    const usd = call.reservation.usd;
    await send("x".repeat(1_025 - LEAD));
    expect([call.reservation.outputTokens, told]).toEqual([2_048, []]);
    const { reserved } = gateway.counters.read(gateway.inForce[0] as Limit, SAMPLE_MS);
    expect(reserved).toBe(call.reservation.usd);
    const more = (reserved - usd).toString();
    const records = (await spooled(gateway)).slice(before);
    expect(records).toEqual([{ t: "extend", decision: call.decision, usd: more, tokens: "1024" }]);
  });

  test("a slice larger than what is left of the cap is cut to it", async () => {
    const { call, send } = await start({ max_tokens: 1_100 });
    await send("x".repeat(1_000));
    expect(call.reservation.outputTokens).toBe(1_100);
  });

  test("hidden tokens are held beside the visible ones, not instead", async () => {
    const { call, send } = await start({ model: "o4-mini", max_completion_tokens: 3_000 });
    expect(call.reservation.outputTokens).toBe(3_000);
    await send("x".repeat(2_900));
    expect(call.reservation.outputTokens).toBe(3_000);
  });

  test("where a whole slice does not fit, just enough is taken, and nothing is counted", async () => {
    const { call, told, send } = await start({}, [budgetFor(1_100)]);
    await send("x".repeat(1_050 - LEAD));
    expect([call.reservation.outputTokens, told]).toEqual([1_050, []]);
  });
});

describe("at the edge", () => {
  test("bytes that say the limit is reached are counted, and where the count fits the stream goes on", async () => {
    const { stream, told, send } = await start({}, [budgetFor(1_100)]);
    await send("x".repeat(2_000));
    expect(told).toEqual(["pause", "resume"]);
    expect(stream.produced).toBe(500);
  });

  test("where the count does not fit either the stream is stopped, and not resumed", async () => {
    const { call, stream, told, send } = await start({}, [budgetFor(1_100)]);
    await send("x".repeat(4_000));
    expect(told).toEqual(["pause", "exhausted"]);
    expect(stream.produced).toBe(1_000);
    expect(call.reservation.outputTokens).toBeGreaterThanOrEqual(stream.produced);
  });

  test("without a count in time the bytes stand, and the stream is stopped", async () => {
    gateway = sampleGateway({ spool, tokens: neverCounts });
    const { stream, told, send } = await start({}, [budgetFor(1_100)]);
    await send("x".repeat(1_000));
    expect([told, stream.produced]).toEqual([["pause", "exhausted"], 1_000]);
  });

  test("a call that ended while it was counted is neither resumed nor stopped again", async () => {
    const { call, told, send } = await start({}, [budgetFor(1_100)]);
    const sent = send("x".repeat(4_000));
    call.ended = true;
    await sent;
    expect(told).toEqual(["pause"]);
  });

  test("a count asked for while another is under way loses no token and takes none twice", async () => {
    const waiting: (() => void)[] = [];
    const slow: TokenCounter = {
      ...neverCounts,
      count: (texts) =>
        new Promise((resolve) => waiting.push(() => void fourBytesAToken.count(texts, 0).then(resolve))),
    };
    gateway = sampleGateway({ spool, tokens: slow });
    const { meter, stream } = await start();
    meter.push(frame("x".repeat(4_000)));
    const first = stream.count();
    meter.push(frame("y".repeat(400)));
    const second = stream.count();
    let done = false;
    void Promise.all([first, second]).then(() => (done = true));
    while (!done) {
      waiting.shift()?.();
      await new Promise(setImmediate);
    }
    expect(stream.produced).toBe(1_100);
  });

  test("an extension that cannot be recorded is told", async () => {
    const small = mkdtempSync(join(tmpdir(), "tollhouse-stream-full-"));
    const closed = await openSpool({ dir: small });
    const { call, meter, told } = await start();
    await closed.close();
    const stream = new StreamReservation({ ...gateway, spool: closed }, call, meter, {
      pause: () => undefined,
      resume: () => undefined,
      exhausted: () => undefined,
      stopped: (code) => void told.push(code),
    });
    meter.push(frame("x".repeat(1_000)));
    stream.keepAhead();
    await expect.poll(() => told).toEqual(["SPOOL_UNAVAILABLE"]);
    rmSync(small, { recursive: true });
  });
});

test("whatever is sent: reserved stays ahead of what was made, and no stream is stopped that its limits could pay", async () => {
  const asked = fc.record({
    budget: fc.integer({ min: 1_000, max: 6_000 }),
    tokens: fc.option(fc.integer({ min: 16, max: 9_000 }), { nil: null }),
    cap: fc.option(fc.integer({ min: 16, max: 6_000 }), { nil: null, freq: 1 }),
    hidden: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    counts: fc.boolean(),
    chunks: fc.array(fc.integer({ min: 1, max: 2_500 }), { minLength: 5, maxLength: 40 }),
  });
  let stopped = 0;
  await fc.assert(
    fc.asyncProperty(asked, async (given) => {
      gateway = sampleGateway({ spool, tokens: given.counts ? fourBytesAToken : neverCounts });
      const model = given.hidden ? "o4-mini" : "gpt-4o-mini";
      const more = { model, ...(given.cap !== null && { max_completion_tokens: given.cap }) };
      const limits = [budgetFor(given.budget, more)];
      if (given.tokens !== null)
        limits.push(sampleLimit({ id: "lim_2", measure: "tokens", amount: BigInt(given.tokens) + 400n }));
      const running = await start(more, limits);
      stopped += await play(running, given.chunks);
      expect(gateway.counters.audit()).toEqual([]);
    }),
    { numRuns: 600, seed: 11 },
  );
  // The case that matters happens.
  expect(stopped).toBeGreaterThan(100);
});

/** Plays a stream to its end, or to where it is stopped (1); the provider keeps to its cap. */
async function play({ call, stream, told, send }: Running, chunks: readonly number[]): Promise<number> {
  const { estimate, facts, reservation } = call;
  const cap = reservation.outputLimit === null ? estimate.outputTokensMax : reservation.outputLimit * facts.choices;
  let bytes = 0;
  for (const size of chunks) {
    if ((bytes += size) > cap * 4) return 0;
    await send("x".repeat(size));
    const needed = Math.min(cap, estimate.hiddenTokensMax + stream.produced + LEAD);
    for (const limit of gateway.inForce)
      expect(gateway.counters.read(limit, SAMPLE_MS).reserved).toBeLessThanOrEqual(limit.amount);
    if (told.includes("exhausted")) {
      const more = outputAmounts(estimate, needed - reservation.outputTokens);
      const fits = gateway.inForce.every(
        (limit) => gateway.counters.read(limit, SAMPLE_MS).reserved + more[limit.measure] <= limit.amount,
      );
      expect(fits).toBe(false);
      return 1;
    }
    expect(reservation.outputTokens).toBeGreaterThanOrEqual(needed);
  }
  return 0;
}

test("the lead follows the rate that was learned", async () => {
  const { call, send } = await start();
  gateway.profile.learn(profileKey(call), 1_000, 1_000);
  // A thousand tokens a second, two seconds ahead, in slices of 1,500.
  await send("x");
  expect(call.reservation.outputTokens).toBe(2_524);
});

test("what a tenant's calls usually answer is learned from its own alone", async () => {
  const { call } = await start();
  const others = { ...call, identity: { ...call.identity, tenant: "b".repeat(32) } };
  gateway.profile.learn(profileKey(call), 100, 1_000);
  expect([gateway.profile.slice(profileKey(call)), gateway.profile.slice(profileKey(others))]).toEqual([150, 1_024]);
});
