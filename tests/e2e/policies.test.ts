import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import OpenAI, { BadRequestError, PermissionDeniedError, RateLimitError } from "openai";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { lastBilled, steered } from "./side-by-side.ts";

// Policies and plans from outside, with official clients. At `dollar` an output token costs a dollar and the input nothing, so that
// budgets can be counted on fingers.

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
      - { model: gpt-4o-mini, input: "0", input_cache_read: "0", output: "1000000" }
`,
  });
});
afterAll(async () => {
  await world.stop();
  await upstream.close();
});

const made: string[] = [];
afterEach(async () => {
  for (const id of made.splice(0)) await world.control("DELETE", `/api/v1/policies/${id}`);
});

interface Made {
  readonly id: string;
  readonly version: number;
}

async function policy(document: object): Promise<Made> {
  const whole = { name: "a policy", priority: 0, mode: "enforce", attach: "default", ...document };
  const answer = await world.control<Made>("POST", "/api/v1/policies", whole);
  made.push(answer.id);
  return answer;
}

const plan = (name: string): Promise<unknown> => world.control("PUT", `/api/v1/plans/${name}`, {});
const putOn = (kind: "users" | "customers", id: string, name: string): Promise<unknown> =>
  world.control("PUT", `/api/v1/${kind}/${id}/plan`, { plan: name });

const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
const headersOf = (said: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(said).map(([name, value]) => [`x-tollhouse-${name}`, value]));
const openai = (said: Record<string, string> = {}): OpenAI =>
  new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "anything", maxRetries: 0, defaultHeaders: headersOf(said) });
const anthropic = (said: Record<string, string> = {}): Anthropic =>
  new Anthropic({ baseURL: world.url, apiKey: "anything", maxRetries: 0, defaultHeaders: headersOf(said) });
const gemini = (said: Record<string, string> = {}): GoogleGenAI =>
  new GoogleGenAI({ apiKey: "anything", httpOptions: { baseUrl: world.url, headers: headersOf(said) } });

async function raised(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

interface Outcome {
  readonly status: number;
  readonly reason: string | null;
  readonly headers: Headers;
  readonly message: string;
}

/** At `dollar`: a call that may make `most` output tokens and makes `tokens`, a dollar each. */
async function spend(said: Record<string, string>, tokens: number, most: number | null = tokens): Promise<Outcome> {
  const answer = await fetch(`${world.url}/dollar/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headersOf(said) },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages,
      ...(most !== null && { max_tokens: most }),
      ...steered({ output_tokens: tokens }),
    }),
  });
  const text = await answer.text();
  const message = answer.status === 200 ? "" : (JSON.parse(text) as { error: { message: string } }).error.message;
  return { status: answer.status, reason: answer.headers.get("x-tollhouse-reason"), headers: answer.headers, message };
}

interface Decided {
  readonly model: string;
  readonly reason_code: string | null;
  readonly limits: readonly { readonly scope: string; readonly at_decision: { readonly amount: string } }[];
  readonly policy: {
    readonly plan: string | null;
    readonly values: readonly { readonly setting: string; readonly policy: string; readonly version: number }[];
    readonly checks: readonly { readonly rule: string; readonly outcome: string }[];
    readonly alerts: readonly string[];
    readonly asked_model: string | null;
    readonly output_limit: number | null;
    readonly observed: { readonly outcome: string; readonly reason_code: string | null } | null;
  } | null;
}

async function decision(headers: { get(name: string): string | null }): Promise<Decided> {
  await world.recorded();
  return world.control("GET", `/api/v1/decisions/${headers.get("x-tollhouse-decision")}`);
}

const USD_DAY = { measure: "usd", window: "day", mode: "hard" } as const;
const SPENT = { status: 200, reason: null };
const OVER = { status: 429, reason: "BUDGET_EXCEEDED" };

