import { request as httpRequest } from "node:http";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Usage, calls and summaries from outside: what official clients spent, asked for in every way.

interface Sums {
  readonly calls: number;
  readonly blocked: number;
  readonly released: number;
  readonly cost_unknown: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: string;
}
type Row = Sums & Readonly<Record<string, string | number | null>>;
interface Report {
  readonly rows: readonly Row[];
  readonly total: Sums;
  readonly next_cursor: string | null;
}
interface Problem {
  readonly status: number;
  readonly reason_code: string;
  readonly errors: readonly { readonly field: string }[];
}

const USERS = ["ada@example.com", "=cmd|' /C calc'!A0", 'Zoë, "the best"'];
const MODELS = ["gpt-4o-mini", "gpt-4o"];
let world: StartedTollhouse;
let devKey: string;

beforeAll(async () => {
  world = await startedTollhouse();
  const limit = { scope: "session:broke", measure: "requests", amount: "1", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  for (let n = 0; n < 24; n++)
    await call(undefined, { session: `run-${n % 8}`, user: USERS[n % 3] ?? "", team: n % 4 === 0 ? "" : "search" }, n);
  await call(undefined, { session: "broke", user: USERS[0] ?? "", team: "search" }, 0);
  await expect(call(undefined, { session: "broke", user: USERS[0] ?? "", team: "search" }, 0)).rejects.toThrow(
    /limit/i,
  );
  const made = await world.control<{ key: string }>("POST", "/api/v1/keys", {
    name: "reader of dev",
    environment: "dev",
    permissions: ["call", "read"],
  });
  devKey = made.key;
  for (let n = 0; n < 3; n++) await call(devKey, { session: "run-1", user: "dev-user", team: "search" }, 0);
  await world.recorded();
});
afterAll(() => world.stop());

async function call(
  key: string | undefined,
  { session, user, team }: { session: string; user: string; team: string },
  n: number,
): Promise<void> {
  const client = new OpenAI({ apiKey: key ?? "unused", baseURL: `${world.url}/v1`, maxRetries: 0 });
  const headers = {
    "x-tollhouse-session": session,
    "x-tollhouse-user": user.replaceAll(/[^\x20-\x7e]/g, "o"),
    ...(team !== "" && { "x-tollhouse-team": team }),
  };
  await client.chat.completions.create(
    { model: MODELS[n % 2] ?? "", messages: [{ role: "user", content: "Hi ".repeat(n + 1) }], max_tokens: 20 },
    { headers },
  );
}

function get(path: string, headers: Record<string, string> = {}, key = TEST_ADMIN_KEY): Promise<Response> {
  return fetch(`${world.url}${path}`, { headers: { authorization: `Bearer ${key}`, ...headers } });
}

const usage = (query: string): Promise<Report> => world.control<Report>("GET", `/api/v1/usage?${query}`);

async function everyPage(query: string): Promise<{ rows: Row[]; totals: Sums[] }> {
  const rows: Row[] = [];
  const totals: Sums[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: Report = await usage(`${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
    rows.push(...page.rows);
    totals.push(page.total);
    cursor = page.next_cursor;
  }
  return { rows, totals };
}

const nano = (row: { readonly cost: string | null }): bigint => BigInt((row.cost ?? "0").replace(".", ""));
const sumOf = (rows: readonly Sums[]): { calls: number; blocked: number; tokens: number; cost: bigint } => ({
  calls: rows.reduce((sum, row) => sum + row.calls, 0),
  blocked: rows.reduce((sum, row) => sum + row.blocked, 0),
  tokens: rows.reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0),
  cost: rows.reduce((sum, row) => sum + nano(row), 0n),
});

describe("usage", () => {
  test("by any groups sums to the calls themselves, over all pages, and every page has the same total", async () => {
    const { calls } = await world.control<{ calls: { cost: string; outcome: string }[] }>(
      "GET",
      "/api/v1/calls?environment=prod&limit=1000",
    );
    const spent = calls.reduce((sum, each) => sum + nano(each), 0n);
    expect(spent).toBeGreaterThan(0n);
    for (const groups of [
      "session",
      "user,model",
      "day,team",
      "hour,key",
      "month,user,session,model",
      "provider,environment",
    ]) {
      const { rows, totals } = await everyPage(`group_by=${groups}&environment=prod&limit=3`);
      expect(sumOf(rows), groups).toMatchObject({ calls: 25, blocked: 1, cost: spent });
      for (const total of totals) expect(sumOf([total])).toEqual(sumOf(rows));
    }
  });

  test("is filtered by several values at once, by what calls do not have, and by readable users, who are shown", async () => {
    const rows = (await usage(`group_by=user&user=${encodeURIComponent(USERS[0] ?? "")}&user=nobody`)).rows;
    expect(rows).toMatchObject([{ user: USERS[0], calls: 9, blocked: 1 }]);
    expect((await usage("team=&model=gpt-4o-mini")).total.calls).toBe(6);
    expect((await usage("session=run-0&session=run-1&session=run-2")).total.calls).toBe(9);
    expect((await usage("model=gpt-4o&provider=anthropic")).total.calls).toBe(0);
  });

  test("as a top list: the dearest first, as many as asked for, beside the total of all", async () => {
    const all = (await usage("group_by=session&order=cost")).rows;
    const top = await usage("group_by=session&order=cost&limit=3");
    expect(top.rows).toEqual(all.slice(0, 3));
    expect(all.map(nano)).toEqual(all.map(nano).toSorted((a, b) => (a < b ? 1 : -1)));
    expect(sumOf([top.total])).toEqual(sumOf(all));
  });

  test("a key sees its own environment, and cannot ask for another; the admin sums over several only by name", async () => {
    const own = (await (await get("/api/v1/usage?group_by=environment,user", {}, devKey)).json()) as Report;
    expect(own.rows).toMatchObject([{ environment: "dev", user: "dev-user", calls: 3 }]);
    for (const path of ["usage?environment=prod", "usage?environment=dev&environment=prod", "calls?environment=prod"])
      expect((await get(`/api/v1/${path}`, {}, devKey)).status).toBe(403);
    expect((await usage("")).total.calls).toBe(25);
    expect((await usage("environment=dev&environment=prod")).total.calls).toBe(28);
    expect((await usage("group_by=environment")).rows.map((row) => [row["environment"], row.calls])).toEqual([
      ["prod", 25],
      ["dev", 3],
    ]);
  });

  test.each([
    ["time_zone", "group_by=day&time_zone=Asia/Kolkata"],
    ["time_zone", "group_by=day&time_zone=Mars/Olympus"],
    ["time_zone", "group_by=model&time_zone=Europe/Berlin"],
    ["cursor", "group_by=model&cursor=eyJ9"],
    ["order", "group_by=model&order=size"],
    ["limit", "group_by=model&limit=0"],
    ["format", "format=xlsx"],
    ["teams", "teams=search"],
  ])("a wrong %s is refused by name: %s", async (field, query) => {
    const answer = await get(`/api/v1/usage?${query}`);
    const problem = (await answer.json()) as Problem;
    expect([answer.status, problem.reason_code, problem.errors[0]?.field]).toEqual([400, "REQUEST_INVALID", field]);
  });

  test("days of a zone are asked for by its name", async () => {
    expect((await usage("group_by=day&time_zone=Europe/Berlin")).rows[0]?.["day"]).toMatch(/^\d{4}-\d\d-\d\d$/);
  });
});

describe("exports", () => {
  test("as CSV and NDJSON, by parameter or by Accept, have the rows of the pages", async () => {
    const { rows } = await everyPage("group_by=user,model&order=group&environment=prod");
    const lines = (
      await (await get("/api/v1/usage?group_by=user,model&order=group&environment=prod&format=ndjson")).text()
    )
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Row);
    expect(lines).toEqual(rows);
    const csv = await get("/api/v1/usage?group_by=user,model&order=group&environment=prod", { accept: "text/csv" });
    expect(csv.headers.get("content-type")).toMatch(/^text\/csv/);
    expect(csv.headers.get("content-disposition")).toBe('attachment; filename="usage.csv"');
    const text = await csv.text();
    expect(text.split("\r\n")[0]).toBe(
      "user,model,calls,blocked,released,cost_unknown,input_tokens,output_tokens,cost",
    );
    expect(text.split("\r\n").length - 2).toBe(rows.length);
    // No cell that a spreadsheet would run.
    expect(text).toContain(`'=cmd|' /C calc'!A0,gpt-4o,4,`);
    expect(text).toContain('"Zoo, ""the best""",');
  });

  test("of a part have that part; without groups there is the one row of everything", async () => {
    const lines = async (query: string): Promise<number> =>
      (await (await get(`/api/v1/${query}`)).text()).split("\n").filter((line) => line !== "").length;
    expect(await lines("usage?group_by=session&limit=2&format=ndjson")).toBe(2);
    expect(await lines("usage?format=ndjson")).toBe(1);
    expect(await lines("calls?format=ndjson")).toBe(29);
    expect(await lines("calls?format=csv&limit=5")).toBe(6);
    expect(await lines("calls?format=csv&session=none")).toBe(1);
  });

  test("whose readers leave, or read nothing, hold up nobody", async () => {
    await Promise.all(Array.from({ length: 12 }, () => abandoned("/api/v1/calls?format=ndjson")));
    await expect
      .poll(async () => (await get("/api/v1/usage?group_by=session&format=csv")).status, { timeout: 10_000 })
      .toBe(200);
  });
});

