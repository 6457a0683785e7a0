import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { LimitAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { expectMemoryIsTheFold } from "./counter-fold.ts";
import { recordedCalls } from "./side-by-side.ts";

// Attacks on the money by way of the SDK API: what is said wrongly, twice, late, or in other words than a provider's.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(async () => {
  // Whatever these tests did: counters in memory are what the ledger says.
  await expectMemoryIsTheFold(world);
  await world.stop();
});

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly allowed?: boolean;
    readonly decision_id: string;
    readonly reason_code?: string | null;
    readonly cost?: string | null;
    readonly errors?: readonly { readonly field: string; readonly problem: string }[];
  };
}

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Answered> {
  const answer = await fetch(`${world.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Answered["body"] };
}

const MINI = { provider: "openai", model: "gpt-4o-mini" };
const asked = { ...MINI, input_tokens: 100, max_output_tokens: 100 };
const check = (over: object): Promise<Answered> => post("/sdk/check", { ...asked, ...over });
const record = (over: object): Promise<Answered> => post("/sdk/record", { ...MINI, ...over });

function makeLimit(scope: string, amount: string, over: object = {}): Promise<LimitAnswer> {
  const limit = { scope, measure: "usd", amount, window: "lifetime", mode: "hard", ...over };
  return world.control<LimitAnswer>("POST", "/api/v1/limits", limit);
}

async function stateOf({ id }: LimitAnswer): Promise<LimitAnswer["state"]> {
  return (await world.control<LimitAnswer>("GET", `/api/v1/limits/${id}`)).state;
}

async function withPolicy<T>(document: object, work: () => Promise<T>): Promise<T> {
  const whole = { name: "a policy", priority: 0, mode: "enforce", attach: "default", ...document };
  const { id } = await world.control<{ id: string }>("POST", "/api/v1/policies", whole);
  try {
    return await work();
  } finally {
    await world.control("DELETE", `/api/v1/policies/${id}`);
  }
}

describe("a usage that says no count is refused by its name, and nothing is counted", () => {
  const whole = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
  const claude = { input_tokens: 100, output_tokens: 50 };
  const gemini = { promptTokenCount: 100, candidatesTokenCount: 50, totalTokenCount: 150 };
  const details = (of: object): object => ({ ...whole, prompt_tokens_details: of });

  test.each([
    ["openai", { ...whole, prompt_tokens: "100" }, "usage.prompt_tokens"],
    ["openai", { ...whole, completion_tokens: -50 }, "usage.completion_tokens"],
    ["openai", { ...whole, completionTokens: 0.5, completion_tokens: undefined }, "usage.completion_tokens"],
    ["openai", { ...whole, prompt_tokens: 1e15 }, "usage.prompt_tokens"],
    ["openai", { ...whole, total_tokens: "NaN" }, "usage.total_tokens"],
    ["openai", details({ cached_tokens: "80" }), "usage.prompt_tokens_details.cached_tokens"],
    ["openai", details({ audioTokens: -1 }), "usage.prompt_tokens_details.audio_tokens"],
    ["openai", { prompt_tokens: 100 }, "usage"],
    ["openai", { completion_tokens: 100 }, "usage"],
    ["anthropic", { ...claude, cache_creation_input_tokens: "9000" }, "usage.cache_creation_input_tokens"],
    ["anthropic", { ...claude, cacheCreation: { ephemeral1hInputTokens: -9 } }, "usage.cache_creation"],
    ["anthropic", { ...claude, output_tokens: true }, "usage.output_tokens"],
    ["gemini", { ...gemini, candidatesTokenCount: "50", totalTokenCount: undefined }, "usage.candidatesTokenCount"],
    ["gemini", { ...gemini, thoughts_token_count: -50 }, "usage.thoughtsTokenCount"],
    [
      "gemini",
      { ...gemini, promptTokensDetails: [{ modality: "AUDIO", tokenCount: "9" }] },
      "usage.promptTokensDetails",
    ],
    ["somebody", { input: -1, output: 2 }, "usage.input"],
  ])("%s: %j", async (provider, usage, field) => {
    const session = `shape ${JSON.stringify(usage)}`.slice(0, 120);
    const model = { openai: "gpt-4o-mini", anthropic: "claude-haiku-4-5", gemini: "gemini-2.5-flash" }[provider] ?? "m";
    const answer = await record({ provider, model, usage, session });
    expect([answer.status, answer.body.reason_code]).toEqual([400, "REQUEST_INVALID"]);
    expect(answer.body.errors?.[0]?.field).toContain(field);
    expect(await recordedCalls(world, `session=${encodeURIComponent(session)}`)).toEqual([]);
  });
});

test("camelCase inside a usage is read as deep as it goes: an hour's cache costs an hour's price", async () => {
  const of = { provider: "anthropic", model: "claude-haiku-4-5" };
  const counts = { input_tokens: 10, output_tokens: 10, cache_creation_input_tokens: 9_000 };
  const snake = { ...counts, cache_creation: { ephemeral_1h_input_tokens: 9_000 } };
  const camel = {
    inputTokens: 10,
    outputTokens: 10,
    cacheCreationInputTokens: 9_000,
    cacheCreation: { ephemeral1hInputTokens: 9_000 },
  };
  // 10 × $1, 10 × $5 and 9,000 × $2 a million.
  const costs = await Promise.all([snake, camel].map(async (usage) => (await record({ ...of, usage })).body.cost));
  expect(costs).toEqual(["0.018060000", "0.018060000"]);
});

test("what no usage says costs nothing more; absent and null details are as the providers leave them", async () => {
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: null,
    completion_tokens_details: { reasoning_tokens: null, accepted_prediction_tokens: 0 },
  };
  expect((await record({ usage })).body.cost).toBe("0.000045000");
});

test("an input that is counted is held against a policy's caps by its tokens, and not by its bytes", async () => {
  // 400 words of four letters: some 2,000 bytes, and 400 tokens.
  const input = Array.from({ length: 400 }, () => "toll").join(" ");
  const ask = { ...MINI, input, max_output_tokens: 10 };
  await withPolicy({ caps: { input_tokens: 1_000 } }, async () => {
    expect((await post("/sdk/check", ask)).body).toMatchObject({ allowed: true });
    const twice = { ...ask, input: [input, input, input].join(" ") };
    expect((await post("/sdk/check", twice)).body).toMatchObject({ allowed: false, reason_code: "REQUEST_TOKEN_CAP" });
    // Counted by the caller it is what he says.
    expect((await check({ input_tokens: 1_001 })).body).toMatchObject({ allowed: false });
  });
  await withPolicy({ caps: { cost: "0.000100" } }, async () => {
    expect((await post("/sdk/check", ask)).body).toMatchObject({ allowed: true });
    expect((await post("/sdk/check", { ...ask, max_output_tokens: 200 })).body).toMatchObject({
      allowed: false,
      reason_code: "REQUEST_COST_CAP",
    });
  });
});

test("the output cap of a policy is held whole, as one that the caller names", async () => {
  const limit = await makeLimit("session:capped", "1");
  const ask = { ...MINI, input_tokens: 100, session: "capped", reserve: true };
  await withPolicy({ caps: { output_tokens: 4_000 } }, async () => {
    const { body } = await post("/sdk/check", ask);
    expect(body).toMatchObject({ allowed: true, estimate: { output_tokens: 4_000 } });
    // 100 × $0.15 and 4,000 × $0.60 a million.
    expect(await stateOf(limit)).toMatchObject({ reserved: "0.002415000" });
    await record({ decision_id: body.decision_id, usage: { prompt_tokens: 100, completion_tokens: 4_000 } });
    expect(await stateOf(limit)).toMatchObject({ settled: "0.002415000", reserved: "0.000000000" });
  });
});

test("a loop of checks is a loop: the same input again and again, and no other one", async () => {
  const rule = { kind: "loop", per: "session", threshold: "4", window_seconds: 600, action: "block" };
  const { id } = await world.control<{ id: string }>("POST", "/api/v1/anomaly-rules", rule);
  const ask = async (session: string, input: unknown): Promise<unknown> =>
    (await post("/sdk/check", { ...MINI, input, session })).body.reason_code;
  const messages = [{ role: "user", content: "again" }];
  const codes = [];
  for (let i = 0; i < 4; i++) codes.push(await ask("checked in a loop", messages));
  expect(codes).toEqual([null, null, null, "LOOP_DETECTED"]);
  for (let i = 0; i < 6; i++) expect(await ask("checked onwards", `step ${i}`)).toBeNull();
  // Of sizes nobody knows what they are the same as.
  for (let i = 0; i < 6; i++) expect((await check({ session: "sizes" })).body.allowed).toBe(true);
  await world.control("DELETE", `/api/v1/anomaly-rules/${id}`);
});

test("what is stopped while a check's input is counted is stopped, and nothing stays held", async () => {
  const limit = await makeLimit("session:stopped", "0.000100");
  const { tokens } = world.tollhouse.gateway;
  const stopped = { scope: "user:stopped", reason: "abuse" };
  const counting = vi.spyOn(tokens, "count").mockImplementation(async () => {
    await world.control("POST", "/api/v1/blocks", stopped);
    return 10;
  });
  const whose = { session: "stopped", user: "stopped", reserve: true };
  // Its bytes do not fit, its tokens would.
  const answer = await post("/sdk/check", { ...MINI, ...whose, input: "toll ".repeat(400), max_output_tokens: 10 });
  expect(counting).toHaveBeenCalledOnce();
  counting.mockRestore();
  expect(answer.body).toMatchObject({ allowed: false, reason_code: "USER_BLOCKED", reservation: null });
  expect(await stateOf(limit)).toMatchObject({ settled: "0.000000000", reserved: "0.000000000" });
});

test("one record sent by many at once, with its key, its check, or both, is counted once", async () => {
  const limit = await makeLimit("session:once", "1");
  const held = await check({ session: "once", reserve: true });
  const usage = { prompt_tokens: 100, completion_tokens: 50 };
  const of = { decision_id: held.body.decision_id, usage };
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => record({ ...of, idempotency_key: "once-1" })),
    ...Array.from({ length: 20 }, () => record(of)),
    ...Array.from({ length: 20 }, () => record({ ...of, idempotency_key: "once-2" })),
    post("/sdk/record", { records: Array.from({ length: 20 }, () => ({ ...MINI, ...of })) }),
  ]);
  expect(new Set(answers.slice(0, 60).map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(answers.at(-1)?.body).toMatchObject({ recorded: 20, failed: 0 });
  expect(await stateOf(limit)).toMatchObject({ settled: "0.000045000", reserved: "0.000000000" });
  expect(await recordedCalls(world, "session=once")).toHaveLength(1);
  const another = await record({ ...of, usage: { prompt_tokens: 1, completion_tokens: 1 }, idempotency_key: "once-1" });
  expect([another.status, another.body.reason_code]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
});

test("a late record of a check that expired counts on what came meanwhile too, once", async () => {
  const limit = await makeLimit("user:late", "1");
  const held = await check({ user: "late", reserve: true, ttl_seconds: 1 });
  await expect.poll(async () => (await stateOf(limit)).reserved, { timeout: 10_000, interval: 20 }).toBe("0.000000000");
  const limits = [{ measure: "usd", amount: "0.000060", window: "day", mode: "hard", scope: "user" }];
  await withPolicy({ limits, attach: { user: "late" } }, async () => {
    const late = { decision_id: held.body.decision_id, usage: { prompt_tokens: 100, completion_tokens: 50 } };
    const [one, two] = await Promise.all([record(late), record(late)]);
    expect(one.body).toMatchObject({ confirmed: false, cost: "0.000045000" });
    expect(two.body).toEqual(one.body);
    expect(await stateOf(limit)).toMatchObject({ settled: "0.000045000" });
    expect((await check({ user: "late", max_output_tokens: 1 })).body).toMatchObject({
      allowed: false,
      reason_code: "BUDGET_EXCEEDED",
      limit_state: { settled: "0.000045000" },
    });
  });
});

test("usage of yesterday is in the reports of its day, and all reports add up to the ledger", async () => {
  const usage = { prompt_tokens: 1_000, completion_tokens: 500 };
  for (const hours of [0, 1, 5, 23]) {
    const timestamp = new Date(Date.now() - hours * 3_600_000 + 60_000 * (hours === 0 ? 0 : 1)).toISOString();
    expect((await record({ usage, timestamp, team: "late" })).status).toBe(200);
  }
  const calls = await recordedCalls(world, "team=late");
  expect(calls.map(({ cost }) => cost)).toEqual(Array.from({ length: 4 }, () => "0.000450000"));
  const from = new Date(Date.now() - 48 * 3_600_000).toISOString();
  const to = new Date(Date.now() + 3_600_000).toISOString();
  const query = `from=${from}&to=${to}&team=late`;
  const report = await world.control<{ total?: { cost: string } }>("GET", `/api/v1/usage?${query}`);
  expect(JSON.stringify(report)).toContain("0.001800000");
});