test("deny and allow: each client raises its own error, and the provider sees nothing", async () => {
  await policy({ models: { deny: ["gpt-4o-2*", "claude-opus*", "*-pro"] } });
  await policy({
    attach: { feature: "narrow" },
    models: { allow: ["gpt-4o-mini"] },
    endpoints: { deny: ["embeddings"] },
  });
  const before = world.simulator.calls();
  const refused = await raised(openai().chat.completions.create({ model: "GPT-4o-2024-08-06", messages }));
  expect(refused).toBeInstanceOf(PermissionDeniedError);
  expect(refused).toMatchObject({ code: "MODEL_NOT_ALLOWED" });
  expect(
    await raised(anthropic().messages.create({ model: "claude-opus-4-5", max_tokens: 20, messages })),
  ).toBeInstanceOf(Anthropic.PermissionDeniedError);
  expect(await raised(gemini().models.generateContent({ model: "gemini-2.5-pro", contents: "Hi" }))).toMatchObject({
    status: 403,
  });
  const narrow = openai({ feature: "narrow" });
  expect(await raised(narrow.chat.completions.create({ model: "gpt-4o", messages }))).toMatchObject({
    code: "MODEL_NOT_ALLOWED",
  });
  expect(
    await raised(narrow.embeddings.create({ model: "gpt-4o-mini", input: "Hi", encoding_format: "float" })),
  ).toMatchObject({ code: "FEATURE_NOT_ALLOWED" });
  expect(world.simulator.calls()).toBe(before);
  await narrow.chat.completions.create({ model: "gpt-4o-mini", messages, max_tokens: 20 });
  expect(world.simulator.calls()).toBe(before + 1);
});

test("caps: what is named above is refused, what is not named is cut short and says so, what may not be cut is refused", async () => {
  await policy({ attach: { feature: "capped" }, caps: { output_tokens: 50 } });
  await policy({ attach: { feature: "uncut" }, caps: { output_tokens: 50 }, output_clamp: "forbidden" });
  const chat = { model: "gpt-4o-mini", messages, ...steered({ output_tokens: 400 }) };
  const named = openai({ feature: "capped" }).chat.completions.create({ ...chat, max_tokens: 51 });
  expect(await raised(named)).toBeInstanceOf(BadRequestError);
  for (const stream of [false, true]) {
    const { response } = await openai({ feature: "capped" })
      .chat.completions.create({ ...chat, stream })
      .withResponse();
    expect(response.headers.get("x-tollhouse-output-limit")).toBe("50");
    await response.body?.cancel().catch(() => undefined);
  }
  const whole = await openai({ feature: "capped" }).chat.completions.create(chat);
  expect([whole.choices[0]?.finish_reason, whole.usage?.completion_tokens]).toEqual(["length", 50]);
  const short = await gemini({ feature: "capped" }).models.generateContent({
    model: "gemini-2.5-flash",
    contents: "Hi",
  });
  expect(short.usageMetadata?.candidatesTokenCount ?? 0).toBeLessThanOrEqual(50);
  expect(await raised(openai({ feature: "uncut" }).chat.completions.create(chat))).toMatchObject({
    status: 400,
    code: "REQUEST_TOKEN_CAP",
  });
});

test("a cap on input is held against the exact count where the bytes alone would pass it", async () => {
  await policy({ attach: { feature: "brief" }, caps: { input_tokens: 400 } });
  const ask = (words: number): Promise<unknown> =>
    openai({ feature: "brief" }).chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "river ".repeat(words) }],
      max_tokens: 16,
    });
  // 1,200 bytes, some 200 tokens.
  await ask(200);
  expect(await raised(ask(2_000))).toMatchObject({ status: 400, code: "REQUEST_TOKEN_CAP" });
});

