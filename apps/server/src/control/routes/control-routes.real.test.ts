import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startedTollhouse, TEST_ADMIN_KEY, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";

// The control API as scripts see it: shapes of product.md §7 by value, and every odd input answered as the client's own fault.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

async function ask(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; answer: Record<string, unknown> }> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, answer: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

async function chat(session: string, more: object = {}): Promise<number> {
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": session },
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "hi" }],
      max_tokens: 20,
      ...more,
    }),
  });
  await response.text();
  return response.status;
}

const budget = { scope: "session:run-42", measure: "usd", amount: "25.00", window: "lifetime", mode: "hard" };

describe("limits", () => {
  test("are made, read, changed and removed", async () => {
    const made = await ask("POST", "/api/v1/limits", budget);
    const state = { settled: "0.000000000", reserved: "0.000000000", remaining: "25.000000000", resets_at: null };
    expect(made).toEqual({
      status: 201,
      answer: {
        ...budget,
        id: expect.stringMatching(/^lim_/),
        amount: "25.000000000",
        time_zone: "UTC",
        version: 1,
        state,
      },
    });
    const path = `/api/v1/limits/${String(made.answer["id"])}`;
    expect((await ask("GET", path)).answer).toEqual(made.answer);
    expect((await ask("GET", "/api/v1/limits")).answer).toEqual({ limits: [made.answer], next_cursor: null });
    expect((await ask("PUT", path, { amount: "1", version: 1 })).answer).toMatchObject({
      amount: "1.000000000",
      version: 2,
    });
    expect((await ask("PUT", path, { amount: "2", version: 1 })).status).toBe(409);
    expect(await ask("DELETE", path)).toEqual({ status: 204, answer: {} });
    expect((await ask("GET", path)).status).toBe(404);
    expect((await ask("DELETE", path)).status).toBe(404);
  });

  test.each([
    ["an unknown field", { ...budget, colour: "red" }, "colour"],
    ["a number for an amount", { ...budget, amount: 25 }, "amount"],
    ["an exponent", { ...budget, amount: "1e3" }, "amount"],
    ["a fraction of a token", { ...budget, measure: "tokens", amount: "1.5" }, "amount"],
    ["an unknown scope", { ...budget, scope: "planet:earth" }, "scope"],
    ["a scope without a value", { ...budget, scope: "session:" }, "scope"],
    ["an unknown window", { ...budget, window: "year" }, "window"],
    ["an unknown zone", { ...budget, time_zone: "Mars/Olympus" }, "time_zone"],
  ])("%s is named", async (_, body, field) => {
    const { status, answer } = await ask("POST", "/api/v1/limits", body);
    expect([status, answer["reason_code"]]).toEqual([400, "REQUEST_INVALID"]);
    expect(answer["errors"]).toContainEqual({ field, problem: expect.any(String) });
  });
});

describe("reports", () => {
  test("say what was spent and by which calls, up to the moment of the question", async () => {
    expect([await chat("spent"), await chat("spent")]).toEqual([200, 200]);
    await ask("POST", "/api/v1/limits", { ...budget, scope: "session:spent", measure: "requests", amount: "2" });
    expect(await chat("spent")).toBe(429);
    const usage = (await ask("GET", "/api/v1/usage?group_by=model,session")).answer as {
      rows: { session: string; calls: number; blocked: number; cost: string }[];
    };
    const row = usage.rows.find(({ session }) => session === "spent");
    expect(row).toMatchObject({ model: "gpt-4o-mini", calls: 2, blocked: 1 });
    const calls: { cost: string | null; outcome: string }[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query = `session=spent&limit=1${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`;
      const { answer } = await ask("GET", `/api/v1/calls?${query}`);
      calls.push(...(answer["calls"] as typeof calls));
      cursor = answer["next_cursor"] as string | null;
    }
    expect(calls.map((call) => call.outcome)).toEqual(["blocked", "settled", "settled"]);
    const nano = (text: string | null): bigint => BigInt((text ?? "0.000000000").replace(".", ""));
    expect(nano(row?.cost ?? null)).toBe(calls.reduce((sum, call) => sum + nano(call.cost), 0n));
    expect(nano(row?.cost ?? null)).toBeGreaterThan(0n);
  });

  test.each([
    "/api/v1/usage?from=yesterday",
    "/api/v1/usage?group_by=planet",
    "/api/v1/usage?group_by=model,model",
    "/api/v1/usage?grouped_by=model",
    "/api/v1/usage?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z",
    "/api/v1/usage?from=-271821-04-20T00:00:00Z",
    "/api/v1/usage?to=%2B275760-09-13T00:00:00Z&from=%2B275760-09-12T00:00:00Z",
    "/api/v1/usage?environment=%00",
    "/api/v1/calls?limit=0",
    "/api/v1/calls?limit=1001",
    "/api/v1/calls?limit=ten",
    "/api/v1/calls?cursor=garbage",
    "/api/v1/calls?cursor=-1",
    "/api/v1/calls?cursor=99999999999999999999999",
    "/api/v1/calls?session=%00",
    "/api/v1/calls?outcome=lost",
    "/api/v1/calls?model=a&model=b",
    "/api/v1/prices?planet=earth",
  ])("%s is the client's own fault, never ours", async (path) => {
    const { status, answer } = await ask("GET", path);
    expect(status).toBeLessThan(500);
    if (status !== 200) expect(answer).toMatchObject({ status: 400, reason_code: "REQUEST_INVALID" });
  });
});

