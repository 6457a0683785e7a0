import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { SpoolUnavailable } from "@tollhouse/store";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { expectMemoryIsTheFold } from "./counter-fold.ts";
import { recordedCalls, steered, type RecordedCall } from "./side-by-side.ts";

// Attacks on the money by way of policies: whatever comes and goes while calls run, what counts is what was spent. At `dollar` an
// output token costs a dollar and the input nothing.

let world: StartedTollhouse;
let upstream: Simulator;
beforeAll(async () => {
  upstream = await startSimulator({ seed: 9 });
  world = await startedTollhouse({
    env: { DEFAULT_BUDGET: "0" },
    yaml: `
providers:
  - name: dollar
    base_url: ${upstream.url}/v1
    dialect: openai
    api_key: sk-dollar
    prices:
      - { model: gpt-4o, input: "0", input_cache_read: "0", output: "2000000" }
      - { model: gpt-4o-mini, input: "0", input_cache_read: "0", output: "1000000" }
`,
  });
});
afterAll(async () => {
  await world.stop();
  await upstream.close();
});

const made = new Set<string>();
afterEach(async () => {
  await expectMemoryIsTheFold(world);
  for (const id of made) await remove(id);
});

async function put(document: object, id: string | null = null): Promise<string> {
  const whole = { name: "a policy", priority: 0, mode: "enforce", attach: "default", ...document };
  const answer = await (id === null
    ? world.control<{ id: string }>("POST", "/api/v1/policies", whole)
    : world.control<{ id: string }>("PUT", `/api/v1/policies/${id}`, whole));
  made.add(answer.id);
  return answer.id;
}

async function remove(id: string): Promise<void> {
  made.delete(id);
  await world.control("DELETE", `/api/v1/policies/${id}`);
}

type Said = Readonly<Record<string, string>>;

async function spend(said: Said, tokens: number, over: object = {}): Promise<number> {
  const answer = await fetch(`${world.url}/dollar/v1/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...Object.fromEntries(Object.entries(said).map(([name, value]) => [`x-tollhouse-${name}`, value])),
    },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Tell me of tolls" }],
      max_tokens: tokens,
      ...over,
      ...steered({ output_tokens: tokens, tokens_per_second: 400 }),
    }),
  });
  await answer.text();
  return answer.status;
}

async function checkAndRecord(said: Said, tokens: number): Promise<number> {
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${world.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Record<string, unknown>;
  };
  const of = { provider: "dollar", model: "gpt-4o-mini", ...said };
  const held = await post("/sdk/check", { ...of, input_tokens: 5, max_output_tokens: tokens, reserve: true });
  if (held["allowed"] !== true) return 429;
  const usage = { prompt_tokens: 5, completion_tokens: tokens };
  await post("/sdk/record", { decision_id: held["decision_id"], usage });
  return 200;
}

const dollars = (calls: readonly RecordedCall[]): number => calls.reduce((sum, { cost }) => sum + Number(cost ?? 0), 0);

async function spentBy(user: string): Promise<number> {
  return dollars(await recordedCalls(world, `user=${user}`));
}

const usdDay = (amount: string, over: object = {}): object => ({
  limits: [{ measure: "usd", amount, window: "day", mode: "hard", scope: "user", ...over }],
});

/** Runs `work` again and again until the other is done. */
async function meanwhile(done: Promise<unknown>, work: (round: number) => Promise<unknown>): Promise<number> {
  let running = true;
  const finished = done.finally(() => (running = false));
  let rounds = 0;
  while (running) await work(rounds++);
  await finished;
  return rounds;
}

/** So many calls of each user, eight at any time, every third by way of the SDK. */
async function crowd(users: readonly Said[], calls: number): Promise<number[]> {
  const asks = Array.from({ length: calls }, (_, i) => users.map((said) => [i, said] as const)).flat();
  const statuses: number[] = [];
  const worker = async (): Promise<void> => {
    for (let next = asks.pop(); next !== undefined; next = asks.pop())
      statuses.push(await (next[0] % 3 === 0 ? checkAndRecord : spend)(next[1], 1 + (next[0] % 3)));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return statuses;
}

test("policies that come, change, flip their conditions and go under load: counters stay the fold, and a budget that holds is not passed", async () => {
  await put(usdDay("25"));
  const other = await put({ name: "flips", attach: { feature: "x" }, ...usdDay("60") });
  const users = [{ user: "flip-1" }, { user: "flip-2" }, { user: "flip-3", feature: "x" }];
  const rounds = await meanwhile(crowd(users, 40), async (round) => {
    const when = round % 2 === 0 ? { when: `estimated_cost > usd("${round % 5}")` } : {};
    await put({ attach: { feature: "x" }, ...usdDay(String(30 + (round % 4) * 10)), ...when }, other);
    const passing = await put({ name: "passes", ...usdDay("90", { window: "lifetime", measure: "usd" }) });
    await put({ name: "requests", ...usdDay("1000", { measure: "requests", window: "rolling_24h" }) }, passing);
    await remove(passing);
  });
  expect(rounds).toBeGreaterThan(1);
  for (const { user } of users.slice(0, 2)) {
    const spent = await spentBy(user);
    expect(spent, user).toBeLessThanOrEqual(25);
    // Calls of three dollars at most: nothing that fits was refused.
    expect(spent, user).toBeGreaterThanOrEqual(25);
  }
  expect(await spentBy("flip-3")).toBeLessThanOrEqual(60);
});

test("somebody moved between plans under load never has two budgets: the lower counts what the higher let through", async () => {
  for (const name of ["small", "large"]) await world.control("PUT", `/api/v1/plans/${name}`, {});
  await put({ attach: { plan: "small" }, ...usdDay("10", { scope: undefined }) });
  await put({ attach: { plan: "large" }, ...usdDay("30", { scope: undefined }) });
  const user = "mover";
  await world.control("PUT", `/api/v1/users/${user}/plan`, { plan: "small" });
  await meanwhile(crowd([{ user }], 60), (round) =>
    world.control("PUT", `/api/v1/users/${user}/plan`, { plan: round % 2 === 0 ? "large" : "small" }),
  );
  await world.control("PUT", `/api/v1/users/${user}/plan`, { plan: "large" });
  while ((await spend({ user }, 1)) === 200);
  expect(await spentBy(user)).toBe(30);
  await world.control("PUT", `/api/v1/users/${user}/plan`, { plan: "small" });
  expect(await spend({ user }, 1)).toBe(429);
});

async function streamOf(user: string, atFirstChunk: () => Promise<unknown>): Promise<void> {
  const answer = await fetch(`${world.url}/dollar/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-user": user },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Tell me of tolls" }],
      stream: true,
      ...steered({ output_tokens: 2_500, tokens_per_second: 800 }),
    }),
  });
  let chunks = 0;
  for await (const _ of answer.body as ReadableStream<Uint8Array>) if (++chunks === 1) await atFirstChunk();
}