test("a budget that may not be met by cutting the answer short refuses", async () => {
  await policy({
    attach: { feature: "whole" },
    output_clamp: "forbidden",
    limits: [{ ...USD_DAY, amount: "30", scope: "session" }],
  });
  await policy({ attach: { feature: "cut" }, limits: [{ ...USD_DAY, amount: "30", scope: "session" }] });
  expect(await spend({ session: "a", feature: "whole" }, 40)).toMatchObject(OVER);
  expect(await spend({ session: "b", feature: "cut" }, 40)).toMatchObject(SPENT);
});

test("downgrade: each dialect is served by the cheaper model, told so, billed for it, and explained", async () => {
  const cost = "0.002";
  await policy({ attach: { feature: "o" }, caps: { cost }, on_exceed: { action: "downgrade", model: "gpt-4o-mini" } });
  await policy({
    attach: { feature: "a" },
    caps: { cost: "0.01" },
    on_exceed: { action: "downgrade", model: "claude-haiku-4-5" },
  });
  await policy({
    attach: { feature: "g" },
    caps: { cost },
    on_exceed: { action: "downgrade", model: "gemini-2.5-flash" },
  });
  const told: Headers[] = [];
  for (const stream of [false, true]) {
    const chat = { model: "gpt-4o", messages, max_tokens: 1_000, stream, ...steered({ output_tokens: 20 }) };
    const { response } = await openai({ feature: "o" }).chat.completions.create(chat).withResponse();
    expect([response.headers.get("x-tollhouse-model"), lastBilled(world.simulator).model]).toEqual([
      "gpt-4o-mini",
      expect.stringMatching(/^gpt-4o-mini/),
    ]);
    told.push(response.headers);
  }
  const claude = { model: "claude-opus-4-5", messages, max_tokens: 1_000, ...steered({ output_tokens: 20 }) };
  const answered = await anthropic({ feature: "a" }).messages.create(claude).withResponse();
  expect([answered.response.headers.get("x-tollhouse-model"), answered.data.model]).toEqual([
    "claude-haiku-4-5",
    expect.stringMatching(/^claude-haiku-4-5/),
  ]);
  const raw = await fetch(`${world.url}/v1beta/models/gemini-2.5-pro:generateContent`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headersOf({ feature: "g" }) },
    body: JSON.stringify({
      contents: [{ role: "user", parts: [{ text: "Hi" }] }],
      generationConfig: { maxOutputTokens: 600, thinkingConfig: { thinkingBudget: 128 } },
    }),
  });
  expect([raw.status, raw.headers.get("x-tollhouse-model")]).toEqual([200, "gemini-2.5-flash"]);
  expect(lastBilled(world.simulator).model).toMatch(/^gemini-2.5-flash/);
  const explained = await decision(told[0] as Headers);
  expect(explained).toMatchObject({ model: "gpt-4o-mini", policy: { asked_model: "gpt-4o" } });
});

test("downgrade goes no way around a key's models, a kill switch or a deny, and a cheap call stays as it is", async () => {
  const { id } = await policy({
    attach: { feature: "down" },
    caps: { cost: "0.002" },
    on_exceed: { action: "downgrade", model: "gpt-4o-mini" },
  });
  const chat = { model: "gpt-4o", messages, max_tokens: 1_000 };
  const cheap = await openai({ feature: "down" })
    .chat.completions.create({ ...chat, max_tokens: 20 })
    .withResponse();
  expect(cheap.response.headers.get("x-tollhouse-model")).toBeNull();
  const { key } = await world.control<{ key: string }>("POST", "/api/v1/keys", { name: "big", models: ["gpt-4o"] });
  const own = new OpenAI({
    baseURL: `${world.url}/v1`,
    apiKey: key,
    maxRetries: 0,
    defaultHeaders: headersOf({ feature: "down" }),
  });
  expect(await raised(own.chat.completions.create(chat))).toMatchObject({ code: "REQUEST_COST_CAP" });
  const stop = await world.control<Made>("POST", "/api/v1/kill-switches", {
    scope: "model:gpt-4o-mini",
    reason: "test",
  });
  expect(await raised(openai({ feature: "down" }).chat.completions.create(chat))).toMatchObject({
    code: "REQUEST_COST_CAP",
  });
  await world.control("DELETE", `/api/v1/kill-switches/${stop.id}`);
  await openai({ feature: "down" }).chat.completions.create(chat);
  await policy({ attach: { feature: "down" }, models: { deny: ["*-mini"] } });
  expect(await raised(openai({ feature: "down" }).chat.completions.create(chat))).toMatchObject({
    code: "REQUEST_COST_CAP",
  });
  expect(id).toMatch(/^pol_/);
});

