import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCalls, steered, until } from "./side-by-side.ts";

// The control API of limits as scripts use it (product.md §7), against the running server.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

const WINDOWS = ["minute", "hour", "day", "month", "rolling_24h", "lifetime"];
const run42 = { scope: "session:run-42", measure: "usd", amount: "25.00", window: "lifetime", mode: "hard" };

interface LimitNow {
  readonly id: string;
  readonly amount: string;
  readonly mode: string;
  readonly version: number;
  readonly state: { settled: string; reserved: string; remaining: string; resets_at: string | null };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function ask(method: string, path: string, body?: unknown, key: string | null = TEST_ADMIN_KEY): Promise<Answer> {
  const headers = {
    ...(key !== null && { authorization: `Bearer ${key}` }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(world.url + path, { method, headers, ...(body !== undefined && { body: text }) });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

const make = (limit: object): Promise<LimitNow> => world.control("POST", "/api/v1/limits", limit);
const read = (id: string): Promise<LimitNow> => world.control("GET", `/api/v1/limits/${id}`);

interface CallOptions {
  readonly made?: number;
  readonly steer?: Record<string, unknown>;
}

function call(dimensions: Record<string, string>, { made = 50, steer = {} }: CallOptions = {}): Promise<Response> {
  const headers = Object.entries(dimensions).map(([name, value]): [string, string] => [`x-tollhouse-${name}`, value]);
  return fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: [["content-type", "application/json"], ...headers],
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: made,
      ...steered({ output_tokens: made, ...steer }),
    }),
  });
}

async function costOf(answer: Promise<Response>): Promise<bigint> {
  const { headers, status, body } = await answer;
  await body?.cancel();
  expect(status).toBe(200);
  return BigInt((headers.get("x-tollhouse-cost") ?? "").replace(".", ""));
}

function dollars(nano: bigint): string {
  const text = nano.toString().padStart(10, "0");
  return `${text.slice(0, -9)}.${text.slice(-9)}`;
}

test("a limit is made, read, listed, changed and deleted in the documented shape", async () => {
  const made = await ask("POST", "/api/v1/limits", run42);
  expect(made.status).toBe(201);
  const limit = JSON.parse(made.text) as LimitNow;
  expect(made.headers.get("location")).toBe(`/api/v1/limits/${limit.id}`);
  expect(limit).toEqual({
    ...run42,
    id: expect.stringMatching(/^lim_[0-9a-f]{32}$/) as string,
    amount: "25.000000000",
    time_zone: "UTC",
    version: 1,
    state: { settled: "0.000000000", reserved: "0.000000000", remaining: "25.000000000", resets_at: null },
  });
  expect(await read(limit.id)).toEqual(limit);
  expect((await world.control<{ limits: LimitNow[] }>("GET", "/api/v1/limits")).limits).toContainEqual(limit);
  const changed = await world.control<LimitNow>("PUT", `/api/v1/limits/${limit.id}`, {
    amount: "3.5",
    mode: "soft",
    version: 1,
  });
  expect(changed).toMatchObject({ id: limit.id, amount: "3.500000000", mode: "soft", version: 2 });
  expect((await ask("DELETE", `/api/v1/limits/${limit.id}`)).status).toBe(204);
  for (const method of ["GET", "DELETE"]) expect((await ask(method, `/api/v1/limits/${limit.id}`)).status).toBe(404);
});

test("a change of a version that is gone is refused, and changes nothing", async () => {
  const { id } = await make({ ...run42, scope: "session:versions" });
  await world.control("PUT", `/api/v1/limits/${id}`, { amount: "1", version: 1 });
  const late = await ask("PUT", `/api/v1/limits/${id}`, { amount: "2", version: 1 });
  expect([late.status, JSON.parse(late.text)]).toMatchObject([409, { reason_code: "VERSION_CONFLICT" }]);
  const racing = await Promise.all(
    [1, 2, 3, 4].map((n) => ask("PUT", `/api/v1/limits/${id}`, { amount: `${n}0`, version: 2 })),
  );
  expect(racing.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409, 409]);
  expect((await read(id)).version).toBe(3);
});

const NONSENSE: readonly [string, object | string, string][] = [
  ["an exponent", { ...run42, amount: "1e9" }, "amount"],
  ["a negative amount", { ...run42, amount: "-1" }, "amount"],
  ["not a number", { ...run42, amount: "NaN" }, "amount"],
  ["a float", { ...run42, amount: 1.5 }, "amount"],
  ["null", { ...run42, amount: null }, "amount"],
  ["20 digits", { ...run42, amount: "12345678901234567890" }, "amount"],
  ["ten places", { ...run42, amount: "1.0000000001" }, "amount"],
  ["more than an int64 holds", { ...run42, amount: "9999999999" }, "amount"],
  ["a sign, a space, a comma", { ...run42, amount: " 1,0" }, "amount"],
  ["half a request", { ...run42, measure: "requests", amount: "1.5" }, "amount"],
  ["an unknown field", { ...run42, priority: 1 }, "priority"],
  ["an unknown measure", { ...run42, measure: "euro" }, "measure"],
  ["an unknown window", { ...run42, window: "week" }, "window"],
  ["an unknown mode", { ...run42, mode: "warn" }, "mode"],
  ["an unknown kind of scope", { ...run42, scope: "tag:x" }, "scope"],
  ["a scope without a value", { ...run42, scope: "session:" }, "scope"],
  ["a scope with a line feed", { ...run42, scope: "session:a\nb" }, "scope"],
  ["a zone that is none", { ...run42, time_zone: "Mars/Olympus" }, "time_zone"],
  ["a missing field", { scope: "org" }, "measure"],
  ["a list", [run42], ""],
  ["__proto__ as a field", JSON.stringify(run42).replace("{", '{"__proto__":{"mode":"soft"},'), ""],
];

