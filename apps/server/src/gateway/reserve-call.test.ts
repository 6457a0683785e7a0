import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { boundAmounts, sliceAmounts, type Amounts, type Limit } from "@tollhouse/engine";
import { openSpool, type Spool } from "@tollhouse/store";
import type { Call } from "./call.ts";
import { inputBound, profileKey, reserveCall, type Reservation } from "./reserve-call.ts";
import { fourBytesAToken, neverCounts, sampleCall, sampleGateway, sampleLimit, SAMPLE_MS } from "./sample-call.ts";
import type { SampleGateway } from "./sample-call.ts";

const dir = mkdtempSync(join(tmpdir(), "tollhouse-reserve-"));
let spool: Spool;
let gateway: SampleGateway;
beforeAll(async () => {
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => renew());

function renew(tokens = fourBytesAToken): void {
  gateway = sampleGateway({ spool, tokens });
}

const mustNotCount = { ...neverCounts, count: () => Promise.reject(new Error("counted")) };
const messages = [{ role: "user", content: "How do I cross the bridge?" }];
const chat = { model: "gpt-4o-mini", messages };
/** Nano-dollars of so many output tokens of gpt-4o-mini, at $0.60 a million. */
const output = (tokens: number): bigint => BigInt(tokens) * 600n;

async function reserve(body: Record<string, unknown>): Promise<{ call: Call; reservation: Reservation }> {
  const call = sampleCall(gateway, { body });
  const reservation = await reserveCall(gateway, call, body);
  if ("code" in reservation) throw new Error(`refused: ${reservation.code}: ${reservation.message}`);
  return { call, reservation };
}

async function refused(body: Record<string, unknown>): Promise<string> {
  const result = await reserveCall(gateway, sampleCall(gateway, { body }), body);
  return "code" in result ? result.code : "reserved";
}

describe("how a call is held", () => {
  test("not streamed, and small beside every hard limit: its whole bound, and the request stays as it is", async () => {
    gateway.inForce = [
      sampleLimit({ amount: 1_000_000_000n }),
      sampleLimit({ id: "lim_2", measure: "tokens", amount: 100_000n }),
    ];
    const { call, reservation } = await reserve({ ...chat, max_tokens: 100 });
    expect(reservation).toMatchObject({ mode: "bound", outputTokens: 100, outputLimit: null, edit: {} });
    expect({ usd: reservation.usd, tokens: reservation.tokens, requests: 1n }).toEqual(boundAmounts(call.estimate));
  });

  test.each([
    ["usd", { measure: "usd", amount: 700_000n }],
    ["tokens", { measure: "tokens", amount: 10_000n }],
  ] as const)(
    "not streamed, and over a tenth of what is left of %s: a slice, and the provider is asked for a stream",
    async (_, limit) => {
      gateway.inForce = [sampleLimit(limit)];
      const { reservation } = await reserve({ ...chat, max_tokens: 2_000 });
      expect(reservation).toMatchObject({ mode: "assembled", edit: { forceStream: true, includeUsage: true } });
      expect(reservation.outputTokens).toBeLessThanOrEqual(1_024);
    },
  );

  test.each(["usd", "tokens"] as const)(
    "a tenth of what is left of %s is small, one unit more is not",
    async (measure) => {
      const body = { ...chat, max_tokens: 500 };
      const tenfold = boundAmounts(sampleCall(gateway, { body }).estimate)[measure] * 10n;
      gateway.inForce = [sampleLimit({ measure, amount: tenfold })];
      expect((await reserve(body)).reservation.mode).toBe("bound");
      renew();
      gateway.inForce = [sampleLimit({ measure, amount: tenfold - 1n })];
      expect((await reserve(body)).reservation.mode).toBe("assembled");
    },
  );

  test("a soft limit makes nothing small or large, and refuses nothing", async () => {
    gateway.inForce = [sampleLimit({ amount: 1n, mode: "soft" })];
    expect((await reserve({ ...chat, max_tokens: 4_000 })).reservation.mode).toBe("bound");
  });

  test("a stream holds a first slice, as large as this model's answers usually are, for each choice", async () => {
    expect((await reserve({ ...chat, stream: true })).reservation.outputTokens).toBe(1_024);
    expect((await reserve({ ...chat, stream: true, max_tokens: 50 })).reservation.outputTokens).toBe(50);
    expect((await reserve({ ...chat, stream: true, n: 3 })).reservation.outputTokens).toBe(3_072);
    const usual = sampleCall(gateway, { body: chat });
    const elsewhere = { ...usual.identity, tenant: "01976f5e-0000-7000-8000-000000000002" };
    gateway.profile.learn(profileKey({ ...usual, identity: elsewhere }), 800, 1_000);
    expect((await reserve({ ...chat, stream: true })).reservation.outputTokens).toBe(1_024);
    gateway.profile.learn(profileKey(usual), 200, 1_000);
    expect((await reserve({ ...chat, stream: true })).reservation.outputTokens).toBe(300);
  });

  test("hidden reasoning is held from the start, at its own ceiling", async () => {
    const { call, reservation } = await reserve({
      model: "o4-mini",
      messages,
      stream: true,
      max_completion_tokens: 5_000,
    });
    expect(call.estimate.hiddenTokensMax).toBe(5_000);
    expect(reservation.outputTokens).toBe(5_000);
  });
});

describe("a call is capped before it is refused", () => {
  // A count of the input would find more room.
  beforeEach(() => renew(neverCounts));

  test("at what can be paid, to the token, and the provider is told", async () => {
    const call = sampleCall(gateway, { body: { ...chat, stream: true } });
    gateway.inForce = [sampleLimit({ amount: sliceAmounts(call.estimate, 0).usd + output(100) + 599n })];
    const { reservation } = await reserve({ ...chat, stream: true });
    expect(reservation).toMatchObject({ outputTokens: 100, outputLimit: 100, edit: { outputTokensMax: 100 } });
  });

  test("all choices are paid for, and each gets the same", async () => {
    const body = { ...chat, stream: true, n: 3 };
    const call = sampleCall(gateway, { body });
    gateway.inForce = [sampleLimit({ amount: sliceAmounts(call.estimate, 0).usd + output(100) })];
    expect((await reserve(body)).reservation).toMatchObject({ outputTokens: 99, outputLimit: 33 });
  });

  test("15 tokens are refused, 16 are not; and the client's own smaller cap is served in full", async () => {
    const input = sliceAmounts(sampleCall(gateway, { body: { ...chat, stream: true } }).estimate, 0).usd;
    gateway.inForce = [sampleLimit({ amount: input + output(15) })];
    expect(await refused({ ...chat, stream: true })).toBe("BUDGET_EXCEEDED");
    renew(neverCounts);
    gateway.inForce = [sampleLimit({ amount: input + output(16) })];
    expect((await reserve({ ...chat, stream: true })).reservation.outputLimit).toBe(16);
    renew(neverCounts);
    const five = { ...chat, stream: true, max_tokens: 5 };
    const bound = boundAmounts(sampleCall(gateway, { body: five }).estimate).usd;
    gateway.inForce = [sampleLimit({ amount: bound })];
    expect((await reserve(five)).reservation).toMatchObject({ outputTokens: 5, outputLimit: null });
  });

  test("what is not streamed is capped too, and assembled", async () => {
    const call = sampleCall(gateway, { body: chat });
    gateway.inForce = [sampleLimit({ measure: "tokens", amount: call.estimate.inputTokens + 40n })];
    expect((await reserve(chat)).reservation).toMatchObject({ mode: "assembled", outputTokens: 40, outputLimit: 40 });
  });

  test("requests cannot be cut: one over is refused, without counting anything", async () => {
    renew(mustNotCount);
    gateway.inForce = [sampleLimit({ measure: "requests", amount: 1n })];
    await reserve({ ...chat, stream: true });
    expect(await refused({ ...chat, stream: true })).toBe("REQUEST_LIMIT_EXCEEDED");
  });

  test("an endpoint without an output cap is refused", async () => {
    gateway.inForce = [sampleLimit({ amount: 1n })];
    const body = { model: "text-embedding-3-small", input: "x".repeat(500) };
    const call = sampleCall(gateway, { body, path: "/v1/embeddings" });
    expect(await reserveCall(gateway, call, body)).toMatchObject({ code: "BUDGET_EXCEEDED" });
  });

  test("a tool without a bound is refused under a hard budget, and only there", async () => {
    const body = { model: "gpt-4o-mini", input: "hi", tools: [{ type: "web_search" }], max_output_tokens: 16 };
    const asked = (): Call => sampleCall(gateway, { body, path: "/v1/responses" });
    expect(asked().estimate.bounded).toBe(false);
    expect("code" in (await reserveCall(gateway, asked(), body))).toBe(false);
    gateway.inForce = [
      sampleLimit({ amount: 1_000_000_000n, mode: "soft" }),
      sampleLimit({ id: "lim_t", measure: "tokens" }),
    ];
    expect("code" in (await reserveCall(gateway, asked(), body))).toBe(false);
    gateway.inForce = [sampleLimit({ amount: 1_000_000_000n })];
    expect(await reserveCall(gateway, asked(), body)).toMatchObject({ code: "REQUEST_COST_CAP", param: "tools" });
  });
});

describe("the input is counted where the decision depends on it", () => {
  const long = {
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: "a long story ".repeat(1_000) }],
    stream: true,
  };

  test("what does not fit by its bytes fits by its tokens", async () => {
    const byBytes = sliceAmounts(sampleCall(gateway, { body: long }).estimate, 0).usd;
    gateway.inForce = [sampleLimit({ amount: byBytes / 2n })];
    const { call, reservation } = await reserve(long);
    const texts = call.target.upstream.adapter.inputTexts(call.route, long);
    const counted = Math.ceil(Buffer.byteLength(texts.join("")) / 4);
    expect(Number(call.estimate.inputTokens)).toBe(inputBound(counted, texts, "openai"));
    expect(reservation.usd).toBeLessThanOrEqual(byBytes / 2n);
  });

  test("nobody counts where it fits, nor where no count could help", async () => {
    renew(mustNotCount);
    await reserve(long);
    gateway.inForce = [sampleLimit({ amount: 1_000n })];
    expect(await refused(long)).toBe("BUDGET_EXCEEDED");
  });

  test("a counter that does not answer in time leaves the bytes standing", async () => {
    const byBytes = sliceAmounts(sampleCall(gateway, { body: long }).estimate, 0).usd;
    renew(neverCounts);
    gateway.inForce = [sampleLimit({ amount: byBytes - 1n })];
    expect(await refused(long)).toBe("BUDGET_EXCEEDED");
  });

  test.each([
    ["openai", 1_050],
    ["anthropic", 1_500],
    ["gemini", 1_250],
  ] as const)("a count is raised for what %s may count otherwise", (dialect, tokens) => {
    expect(inputBound(1_000, ["x".repeat(400)], dialect)).toBe(tokens + 64 + 8);
    // Never below a token for four bytes, and framing for each text.
    expect(inputBound(1, ["ü".repeat(2_000), ""], dialect)).toBe(1_000 + 64 + 16);
  });
});