test("downgrade where a budget does not pay for the model that was asked for", async () => {
  await policy({
    attach: { feature: "thrift" },
    limits: [{ ...USD_DAY, amount: "0.0003" }],
    output_clamp: "forbidden",
    on_exceed: { action: "downgrade", model: "gpt-4o-mini" },
  });
  const { response } = await openai({ feature: "thrift" })
    .chat.completions.create({ model: "gpt-4o", messages, max_tokens: 100, ...steered({ output_tokens: 5 }) })
    .withResponse();
  expect(response.headers.get("x-tollhouse-model")).toBe("gpt-4o-mini");
});

test("alert: a call above a cap goes through, and its decision says so", async () => {
  await policy({ attach: { feature: "loud" }, caps: { output_tokens: 5 }, on_exceed: { action: "alert" } });
  const done = await spend({ feature: "loud" }, 10);
  expect(done).toMatchObject(SPENT);
  expect((await decision(done.headers)).policy?.alerts).toEqual(["REQUEST_TOKEN_CAP"]);
});

test("observe: nothing of the call changes, and its decision says what would have been", async () => {
  const { id } = await policy({
    attach: { feature: "watched" },
    mode: "observe",
    models: { deny: ["*"] },
    limits: [{ ...USD_DAY, amount: "1" }],
  });
  const done = await spend({ feature: "watched" }, 10);
  expect(done).toMatchObject(SPENT);
  const { policy: told } = await decision(done.headers);
  expect(told?.observed).toMatchObject({ outcome: "block", reason_code: "MODEL_NOT_ALLOWED" });
  expect(told?.values).toEqual([]);
  // Enforced, it counts what was spent while it only watched.
  const watched = { name: "w", attach: { feature: "watched" }, priority: 0, limits: [{ ...USD_DAY, amount: "11" }] };
  await world.control("PUT", `/api/v1/policies/${id}`, { ...watched, mode: "enforce" });
  expect(await spend({ feature: "watched" }, 2)).toMatchObject({ ...OVER, message: /Remaining: \$1.00/ });
  expect(await spend({ feature: "watched" }, 1)).toMatchObject(SPENT);
});

test("user goes before feature, feature before plan, plan before default; the decision names who gave each value", async () => {
  await plan("tier");
  await putOn("users", "vera", "tier");
  const said = { user: "vera", feature: "order", session: "s" };
  const levels: [object | "default", number][] = [
    ["default", 1],
    [{ plan: "tier" }, 2],
    [{ feature: "order" }, 3],
    [{ user: "vera" }, 4],
  ];
  for (const [attach, output_tokens] of levels) {
    const { id } = await policy({ attach, caps: { output_tokens } });
    expect((await spend(said, output_tokens)).status).toBe(200);
    const over = await spend(said, output_tokens + 1);
    expect(over).toMatchObject({
      status: 400,
      reason: "REQUEST_TOKEN_CAP",
      message: `The call could have up to ${output_tokens + 1} output tokens, and one call may have at most ${output_tokens}: name a lower output cap`,
    });
    const { policy: told, reason_code } = await decision(over.headers);
    expect([reason_code, told?.plan]).toEqual(["REQUEST_TOKEN_CAP", "tier"]);
    expect(told?.values).toEqual([{ setting: "caps.output_tokens", policy: id, version: 1 }]);
    expect(told?.checks).toContainEqual(expect.objectContaining({ rule: "output_tokens", outcome: "blocked" }));
  }
});