test.each(NONSENSE)("%s is refused by name, and makes no limit", async (_name, body, field) => {
  const before = await world.control<{ limits: unknown[] }>("GET", "/api/v1/limits");
  const answer = await ask("POST", "/api/v1/limits", body);
  expect(answer.status).toBe(400);
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  const problem = JSON.parse(answer.text) as { reason_code: string; errors?: { field: string }[] };
  expect(problem.reason_code).toBe("REQUEST_INVALID");
  if (field !== "") expect(problem.errors?.map((error) => error.field)).toContain(field);
  expect(await world.control("GET", "/api/v1/limits")).toEqual(before);
});

test("without the admin key nothing is answered, by any method on any control path", async () => {
  const { id } = await make({ ...run42, scope: "session:secret" });
  const paths: [string, string][] = [
    ["GET", "/api/v1/limits"],
    ["POST", "/api/v1/limits"],
    ["GET", `/api/v1/limits/${id}`],
    ["PUT", `/api/v1/limits/${id}`],
    ["DELETE", `/api/v1/limits/${id}`],
    ["GET", "/api/v1/calls"],
    ["GET", "/api/v1/usage"],
    ["GET", "/api/v1/prices"],
    ["POST", "/api/v1/ledger/verify"],
    ["GET", "/api/v1/no-such-path"],
  ];
  for (const [method, path] of paths) {
    for (const key of [null, "", "wrong", `${TEST_ADMIN_KEY}x`, TEST_ADMIN_KEY.slice(0, -1)]) {
      const answer = await ask(method, path, method === "POST" || method === "PUT" ? {} : undefined, key);
      expect([path, key, answer.status]).toEqual([path, key, 401]);
      expect(answer.text).toContain("ADMIN_KEY_REQUIRED");
    }
  }
  expect((await read(id)).version).toBe(1);
});

test("a limit made later counts what its window already holds, for every kind of window and each measure", async () => {
  const spent = (await costOf(call({ team: "later" }))) + (await costOf(call({ team: "later" })));
  const [entry] = await recordedCalls(world);
  const tokens = 2 * Object.values(entry?.usage ?? {}).reduce((sum, units) => sum + units, 0);
  for (const window of WINDOWS) {
    const limit = { scope: "team:later", amount: "1000", window, mode: "hard" };
    const usd = await make({ ...limit, measure: "usd" });
    // A minute may have ended between the calls and the limit: all else holds both.
    if (window !== "minute") {
      expect([window, usd.state.settled]).toEqual([window, dollars(spent)]);
      expect((await make({ ...limit, measure: "tokens" })).state.settled).toBe(String(tokens));
      expect((await make({ ...limit, measure: "requests" })).state.settled).toBe("2");
    }
    const { resets_at: resetsAt } = usd.state;
    if (window === "lifetime") expect(resetsAt).toBeNull();
    else expect(Date.parse(resetsAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
  }
});

test("a calendar window ends where its time zone says", async () => {
  const limit = { ...run42, scope: "session:zones", window: "day" };
  const ends = async (zone: string): Promise<number> =>
    Date.parse((await make({ ...limit, time_zone: zone })).state.resets_at ?? "");
  const [utc, kathmandu] = [await ends("UTC"), await ends("Asia/Kathmandu")];
  expect(utc % 86_400_000).toBe(0);
  expect((kathmandu + 5.75 * 3_600_000) % 86_400_000).toBe(0);
});

test("calls that are under way when a limit is made are counted when they end, and exactly once", async () => {
  const steer = { delay_ms: 400 };
  const before = await costOf(call({ team: "racing" }));
  const arrived = world.simulator.calls() + 20;
  const running = Array.from({ length: 20 }, () => call({ team: "racing" }, { steer }));
  await until("the provider has the calls", () => world.simulator.calls() >= arrived);
  const [limit, ...costs] = await Promise.all([
    make({ ...run42, scope: "team:racing", amount: "1" }),
    ...running.map(costOf),
  ]);
  const spent = costs.reduce((sum, cost) => sum + cost, before);
  expect((await read(limit.id)).state).toMatchObject({ settled: dollars(spent), reserved: "0.000000000" });
});

test("limits that are made and deleted while calls stream in end with what the ledger holds", async () => {
  const made: Promise<LimitNow>[] = [];
  const calls: Promise<bigint>[] = [];
  for (let i = 0; i < 60; i++) {
    calls.push(costOf(call({ agent: "busy" }, { made: 1 + i })));
    if (i % 10 === 5) made.push(make({ ...run42, scope: "agent:busy", amount: `${i}` }));
  }
  const limits = await Promise.all(made);
  const spent = (await Promise.all(calls)).reduce((sum, cost) => sum + cost, 0n);
  for (const { id } of limits) expect((await read(id)).state.settled).toBe(dollars(spent));
});

test("a deleted limit blocks nobody, and a raised one admits at once", async () => {
  const { id } = await make({ ...run42, scope: "session:raised", amount: "0" });
  expect((await call({ session: "raised" })).status).toBe(429);
  await world.control("PUT", `/api/v1/limits/${id}`, { amount: "1" });
  expect((await call({ session: "raised" })).status).toBe(200);
  await world.control("PUT", `/api/v1/limits/${id}`, { amount: "0" });
  expect((await call({ session: "raised" })).status).toBe(429);
  await world.control("DELETE", `/api/v1/limits/${id}`);
  expect((await call({ session: "raised" })).status).toBe(200);
});

test("every change of a limit is an entry of the ledger, and the ledger verifies", async () => {
  const verified = await world.control<{ result: string }>("POST", "/api/v1/ledger/verify", { from: 1, to: "latest" });
  expect(verified.result).toBe("PASS");
});