test("whatever the limits, choices and caps: nothing above the room is held, and nothing that fits is refused", async () => {
  const limit = fc.record({
    measure: fc.constantFrom("usd" as const, "tokens" as const, "requests" as const),
    mode: fc.constantFrom("hard" as const, "hard" as const, "soft" as const),
    share: fc.integer({ min: 0, max: 1_000 }),
    used: fc.integer({ min: 0, max: 100 }),
  });
  const asked = fc.record({
    model: fc.constantFrom("gpt-4o-mini", "gpt-4o", "o4-mini"),
    stream: fc.boolean(),
    n: fc.integer({ min: 1, max: 4 }),
    cap: fc.option(fc.integer({ min: 1, max: 3_000 }), { nil: null }),
    words: fc.integer({ min: 1, max: 300 }),
    counts: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(limit, { maxLength: 4 }), asked, async (limits, given) => {
      renew(given.counts ? fourBytesAToken : neverCounts);
      const body = bodyOf(given);
      const most = sliceAmounts(sampleCall(gateway, { body }).estimate, 1_500 * given.n);
      gateway.inForce = limits.map(({ measure, mode, share }, i) =>
        sampleLimit({ id: `lim_${i}`, measure, mode, amount: (most[measure] * BigInt(share)) / 400n }),
      );
      gateway.inForce.forEach(({ id, amount }, i) =>
        gateway.counters.seed(id, "lifetime", (amount * BigInt(limits[i]?.used ?? 0)) / 100n),
      );
      await checkAgainstModel(body, given.n);
    }),
    { numRuns: 1_500, seed: 7 },
  );
});