test("the plan: an operator's word for the user, then for the customer, then the header; what is not heeded is told", async () => {
  for (const [name, tokens] of [
    ["bronze", 1],
    ["silver", 2],
    ["gold", 3],
  ] as const) {
    await plan(name);
    await policy({ attach: { plan: name }, caps: { output_tokens: tokens } });
  }
  const said = { user: "pia", customer: "acme-plan" };
  const most = async (with1: Record<string, string>): Promise<[number, string | null]> => {
    for (let tokens = 4; ; tokens--) {
      const { status, headers } = await spend({ ...said, ...with1 }, tokens);
      if (status === 200) return [tokens, headers.get("x-tollhouse-ignored")];
    }
  };
  expect(await most({})).toEqual([4, null]);
  expect(await most({ plan: "gold" })).toEqual([3, null]);
  expect(await most({ plan: "platinum" })).toEqual([4, "plan"]);
  await putOn("customers", "acme-plan", "silver");
  expect(await most({ plan: "gold" })).toEqual([2, "plan"]);
  await putOn("users", "pia", "bronze");
  expect(await most({ plan: "bronze" })).toEqual([1, null]);
  await world.control("DELETE", "/api/v1/users/pia/plan");
  expect(await most({})).toEqual([2, null]);
  await world.control("DELETE", "/api/v1/customers/acme-plan/plan");
  // A key says whether its holder may set the plan, as it does of dimensions.
  const asKey = async (settable: string[] | null): Promise<[number, string | null]> => {
    const { key } = await world.control<{ key: string }>("POST", "/api/v1/keys", { name: "k", settable });
    const { status, headers } = await spend({ plan: "bronze" }, 2).catch(() => {
      throw new Error("no answer");
    });
    expect(status).toBe(400);
    expect(headers.get("x-tollhouse-ignored")).toBeNull();
    const answer = await fetch(`${world.url}/dollar/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}`, "x-tollhouse-plan": "bronze" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages, max_tokens: 2, ...steered({ output_tokens: 2 }) }),
    });
    await answer.text();
    return [answer.status, answer.headers.get("x-tollhouse-ignored")];
  };
  expect(await asKey(null)).toEqual([400, null]);
  expect(await asKey(["plan"])).toEqual([400, null]);
  expect(await asKey(["session"])).toEqual([200, "plan"]);
});

test("what was spent before a policy came is spent: its budget is what is left, for each user", async () => {
  expect(await spend({ user: "early", session: "x" }, 7)).toMatchObject(SPENT);
  await policy({
    limits: [
      { ...USD_DAY, amount: "10", scope: "user" },
      { ...USD_DAY, window: "rolling_24h", amount: "10", scope: "session" },
    ],
  });
  expect(await spend({ user: "early", session: "y" }, 4)).toMatchObject({ ...OVER, message: /Remaining: \$3.00/ });
  expect(await spend({ user: "late", session: "x" }, 4)).toMatchObject({ ...OVER, message: /Remaining: \$3.00/ });
  expect(await spend({ user: "early", session: "y" }, 3)).toMatchObject(SPENT);
  expect(await spend({ user: "late", session: "z" }, 10)).toMatchObject(SPENT);
  // A hard limit on something is no way out for those who do not name it.
  expect(await spend({ session: "z" }, 1)).toMatchObject({ reason: "IDENTITY_REQUIRED" });
});