async function expectCutBelow(user: string, dollars: number): Promise<void> {
  const [cut] = await recordedCalls(world, `user=${user}`);
  expect(cut).toMatchObject({ outcome: "settled", reason_code: "BUDGET_EXCEEDED" });
  const spent = await spentBy(user);
  expect(spent).toBeGreaterThan(100);
  expect(spent).toBeLessThanOrEqual(dollars);
}

test("a policy's budget that is lowered under a running stream ends it there", async () => {
  const user = "lowered";
  const policy = await put(usdDay("5000"));
  await streamOf(user, () => put(usdDay("1500"), policy));
  await expectCutBelow(user, 1_500);
});

test("somebody who is moved to a smaller plan under a running stream is ended at its budget", async () => {
  const user = "downgraded";
  for (const [name, dollars] of [
    ["wide", "5000"],
    ["narrow", "1500"],
  ] as const) {
    await world.control("PUT", `/api/v1/plans/${name}`, {});
    await put({ attach: { plan: name }, ...usdDay(dollars, { scope: undefined }) });
  }
  await world.control("PUT", `/api/v1/users/${user}/plan`, { plan: "wide" });
  await streamOf(user, () => world.control("PUT", `/api/v1/users/${user}/plan`, { plan: "narrow" }));
  await expectCutBelow(user, 1_500);
});

test("a policy deleted and made again in the middle of calls knows all that was spent before, between and during", async () => {
  const user = "again";
  const first = await put(usdDay("20"));
  expect(await spend({ user }, 8)).toBe(200);
  const running = [spend({ user }, 4), checkAndRecord({ user }, 3)];
  await remove(first);
  const between = spend({ user }, 4);
  await put(usdDay("20"));
  expect(await Promise.all([...running, between])).toEqual([200, 200, 200]);
  expect(await spend({ user }, 2)).toBe(429);
  expect(await spend({ user }, 1)).toBe(200);
  expect(await spentBy(user)).toBe(20);
});

test("a downgrade under load spends the budget with the cheaper model to the last dollar, and not one more", async () => {
  const user = "cheaper";
  await put({ ...usdDay("31"), on_exceed: { action: "downgrade", model: "gpt-4o-mini" } });
  const answers = await Promise.all(Array.from({ length: 40 }, () => spend({ user }, 2, { model: "gpt-4o" })));
  expect(new Set(answers)).toEqual(new Set([200, 429]));
  while ((await spend({ user }, 1, { model: "gpt-4o" })) === 200);
  expect(await spentBy(user)).toBe(31);
  const calls = (await recordedCalls(world, `user=${user}`)).filter(({ outcome }) => outcome === "settled");
  expect(new Set(calls.map(({ model }) => model))).toEqual(new Set(["gpt-4o", "gpt-4o-mini"]));
});

test("a policy that the ledger could not be told of was never made, and what it would have counted is counted when it is", async () => {
  const user = "untold";
  expect(await spend({ user }, 7)).toBe(200);
  await expectRefused(() => put(usdDay("12")));
  await expectMemoryIsTheFold(world);
  const id = await put(usdDay("12"));
  await expectMemoryIsTheFold(world);
  await expectRefused(() => put(usdDay("1000"), id));
  await expectRefused(() => put({ limits: [{ ...USER_MONTH, measure: "tokens" }] }, id));
  expect(await spend({ user }, 6, { max_tokens: 6 })).toBe(429);
  expect(await spend({ user }, 5)).toBe(200);
});

const USER_MONTH = { amount: "1000000", window: "month", mode: "hard", scope: "user" } as const;

/** Asked while the spool refuses everything, as a full disk makes it. */
async function expectRefused(work: () => Promise<unknown>): Promise<void> {
  const { spool } = world.tollhouse.gateway;
  const refusing = vi.spyOn(spool, "append").mockImplementation(() => Promise.reject(new SpoolUnavailable("full")));
  try {
    await expect(work()).rejects.toThrow("SPOOL_UNAVAILABLE");
  } finally {
    refusing.mockRestore();
  }
}
