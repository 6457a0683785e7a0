import type { DecisionAnswer } from "@tollhouse/contract";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Decisions explained later, and the audit of changes, from outside.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "10.00" } });
});
afterAll(() => world.stop());

interface Made {
  readonly id: string;
  readonly version: number;
}

const make = (limit: object): Promise<Made> =>
  world.control("POST", "/api/v1/limits", { measure: "usd", window: "lifetime", mode: "hard", ...limit });

async function call(headers: Record<string, string>, model = "gpt-4o-mini"): Promise<string> {
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], max_tokens: 50 }),
  });
  await answer.text();
  return answer.headers.get("x-tollhouse-decision") ?? "";
}

const explain = (decision: string): Promise<DecisionAnswer> => world.control("GET", `/api/v1/decisions/${decision}`);
const nano = (text: string | null): bigint => BigInt((text ?? "").replace(".", ""));

async function ask(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(world.url + path, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

describe("a decision", () => {
  test("that blocked shows each limit as it stood then and as it stands now, and what to do next", async () => {
    const spent = await make({ scope: "agent:greedy", amount: "0.000000100", window: "day" });
    const wide = await make({ scope: "user:alice", measure: "requests", amount: "5", window: "hour", mode: "soft" });
    const decision = await call({ "x-tollhouse-agent": "greedy", "x-tollhouse-user": "alice" });
    await world.control("PUT", `/api/v1/limits/${spent.id}`, { amount: "7.00", mode: "soft" });
    await ask("DELETE", `/api/v1/limits/${wide.id}`);
    const told = await explain(decision);
    expect(told).toMatchObject({
      decision,
      allowed: false,
      outcome: "blocked",
      reason_code: "BUDGET_EXCEEDED",
      title: "Budget exceeded",
      next: expect.stringContaining("/api/v1/limits/"),
      dimensions: { agent: "greedy", user: "alice" },
      reserved: null,
      attempts: [],
      price: null,
    });
    expect(told.steps.map(({ result }) => result)).toEqual([...Array<string>(8).fill("passed"), "blocked"]);
    expect(told.limits.map(({ id, scope, deciding }) => [id, scope, deciding])).toEqual([
      [spent.id, "agent:greedy", true],
      [wide.id, "user:alice", false],
    ]);
    const midnight = /^\d{4}-\d\d-\d\dT00:00:00.000Z$/;
    const none = { settled: "0.000000000", reserved: "0.000000000", resets_at: expect.stringMatching(midnight) };
    expect(told.limits[0]).toMatchObject({
      at_decision: { version: 1, mode: "hard", amount: "0.000000100", remaining: "0.000000100", ...none },
      now: { version: 2, mode: "soft", amount: "7.000000000", remaining: "7.000000000", ...none },
    });
    expect(told.limits[1]).toMatchObject({
      measure: "requests",
      at_decision: { amount: "5", settled: "0" },
      now: null,
    });
    expect(nano(told.required)).toBeGreaterThan(100n);
  });

  test("that let a call through shows what it held, what it cost by which price, and its entry", async () => {
    const { id } = await make({ scope: "team:open", amount: "2.00" });
    const decision = await call({ "x-tollhouse-team": "open", "x-tollhouse-session": "explained" });
    await world.recorded();
    const told = await explain(decision);
    expect(told).toMatchObject({ allowed: true, outcome: "settled", reason_code: null, next: null, required: null });
    expect(new Set(told.steps.map(({ result }) => result))).toEqual(new Set(["passed"]));
    // The session's default budget, and the team's.
    expect(told.limits.map(({ scope }) => scope)).toEqual(["session:explained", "team:open"]);
    const [session, team] = told.limits;
    expect(team).toMatchObject({ id, deciding: false, at_decision: { settled: "0.000000000", resets_at: null } });
    expect(nano(team?.at_decision.reserved ?? null)).toBe(nano(told.reserved));
    expect(nano(team?.at_decision.remaining ?? null)).toBe(2_000_000_000n - nano(told.reserved));
    expect(team?.now).toMatchObject({ settled: told.cost, reserved: "0.000000000" });
    expect(session?.now?.settled).toBe(told.cost);
    expect(nano(told.cost)).toBeGreaterThan(0n);
    expect(told.usage).toMatchObject({ input: expect.any(Number), output: expect.any(Number) });
    const book = await world.control<{ version: string; prices: { id: string; prices: Record<string, string> }[] }>(
      "GET",
      "/api/v1/prices?provider=openai&model=gpt-4o-mini",
    );
    expect(told.price).toMatchObject({ version: book.version, row: book.prices[0]?.id });
    const lines = told.price?.lines ?? [];
    expect(lines.map(({ class: usageClass, units, price }) => [usageClass, units, price])).toEqual(
      Object.entries(told.usage ?? {}).map(([name, units]) => [name, units, book.prices[0]?.prices[name]]),
    );
    // Twelve places, rounded once to nine.
    const pico = lines.reduce((sum, { amount }) => sum + nano(amount), 0n);
    expect((pico + 500n) / 1_000n).toBe(nano(told.cost));
    expect(told.attempts).toMatchObject([{ by: "gateway", provider: "openai", status: 200 }]);
    expect(told.attempts[0]?.latency_ms).toBeGreaterThanOrEqual(0);
    const { calls } = await world.control<{ calls: { entry_hash: string; sequence: number }[] }>(
      "GET",
      "/api/v1/calls?session=explained",
    );
    expect(told.entry).toEqual({ sequence: calls[0]?.sequence, hash: calls[0]?.entry_hash });
    expect(await world.control("GET", `/api/v1/calls/${decision}`)).toEqual(calls[0]);
  });

  test("that was refused before its limits were matched shows none of them", async () => {
    const decision = await call({ "x-tollhouse-team": "open" }, "x".repeat(300));
    expect(await explain(decision)).toMatchObject({ reason_code: "REQUEST_INVALID", limits: [], allowed: false });
  });

  test("shows the limit of a policy, and the default budget of a session, as they stand now", async () => {
    const place = "/api/v1/policies";
    const document = (amount: string): object => ({
      name: "p",
      attach: "default",
      priority: 0,
      mode: "enforce",
      limits: [{ measure: "usd", amount, window: "day", mode: "hard", scope: "team" }],
    });
    const { id } = await world.control<Made>("POST", place, document("1.00"));
    const said = { "x-tollhouse-team": "now", "x-tollhouse-session": "now" };
    const decision = await call(said);
    await call(said);
    const spent = async (): Promise<(bigint | null)[]> => {
      const { limits } = await explain(decision);
      return limits.map(({ now }) => (now === null ? null : nano(now.settled)));
    };
    const first = await explain(decision);
    expect(first.limits.map(({ scope, now }) => [scope, now?.version, now?.amount])).toEqual([
      ["session:now", 1, "10.000000000"],
      ["team:now", 1, "1.000000000"],
    ]);
    const twice = 2n * nano(first.cost);
    expect(await spent()).toEqual([twice, twice]);
    await world.control("PUT", `${place}/${id}`, document("2.00"));
    expect((await explain(decision)).limits[1]?.now).toMatchObject({ version: 2, amount: "2.000000000" });
    await world.control("DELETE", `${place}/${id}`);
    expect(await spent()).toEqual([twice, null]);
  });

  test.each([
    ["one that never was", `dec_${randomUUID().replaceAll("-", "")}`],
    ["no id at all", "dec_1"],
    ["a word", "latest"],
    ["an escape", "..%2Fkeys"],
    ["U+0000", "dec_%00"],
    // The chain's own first entry: its id is the tenant's.
    ["an entry that is no call", "dec_00000000000000000000000000000001"],
  ])("is not found by %s", async (_, id) => {
    for (const family of ["decisions", "calls"]) {
      const answer = await ask("GET", `/api/v1/${family}/${id}`);
      expect([answer.status, await answer.json()]).toMatchObject([404, { reason_code: "NOT_FOUND" }]);
    }
  });
});

test("a key reads decisions, calls and changes of its own environment, and of no other", async () => {
  const decision = await call({ "x-tollhouse-session": "of-prod" });
  const answers: Record<string, unknown[]> = {};
  for (const environment of ["prod", "dev"]) {
    const { key } = await world.control<{ key: string }>("POST", "/api/v1/keys", {
      name: environment,
      environment,
      permissions: ["read"],
    });
    const bearer = { authorization: `Bearer ${key}` };
    const status = async (path: string): Promise<number> => (await ask("GET", path, undefined, bearer)).status;
    answers[environment] = [
      await status(`/api/v1/decisions/${decision}`),
      await status(`/api/v1/calls/${decision}`),
      await status("/api/v1/audit?environment=prod"),
    ];
  }
  expect(answers).toEqual({ prod: [200, 200, 200], dev: [404, 404, 403] });
});

interface Change {
  readonly action: string;
  readonly subject: string;
  readonly time: string;
  readonly sequence: number;
  readonly before: unknown;
  readonly after: unknown;
}
interface Page {
  readonly changes: readonly Change[];
  readonly next_cursor: string | null;
}

describe("the audit", () => {
  const audit = (query: Record<string, string>): Promise<Page> =>
    world.control("GET", `/api/v1/audit?${new URLSearchParams(query).toString()}`);

  test("has each change once, with who, before and after, and pages over them without gap or repeat", async () => {
    const { id } = await make({ scope: "team:audited", amount: "1.00" });
    for (const amount of ["2.00", "3.00", "4.00"]) await world.control("PUT", `/api/v1/limits/${id}`, { amount });
    await ask("DELETE", `/api/v1/limits/${id}`);
    await make({ scope: "team:other", amount: "1.00" });
    const changes: Change[] = [];
    let cursor: string | null = null;
    do {
      const page = await audit({ limit: "2", subject: id, ...(cursor !== null && { cursor }) });
      expect(page.changes.length).toBeLessThanOrEqual(2);
      changes.push(...page.changes);
      cursor = page.next_cursor;
    } while (cursor !== null);
    const update = "limit.update";
    expect(changes.map(({ action }) => action)).toEqual(["limit.delete", update, update, update, "limit.create"]);
    expect(changes[0]).toMatchObject({
      subject: id,
      actor: "admin-key",
      before: { amount: "4.000000000" },
      after: null,
    });
    expect(changes[1]).toMatchObject({ before: { amount: "3.000000000", version: 3 }, after: { version: 4 } });
    const sequences = changes.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.toSorted((a, b) => b - a));
  });

  test("is asked by action, and by a time that is half-open", async () => {
    const { id } = await make({ scope: "team:timed", amount: "1.00" });
    await world.control("PUT", `/api/v1/limits/${id}`, { amount: "2.00" });
    const [update] = (await audit({ subject: id, action: "limit.update" })).changes;
    expect(update).toMatchObject({ action: "limit.update", subject: id });
    const at = update?.time ?? "";
    const later = new Date(Date.parse(at) + 1).toISOString();
    expect((await audit({ subject: id, action: "limit.update", from: at, to: later })).changes).toEqual([update]);
    expect((await audit({ subject: id, action: "limit.update", from: later })).changes).toEqual([]);
    expect((await audit({ subject: id, action: "limit.update", to: at })).changes).toEqual([]);
    // A part of an id, or of an action, is another one.
    expect((await audit({ subject: id.slice(0, -1) })).changes).toEqual([]);
    expect((await audit({ subject: id, action: "limit" })).changes).toEqual([]);
    expect((await audit({ subject: id, environment: "dev" })).changes).toEqual([]);
  });

  test.each(["limit=0", "cursor=x", "from=yesterday", "subject=%00", "who=me", "from=2026-11-02&to=2026-11-01"])(
    "%s is refused by name",
    async (query) => {
      const answer = await ask("GET", `/api/v1/audit?${query}`);
      expect([answer.status, await answer.json()]).toMatchObject([400, { reason_code: "REQUEST_INVALID" }]);
    },
  );
});

describe("a lost update of a limit", () => {
  test("is refused by If-Match with 412, and nothing is changed or recorded", async () => {
    const made = await ask("POST", "/api/v1/limits", {
      scope: "team:tagged",
      measure: "usd",
      amount: "1.00",
      window: "day",
      mode: "hard",
    });
    const { id } = (await made.json()) as Made;
    const path = `/api/v1/limits/${id}`;
    const tag = made.headers.get("etag") ?? "";
    expect(tag).toBe('"1"');
    const changed = await ask("PUT", path, { amount: "2.00" }, { "if-match": tag });
    expect([changed.status, changed.headers.get("etag")]).toEqual([200, '"2"']);
    for (const stale of [tag, 'W/"2"', "2", '"7", "8"'])
      for (const [method, body] of [["PUT", { amount: "9.00" }], ["DELETE"]] as const) {
        const refused = await ask(method, path, body, { "if-match": stale });
        expect([refused.status, await refused.json()]).toMatchObject([412, { reason_code: "PRECONDITION_FAILED" }]);
      }
    const now = await ask("GET", path);
    expect([now.headers.get("etag"), await now.json()]).toMatchObject(['"2"', { amount: "2.000000000" }]);
    expect((await ask("PUT", path, { amount: "3.00" }, { "if-match": '"1", "2"' })).status).toBe(200);
    expect((await ask("PUT", path, { amount: "3.00", version: 1 }, { "if-match": "*" })).status).toBe(409);
    expect((await ask("DELETE", path, undefined, { "if-match": '"3"' })).status).toBe(204);
  });
});