test("another plan, another policy, one policy less: the same user's day is the same user's day", async () => {
  for (const [name, amount] of [
    ["small", "5"],
    ["large", "20"],
  ] as const) {
    await plan(name);
    await policy({ attach: { plan: name }, limits: [{ ...USD_DAY, amount }] });
  }
  const user = { user: "mover" };
  // On no plan: nothing holds them, and it counts.
  expect(await spend(user, 1)).toMatchObject(SPENT);
  await putOn("users", "mover", "large");
  expect(await spend(user, 3)).toMatchObject(SPENT);
  await putOn("users", "mover", "small");
  expect(await spend(user, 2)).toMatchObject({ ...OVER, message: /Remaining: \$1.00/ });
  expect(await spend(user, 1)).toMatchObject(SPENT);
  await putOn("users", "mover", "large");
  expect(await spend(user, 16)).toMatchObject({ ...OVER, message: /Remaining: \$15.00/ });
  // The header is no second purse.
  await world.control("DELETE", "/api/v1/users/mover/plan");
  expect(await spend({ ...user, plan: "small" }, 1)).toMatchObject(OVER);
  expect(await spend({ ...user, plan: "large" }, 10)).toMatchObject(SPENT);
  const own = await policy({ attach: { user: "mover" }, limits: [{ ...USD_DAY, amount: "100" }] });
  expect(await spend({ ...user, plan: "large" }, 50)).toMatchObject(SPENT);
  await world.control("DELETE", `/api/v1/policies/${made.splice(made.indexOf(own.id), 1)[0]}`);
  expect(await spend({ ...user, plan: "large" }, 1)).toMatchObject({ ...OVER, message: /Remaining: \$0.00/ });
});

test("a call that runs while its budget comes into force counts on it when it ends", async () => {
  const running = fetch(`${world.url}/dollar/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headersOf({ user: "runner" }) },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages,
      max_tokens: 6,
      ...steered({ output_tokens: 6, delay_ms: 1_500 }),
    }),
  });
  await expect.poll(() => world.tollhouse.gateway.state.inFlight, { timeout: 5_000 }).toBeGreaterThan(0);
  await policy({ limits: [{ ...USD_DAY, amount: "10", scope: "user" }] });
  expect(world.tollhouse.gateway.state.inFlight).toBeGreaterThan(0);
  await (await running).text();
  expect(await spend({ user: "runner" }, 5)).toMatchObject({ ...OVER, message: /Remaining: \$4.00/ });
});

test("of 1,000 calls at once on a plan's budget that fits 100, exactly 100 are admitted, whole or streamed", async () => {
  await plan("crowd");
  await putOn("customers", "crowd", "crowd");
  await policy({ attach: { plan: "crowd" }, limits: [{ ...USD_DAY, amount: "1000" }] });
  await policy({ attach: { plan: "crowd" }, priority: 5, limits: [{ ...USD_DAY, mode: "soft", amount: "500" }] });
  const one = async (i: number): Promise<string> => {
    const answer = await fetch(`${world.url}/dollar/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headersOf({ customer: "crowd" }) },
      body: JSON.stringify({
        model: "gpt-4o-mini",
        messages,
        max_tokens: 10,
        stream: i % 2 === 0,
        ...steered({ output_tokens: 10 }),
      }),
    });
    await answer.text();
    return answer.headers.get("x-tollhouse-reason") ?? String(answer.status);
  };
  const outcomes = await Promise.all(Array.from({ length: 1_000 }, (_, i) => one(i)));
  const count = (what: string): number => outcomes.filter((outcome) => outcome === what).length;
  expect([count("200"), count("BUDGET_EXCEEDED")]).toEqual([100, 900]);
  expect(await spend({ customer: "crowd" }, 1)).toMatchObject({ ...OVER, message: /Remaining: \$0.00/ });
});

test("a refusal of a policy's budget raises the client's own error and names the limit", async () => {
  await policy({ limits: [{ ...USD_DAY, amount: "0.0000001", scope: "session" }] });
  const error = await raised(openai({ session: "poor" }).chat.completions.create({ model: "gpt-4o-mini", messages }));
  expect(error).toBeInstanceOf(RateLimitError);
  expect(error).toMatchObject({ code: "BUDGET_EXCEEDED" });
  expect((error as RateLimitError).headers?.get("x-tollhouse-budget")).toMatch(
    /^scope=session:poor; remaining=0\.000000100/,
  );
});
