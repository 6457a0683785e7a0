import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { steered } from "./side-by-side.ts";

// A policy over calls that were made before it. At `dollar` an output token of gpt-4o costs ten dollars, of gpt-4o-mini one, and input nothing.

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
      - { model: gpt-4o, input: "0", input_cache_read: "0", output: "10000000" }
      - { model: gpt-4o-mini, input: "0", input_cache_read: "0", output: "1000000" }
`,
  });
});
afterAll(async () => {
  await world.stop();
  await upstream.close();
});

interface Sums {
  readonly calls: number;
  readonly unchanged: number;
  readonly newly_blocked: { readonly calls: number; readonly by_reason: Record<string, number> };
  readonly newly_allowed: number;
  readonly downgraded: number;
  readonly unjudged: { readonly calls: number; readonly by_reason: Record<string, number> };
  readonly cost: { readonly recorded: string; readonly not_spent: string };
  readonly changes: readonly Record<string, unknown>[];
  readonly changes_left_out: number;
}

const REHEARSE = "/api/v1/policies/rehearse";
const DRAFT = { name: "draft", attach: "default", priority: 0, mode: "enforce" };
const rehearse = (environment: string, body: object): Promise<Sums> =>
  world.control<Sums>("POST", `${REHEARSE}?environment=${environment}`, body);
const draft = (part: object): object => ({ policy: { ...DRAFT, ...part } });

let nextPlace = 0;
/** An environment of its own, so that no test sees another's calls. */
async function place(): Promise<{ name: string; key: string }> {
  const name = `e${nextPlace++}`;
  await world.control("POST", "/api/v1/environments", { name });
  const permissions = ["call"];
  const made = await world.control<{ key: string }>("POST", "/api/v1/keys", { name, environment: name, permissions });
  return { name, key: made.key };
}

async function call(key: string, said: object, tokens: number, model = "gpt-4o-mini"): Promise<number> {
  const headers = Object.entries(said).map(([name, value]) => [`x-tollhouse-${name}`, String(value)]);
  const answer = await fetch(`${world.url}/dollar/v1/chat/completions`, {
    method: "POST",
    headers: { ...Object.fromEntries(headers), "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: "Count." }],
      max_tokens: tokens,
      ...steered({ output_tokens: tokens }),
    }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const policies = (environment: string, document: object): Promise<{ id: string }> =>
  world.control("POST", `/api/v1/policies?environment=${environment}`, { ...DRAFT, ...document });
const NOTHING = { newly_blocked: { calls: 0, by_reason: {} }, newly_allowed: 0, downgraded: 0, changes: [] };

test("a deny that is not in force: the calls it would have refused, who would have, and what they cost; nothing is changed", async () => {
  const at = await place();
  for (const model of ["gpt-4o", "gpt-4o-mini", "gpt-4o"])
    expect(await call(at.key, { team: "a" }, 2, model)).toBe(200);
  const rehearsed = await rehearse(at.name, draft({ models: { deny: ["gpt-4o"] } }));
  expect(rehearsed).toMatchObject({
    calls: 3,
    unchanged: 1,
    newly_blocked: { calls: 2, by_reason: { MODEL_NOT_ALLOWED: 2 } },
    unjudged: { calls: 0 },
    cost: { recorded: "42.000000000", not_spent: "40.000000000", calls_without_cost: 0 },
    changes_left_out: 0,
  });
  expect(rehearsed.changes).toHaveLength(2);
  expect(rehearsed.changes[0]).toMatchObject({
    model: "gpt-4o",
    change: "newly_blocked",
    policy: { setting: "models.deny", policy: "pol_draft", version: 1 },
    cost: "20.000000000",
    cost_then: "0.000000000",
  });
  expect((await rehearse(at.name, { ...draft({ models: { deny: ["gpt-4o"] } }), limit: 1 })).changes_left_out).toBe(1);
  expect(await world.control("GET", `/api/v1/policies?environment=${at.name}`)).toMatchObject({ policies: [] });
  expect(await call(at.key, {}, 1, "gpt-4o")).toBe(200);
  // Another environment has none of it.
  expect(await rehearse((await place()).name, draft({ models: { deny: ["*"] } }))).toMatchObject({ calls: 0 });
});

test("a budget is spent in the order of the calls: what does not fit is refused, and a smaller one after it fits", async () => {
  const at = await place();
  for (const [user, tokens] of [
    ["ann", 4],
    ["bob", 9],
    ["ann", 4],
    ["ann", 4],
    ["ann", 2],
    ["ann", 1],
  ] as const)
    expect(await call(at.key, { user }, tokens)).toBe(200);
  for (const window of ["day", "rolling_24h", "lifetime", "month"]) {
    const limits = [{ measure: "usd", amount: "10", window, mode: "hard", scope: "user" }];
    const rehearsed = await rehearse(at.name, draft({ limits }));
    expect(rehearsed).toMatchObject({
      unchanged: 4,
      newly_blocked: { by_reason: { BUDGET_EXCEEDED: 2 } },
      cost: { recorded: "24.000000000", not_spent: "5.000000000" },
    });
    expect(rehearsed.changes.map(({ cost, limit }) => [cost, limit])).toEqual(
      ["4.000000000", "1.000000000"].map((cost) => [
        cost,
        { scope: "user:ann", measure: "usd", window, amount: "10.000000000" },
      ]),
    );
  }
});

test("what was used in the window before the range counts, and nothing of another window", async () => {
  const at = await place();
  expect(await call(at.key, { user: "ann" }, 8)).toBe(200);
  const from = new Date(Date.now() + 1).toISOString();
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(from));
  expect(await call(at.key, { user: "ann" }, 3)).toBe(200);
  for (const [window, blocked] of [
    ["day", 1],
    ["rolling_24h", 1],
    ["lifetime", 1],
  ] as const) {
    const limits = [{ measure: "usd", amount: "10", window, mode: "hard", scope: "user" }];
    const rehearsed = await rehearse(at.name, { ...draft({ limits }), from });
    expect([window, rehearsed.calls, rehearsed.newly_blocked.calls]).toEqual([window, 1, blocked]);
  }
});

test("a call above a cap goes to the cheaper model that the draft names, at its price", async () => {
  const at = await place();
  expect(await call(at.key, {}, 3, "gpt-4o")).toBe(200);
  expect(await call(at.key, {}, 1, "gpt-4o")).toBe(200);
  const on_exceed = { action: "downgrade", model: "gpt-4o-mini" };
  expect(await rehearse(at.name, draft({ caps: { cost: "15" }, on_exceed }))).toMatchObject({
    unchanged: 1,
    downgraded: 1,
    newly_blocked: { calls: 0 },
    cost: { recorded: "40.000000000", not_spent: "27.000000000" },
    changes: [{ change: "downgraded", to_model: "gpt-4o-mini", cost_then: "3.000000000" }],
  });
  // Too dear for the cheaper one too: refused.
  expect(await rehearse(at.name, draft({ caps: { cost: "2" }, on_exceed }))).toMatchObject({
    newly_blocked: { calls: 1, by_reason: { REQUEST_COST_CAP: 1 } },
    downgraded: 1,
  });
});

test("what a policy refused is allowed without it, and not judged where that depends on what it would have used", async () => {
  const at = await place();
  const { id } = await policies(at.name, { models: { deny: ["gpt-4o"] } });
  expect(await call(at.key, {}, 1, "gpt-4o")).toBe(403);
  expect(await call(at.key, {}, 1)).toBe(200);
  expect(await rehearse(at.name, { policy: null, replaces: id })).toMatchObject({
    unchanged: 1,
    newly_allowed: 1,
    changes: [{ change: "newly_allowed", reason_code: "MODEL_NOT_ALLOWED", cost: null }],
  });
  const budget = { limits: [{ measure: "usd", amount: "5", window: "day", mode: "hard", scope: "org" }] };
  for (const part of [budget, { caps: { output_tokens: 5 } }])
    expect(await rehearse(at.name, { ...draft(part), replaces: id })).toMatchObject({
      newly_allowed: 0,
      unchanged: 1,
      unjudged: { calls: 1, by_reason: { usage_unknown: 1 } },
    });
  // What it asked for is not recorded where no limit refused it: only requests can be counted.
  const requests = { limits: [{ measure: "requests", amount: "1", window: "day", mode: "hard", scope: "org" }] };
  expect(await rehearse(at.name, { ...draft(requests), replaces: id })).toMatchObject({
    newly_allowed: 1,
    newly_blocked: { by_reason: { REQUEST_LIMIT_EXCEEDED: 1 } },
  });
});

test("what a budget refused fits a larger one; what anybody else refused stays refused", async () => {
  const at = await place();
  const limits = (amount: string): object => ({
    limits: [{ measure: "usd", amount, window: "day", mode: "hard", scope: "team" }],
    output_clamp: "forbidden",
  });
  const { id } = await policies(at.name, limits("5"));
  expect(await call(at.key, { team: "a" }, 4)).toBe(200);
  expect(await call(at.key, { team: "a" }, 3)).toBe(429);
  const replaced = (amount: string): Promise<Sums> => rehearse(at.name, { ...draft(limits(amount)), replaces: id });
  expect(await replaced("6.999999999")).toMatchObject({ unchanged: 2, newly_allowed: 0 });
  expect(await replaced("7")).toMatchObject({ unchanged: 1, newly_allowed: 1 });
  // The first does not fit any more, so the second does.
  expect(await replaced("3")).toMatchObject({ newly_blocked: { calls: 1 }, newly_allowed: 1 });

  await world.control("POST", `/api/v1/limits?environment=${at.name}`, {
    scope: "team:b",
    measure: "usd",
    amount: "1",
    window: "day",
    mode: "hard",
  });
  expect(await call(at.key, { team: "b" }, 3)).toBe(429);
  expect(await rehearse(at.name, { policy: null, replaces: id })).toMatchObject({ unchanged: 2, newly_allowed: 1 });
});

test("policies in force change nothing in the calls that they decided, written anew neither", async () => {
  const at = await place();
  await world.control("PUT", `/api/v1/plans/pro?environment=${at.name}`, {});
  await world.control("PUT", `/api/v1/users/ann/plan?environment=${at.name}`, { plan: "pro" });
  const usd = { measure: "usd", window: "day", mode: "hard" };
  const documents = [
    { limits: [{ ...usd, amount: "20", scope: "user" }], caps: { cost: "6" } },
    { attach: { plan: "pro" }, limits: [{ ...usd, amount: "40" }] },
    { attach: { feature: "narrow" }, models: { allow: ["gpt-4o"] } },
    { when: "output_tokens > 4", caps: { output_tokens: 4 } },
    { attach: { user: "bob" }, on_exceed: { action: "downgrade", model: "gpt-4o-mini" } },
    { limits: [{ ...usd, amount: "9", window: "rolling_24h", scope: "session" }], mode: "observe" },
    { limits: [{ measure: "requests", amount: "25", window: "lifetime", mode: "hard", scope: "org" }] },
  ];
  const made: (object & { id: string })[] = [];
  for (const document of documents) made.push({ ...document, id: (await policies(at.name, document)).id });
  let seed = 7;
  const pick = <T>(from: readonly T[]): T => from[(seed = (seed * 48_271) % 2_147_483_647) % from.length] as T;
  const statuses = new Set<number>();
  for (let i = 0; i < 60; i++) {
    const said = {
      user: pick(["ann", "bob", "carl"]),
      session: pick(["s1", "s2"]),
      ...(pick([0, 0, 1]) === 1 && { feature: "narrow" }),
    };
    statuses.add(await call(at.key, said, pick([1, 2, 3, 5]), pick(["gpt-4o", "gpt-4o-mini", "gpt-4o-mini"])));
  }
  expect(statuses).toEqual(new Set([200, 400, 403, 429]));
  const unmoved = { ...NOTHING, calls: 60, unchanged: 60, unjudged: { calls: 0, by_reason: {} } };
  expect(await rehearse(at.name, { policy: null })).toMatchObject(unmoved);
  for (const { id, ...document } of made)
    if (!("mode" in document))
      expect(await rehearse(at.name, { ...draft(document), replaces: id })).toMatchObject(unmoved);
});

test("nonsense is refused by its field, and starts nothing", async () => {
  const refused = async (body: object): Promise<unknown> =>
    world.control("POST", REHEARSE, body).then(
      () => null,
      (error: Error) => error.message,
    );
  expect(await refused({ policy: { ...DRAFT, caps: { cost: "x" } } })).toMatch(/400.*policy\.caps\.cost/);
  expect(await refused(draft({ when: "user.matches('a')" }))).toMatch(/400.*policy\.when/);
  expect(await refused(draft({ attach: { plan: "none" } }))).toMatch(/400.*policy\.attach\.plan/);
  expect(await refused({ policy: null, replaces: "pol_none" })).toMatch(/400.*replaces/);
  expect(await refused({ policy: null, from: "2026-10-01T00:00:00Z", to: "2026-11-01T00:00:00Z" })).toMatch(
    /400.*from/,
  );
  expect(await refused({ policy: null, from: "2026-10-02T00:00:00Z", to: "2026-10-01T00:00:00Z" })).toMatch(
    /400.*from/,
  );
  expect(await refused({ policy: null, until: 1 })).toMatch(/400.*until/);
  expect(await refused({})).toMatch(/400.*policy/);
});

const asked = (init: RequestInit = {}): Promise<Response> =>
  fetch(`${world.url}${REHEARSE}`, {
    ...init,
    method: "POST",
    headers: { authorization: `Bearer ${TEST_ADMIN_KEY}`, "content-type": "application/json" },
    body: JSON.stringify({ policy: null }),
  });

async function admitted(): Promise<number> {
  for (;;) {
    const { status } = await asked();
    if (status !== 429) return status;
  }
}

test("one at a time of a tenant", async () => {
  const both = await Promise.all([asked(), asked()]);
  expect(both.map(({ status }) => status).toSorted((x, y) => x - y)).toEqual([200, 429]);
  const again = both.find(({ status }) => status === 429);
  expect([again?.headers.get("retry-after"), await again?.json()]).toMatchObject([
    "10",
    { reason_code: "RATE_LIMITED" },
  ]);
});

test("whoever hangs up ends it, however far it is", async () => {
  const gone = new AbortController();
  const next = await world.database.db.transaction(async (tx) => {
    const waiting = async (): Promise<number> => {
      const text =
        "SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'plan_assignments'::regclass AND NOT granted";
      return (await tx.query<{ n: number }>(text)).rows[0]?.n ?? 0;
    };
    await tx.query("LOCK TABLE plan_assignments IN ACCESS EXCLUSIVE MODE");
    const answer = asked({ signal: gone.signal }).catch(() => "gone");
    await expect.poll(waiting, { timeout: 20_000 }).toBe(1);
    gone.abort();
    expect(await answer).toBe("gone");
    // The next one gets as far while the first could not go on.
    const second = admitted();
    await expect.poll(waiting, { timeout: 20_000 }).toBe(2);
    return { second };
  });
  expect(await next.second).toBe(200);
});

test("as lines: every change, how far it has come, and the sums at the end", async () => {
  const at = await place();
  for (let i = 0; i < 3; i++) expect(await call(at.key, {}, 1)).toBe(200);
  const response = await fetch(`${world.url}${REHEARSE}?environment=${at.name}`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      "content-type": "application/json",
      accept: "application/x-ndjson",
    },
    body: JSON.stringify({ ...draft({ providers: { deny: ["dollar"] } }), limit: 0 }),
  });
  const lines = (await response.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  expect(lines.slice(0, 3)).toMatchObject(Array(3).fill({ change: { reason_code: "MODEL_NOT_ALLOWED" } }));
  expect(lines.slice(3)).toMatchObject([
    { progress: { calls: 3 } },
    { rehearsal: { newly_blocked: { calls: 3 }, changes: [], changes_left_out: 0 } },
  ]);
});