interface Given {
  readonly model: string;
  readonly stream: boolean;
  readonly n: number;
  readonly cap: number | null;
  readonly words: number;
}

function bodyOf({ model, stream, n, cap, words }: Given): Record<string, unknown> {
  const content = "bridge ".repeat(words);
  return {
    model,
    stream,
    n,
    messages: [{ role: "user", content }],
    ...(cap !== null && { max_completion_tokens: cap }),
  };
}

/** What is left of each hard limit, and by it the least that a call must hold to be worth making. */
async function checkAgainstModel(body: Record<string, unknown>, choices: number): Promise<void> {
  const left = new Map(gateway.inForce.filter(isHard).map((each) => [each, roomOf(each)]));
  const fits = (amounts: Amounts): boolean => [...left].every(([each, room]) => amounts[each.measure] <= room);
  const call = sampleCall(gateway, { body });
  const result = await reserveCall(gateway, call, body);
  const least = sliceAmounts(call.estimate, Math.min(16 * choices, call.estimate.outputTokensMax));
  expect("code" in result).toBe(!fits(least));
  if ("code" in result) {
    expect(gateway.counters.pendingCount).toBe(0);
    return;
  }
  const held = { usd: result.usd, tokens: result.tokens, requests: 1n };
  expect(fits(held)).toBe(true);
  for (const each of gateway.inForce) expect(gateway.counters.read(each, SAMPLE_MS).reserved).toBe(held[each.measure]);
  if (result.outputLimit !== null) {
    // The cap is what was paid for, and one token more for every choice would not have fitted.
    expect(result.outputLimit * choices).toBe(result.outputTokens);
    expect(fits(sliceAmounts(call.estimate, result.outputTokens + choices))).toBe(false);
  }
  expect(gateway.counters.audit()).toEqual([]);
}

function isHard(limit: Limit): boolean {
  return limit.mode === "hard";
}

function roomOf(limit: Limit): bigint {
  const { settled, reserved } = gateway.counters.read(limit, SAMPLE_MS);
  return limit.amount - settled - reserved;
}