describe("prices", () => {
  test("the row that a call would be rated with now", async () => {
    const { answer } = await ask("GET", "/api/v1/prices?provider=openai&model=gpt-4o-mini");
    expect(answer["version"]).toEqual(expect.any(String));
    expect(answer["prices"]).toMatchObject([{ model: "gpt-4o-mini", prices: { input: "150000", output: "600000" } }]);
    expect((await ask("GET", "/api/v1/prices?provider=openai&model=nobody-knows")).answer["prices"]).toEqual([]);
  });

  test("the whole book, or one provider of it", async () => {
    const all = (await ask("GET", "/api/v1/prices")).answer["prices"] as { provider: string }[];
    const some = (await ask("GET", "/api/v1/prices?provider=openai")).answer["prices"] as { provider: string }[];
    expect(new Set(all.map((row) => row.provider)).size).toBeGreaterThan(3);
    expect(new Set(some.map((row) => row.provider))).toEqual(new Set(["openai"]));
    expect(JSON.stringify(all)).not.toMatch(/\d\.\d+e|Infinity|NaN/);
  });
});

describe("the ledger", () => {
  test("verifies as a whole and in part, and says that its tail is not proven", async () => {
    await chat("ledger");
    const whole = (await ask("POST", "/api/v1/ledger/verify", { from: 1, to: "latest" })).answer;
    expect(whole).toMatchObject({ result: "PASS", tail: "NOT PROVEN", first_bad_sequence: null });
    expect((await ask("POST", "/api/v1/ledger/verify")).answer["entries"]).toBe(whole["entries"]);
    expect((await ask("POST", "/api/v1/ledger/verify", { from: 2, to: 3 })).answer).toMatchObject({
      result: "PASS",
      entries: 2,
    });
  });

  test("a verification that is not waited for tells how far it is, and what one that is waited for says", async () => {
    // Up to here: what others asked before may still be on its way into the ledger.
    const { entries } = (await ask("POST", "/api/v1/ledger/verify")).answer;
    const begun = await ask("POST", "/api/v1/ledger/verifications", { from: 1, to: entries });
    expect(begun).toMatchObject({ status: 202, answer: { state: "waiting", walked: 0, of: null, answer: null } });
    const walk = async () => (await ask("GET", `/api/v1/ledger/verifications/${String(begun.answer["id"])}`)).answer;
    await expect.poll(async () => (await walk())["state"], { timeout: 30_000 }).toBe("done");
    const { result } = (await ask("POST", "/api/v1/ledger/verify", { from: 1, to: entries })).answer;
    const found = await walk();
    expect(found["answer"]).toMatchObject({ result, entries });
    expect([found["walked"], found["of"]]).toEqual([entries, entries]);
    for (const id of ["ver_0", "ver_00000000000000000000000000000000", String(begun.answer["id"]).slice(4)])
      expect((await ask("GET", `/api/v1/ledger/verifications/${id}`)).status).toBe(404);
  });

  test("entries that are not there are missing, and do not pass", async () => {
    const { answer } = await ask("POST", "/api/v1/ledger/verify", { to: 1_000_000 });
    expect(answer["result"]).toBe("FAIL");
  });

  test.each([{ from: 0 }, { from: 1.5 }, { to: "last" }, { from: 2 ** 60 }, { upto: 3 }, { from: 5, to: 2 }])(
    "%j is no range",
    async (body) => {
      const { status, answer } = await ask("POST", "/api/v1/ledger/verify", body);
      expect([status, answer["reason_code"]]).toEqual([400, "REQUEST_INVALID"]);
    },
  );
});