function abandoned(path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const request = httpRequest(`${world.url}${path}`, { headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` } });
  request.on("response", (response) => response.destroy());
  request.on("close", resolve);
  request.on("error", () => undefined);
  request.end();
  return promise;
}

describe("calls", () => {
  test("by reason, outcome, key, cost and time", async () => {
    const count = async (query: string): Promise<number> =>
      (await world.control<{ calls: unknown[] }>("GET", `/api/v1/calls?limit=1000&${query}`)).calls.length;
    expect(await count("reason_code=REQUEST_LIMIT_EXCEEDED")).toBe(1);
    expect(await count("reason_code=BUDGET_EXCEEDED&reason_code=REQUEST_LIMIT_EXCEEDED")).toBe(1);
    expect(await count("outcome=settled&environment=prod")).toBe(25);
    expect(await count("provider=openai&team=")).toBe(6);
    expect(await count("min_cost=9000")).toBe(0);
    expect(await count("min_cost=0.000000001&environment=prod")).toBe(25);
    expect(await count("to=2020-01-01T00:00:00Z")).toBe(0);
    expect(await count(`from=${new Date(Date.now() - 3_600_000).toISOString()}`)).toBe(29);
    expect(await count(`user=${encodeURIComponent(USERS[1] ?? "")}`)).toBe(8);
  });

  test.each([
    ["min_cost", "min_cost=1e3"],
    ["reason_code", "reason_code=WHATEVER"],
    ["cursor", "cursor=17"],
    ["to", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"],
  ])("a wrong %s is refused by name: %s", async (field, query) => {
    const problem = (await (await get(`/api/v1/calls?${query}`)).json()) as Problem;
    expect([problem.status, problem.errors[0]?.field]).toEqual([400, field]);
  });
});

describe("summaries", () => {
  interface Summary {
    readonly user?: string;
    readonly today: Sums;
    readonly month: Sums;
    readonly all_time: Sums;
    readonly top_models: readonly Row[];
    readonly nearest: readonly { readonly id: string }[];
    readonly limits: readonly { readonly id: string; readonly state: { readonly settled: string } }[];
  }

  test("of the org and of a user are what the reports say, with the limits of each and their state", async () => {
    const of = { measure: "requests", amount: "100", window: "lifetime", mode: "hard" };
    const org = await world.control<{ id: string }>("POST", "/api/v1/limits", { scope: "org", ...of });
    const ada = await world.control<{ id: string }>("POST", "/api/v1/limits", { scope: `user:${USERS[0]}`, ...of });
    const summary = await world.control<Summary>("GET", "/api/v1/summary");
    const total = (await usage("environment=prod")).total;
    expect(summary).toMatchObject({
      all_time: total,
      month: total,
      limits: [{ id: org.id, state: { settled: "25" } }],
    });
    expect(summary.nearest).toEqual([]);
    const budget = (scope: string, amount: string): Promise<{ id: string }> =>
      world.control("POST", "/api/v1/limits", { scope, amount, measure: "usd", window: "month", mode: "soft" });
    const [wide, narrow] = [await budget("org", "1000.00"), await budget("org", "0.50")];
    const { nearest } = await world.control<Summary>("GET", "/api/v1/summary");
    expect(nearest.map(({ id }) => id)).toEqual([narrow.id, wide.id]);
    for (const { id } of [wide, narrow]) await world.control("DELETE", `/api/v1/limits/${id}`);
    expect(summary.top_models).toEqual((await usage("group_by=model&order=cost&environment=prod")).rows);
    const path = `/api/v1/users/${encodeURIComponent(USERS[0] ?? "")}`;
    expect(await world.control("GET", `${path}/summary`)).toMatchObject({ plan: null });
    await world.control("PUT", "/api/v1/plans/pro", {});
    await world.control("PUT", `${path}/plan`, { plan: "pro" });
    expect(await world.control("GET", `${path}/summary`)).toMatchObject({
      user: USERS[0],
      plan: "pro",
      all_time: { calls: 9, blocked: 1 },
      limits: [{ id: ada.id, state: { settled: "9" } }],
    });
    await world.control("DELETE", `${path}/plan`);
    for (const limit of [org, ada]) await world.control("DELETE", `/api/v1/limits/${limit.id}`);
  });

  test("of nobody, or of somebody of another environment, are none", async () => {
    expect((await get("/api/v1/users/nobody/summary")).status).toBe(404);
    expect((await get("/api/v1/users/dev-user/summary")).status).toBe(404);
    expect((await get("/api/v1/users/dev-user/summary", {}, devKey)).status).toBe(200);
  });
});

test("a thousand hostile texts in any filter are a question like any other, or refused: never an error of ours", async () => {
  const pieces = [
    "'",
    '"',
    ";",
    "--",
    "/*",
    "\\",
    "%00",
    "%",
    "_",
    "$1",
    "::uuid",
    "\u202e",
    "\ud7ff",
    "{",
    "}",
    "NULL",
    ",",
    "\n",
    "=",
    "'='",
    "🜁",
  ];
  const names = [
    "user",
    "session",
    "team",
    "model",
    "key",
    "environment",
    "provider",
    "group_by",
    "order",
    "cursor",
    "from",
    "limit",
    "time_zone",
    "min_cost",
    "reason_code",
  ];
  let seed = 7;
  const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const statuses = new Set<number>();
  for (let n = 0; n < 1000; n++) {
    const text = Array.from({ length: 1 + next(6) }, () => pieces[next(pieces.length)] ?? "").join("");
    const path = n % 3 === 0 ? "calls" : "usage";
    const query = new URLSearchParams({ [names[next(names.length)] ?? ""]: text });
    if (n % 2 === 0) query.append("group_by", "user");
    const answer = await get(`/api/v1/${path}?${query.toString()}`);
    await answer.text();
    statuses.add(answer.status);
  }
  expect(statuses).toEqual(new Set([200, 400]));
});
