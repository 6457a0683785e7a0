import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LimitAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCall, recordedCalls, until } from "./side-by-side.ts";

// Backends that call their providers themselves: check, call, record, with plain fetch.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

interface Answered<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}
interface Checked {
  readonly allowed: boolean;
  readonly decision_id: string;
  readonly reason_code: string | null;
  readonly message: string | null;
  readonly estimate: { readonly cost: string | null; readonly input_tokens: number; readonly output_tokens: number };
  readonly limit: { readonly scope: string } | null;
  readonly limit_state: { readonly reserved: string; readonly settled: string; readonly remaining: string } | null;
  readonly reservation: { readonly id: string; readonly amount: string; readonly expires_at: string } | null;
  readonly ignored: readonly string[];
  readonly decision?: string;
}
interface Recorded {
  readonly recorded: boolean;
  readonly decision_id: string;
  readonly outcome: string;
  readonly cost: string | null;
  readonly usage: Readonly<Record<string, number>> | null;
  readonly confirmed: boolean | null;
  readonly payload: string;
  readonly ignored: readonly string[];
}
interface Refused {
  readonly reason_code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly field: string; readonly problem: string }[];
}

async function post<T>(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
  at = world,
): Promise<Answered<T>> {
  const answer = await fetch(`${at.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as T };
}

function check(over: object = {}, headers: Record<string, string> = {}): Promise<Answered<Checked>> {
  const asked = { provider: "openai", model: "gpt-4o-mini", input_tokens: 100, max_output_tokens: 100 };
  return post("/sdk/check", { ...asked, ...over }, headers);
}

const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
/** Of gpt-4o-mini: 100 × $0.15 and 50 × $0.60 a million. */
const COST = "0.000045000";

function record(over: object = {}, headers: Record<string, string> = {}): Promise<Answered<Recorded & Refused>> {
  return post("/sdk/record", { provider: "openai", model: "gpt-4o-mini", usage, ...over }, headers);
}

function makeLimit(scope: string, amount: string, over: object = {}): Promise<LimitAnswer> {
  const limit = { scope, measure: "usd", amount, window: "lifetime", mode: "hard", ...over };
  return world.control<LimitAnswer>("POST", "/api/v1/limits", limit);
}

async function stateOf(limit: LimitAnswer): Promise<LimitAnswer["state"]> {
  return (await world.control<LimitAnswer>("GET", `/api/v1/limits/${limit.id}`)).state;
}

describe("the lines of the README", () => {
  test("check → call → record with plain fetch, and the ledger has what the provider said", async () => {
    const tollhouse = world.url;
    const provider = `${world.simulator.url}/v1/chat/completions`;
    const messages = [{ role: "user", content: "Hi" }];
    const json = { "content-type": "application/json" };
    const key = { authorization: "Bearer sk-simulated-openai" };
    type Answer = Record<string, never>;
    // README: begin
    const send = (url: string, body: object, headers = {}): Promise<Response> =>
      fetch(url, { method: "POST", headers: { ...json, ...headers }, body: JSON.stringify(body) });
    const call = { provider: "openai", model: "gpt-4o-mini", session: "run-42" };

    const asked = await send(`${tollhouse}/sdk/check`, { ...call, messages, max_tokens: 100, reserve: true });
    const { allowed, decision_id, message } = (await asked.json()) as Answer;
    if (!allowed) throw new Error(message);

    const answer = await send(provider, { model: call.model, messages, max_tokens: 100 }, key);
    const { usage: used } = (await answer.json()) as Answer;
    const recorded = await send(`${tollhouse}/sdk/record`, { decision_id, usage: used });
    // README: end
    const { cost } = (await recorded.json()) as Recorded;
    expect(await recordedCall(world, decision_id ?? "")).toMatchObject({
      outcome: "settled",
      cost,
      usage_source: "reported",
      dimensions: { session: "run-42" },
    });
    expect(Number(cost)).toBeGreaterThan(0);
  });
});

describe("a check", () => {
  test("that reserves holds exactly what a budget fits: 1,000 at once on a budget for 100", async () => {
    const each = (await check()).body.estimate.cost as string;
    const limit = await makeLimit("session:crowd", (Number(each) * 100).toFixed(9));
    const all = await Promise.all(
      Array.from({ length: 1_000 }, () => check({ session: "crowd", reserve: true, ttl_seconds: 60 })),
    );
    const allowed = all.filter(({ body }) => body.allowed);
    expect(allowed).toHaveLength(100);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await stateOf(limit)).toMatchObject({ remaining: "0.000000000", settled: "0.000000000" });
    const refused = all.find(({ body }) => !body.allowed);
    expect(refused?.body).toMatchObject({
      reason_code: "BUDGET_EXCEEDED",
      limit: { scope: "session:crowd" },
      reservation: null,
    });
    expect(refused?.headers.get("x-tollhouse-reason")).toBe("BUDGET_EXCEEDED");
  });

  test("without `reserve` looks, and holds nothing", async () => {
    const limit = await makeLimit("session:looker", "0.000100000");
    for (let times = 0; times < 5; times++)
      expect((await check({ session: "looker" })).body).toMatchObject({ allowed: true, reservation: null });
    expect(await stateOf(limit)).toMatchObject({ reserved: "0.000000000", settled: "0.000000000" });
    const { body } = await check({ session: "looker", max_output_tokens: 10_000 });
    expect(body).toMatchObject({ allowed: false, reason_code: "BUDGET_EXCEEDED" });
    expect(await recordedCall(world, body.decision_id)).toMatchObject({
      outcome: "blocked",
      reason_code: "BUDGET_EXCEEDED",
    });
  });

  test("is stopped by what stops a call: kill switch, blocklist, unknown price under a hard budget", async () => {
    const stop = await world.control<{ id: string }>("POST", "/api/v1/kill-switches", {
      scope: "agent:runaway",
      reason: "test",
    });
    expect((await check({ agent: "runaway" })).body).toMatchObject({
      allowed: false,
      reason_code: "KILL_SWITCH_ACTIVE",
    });
    await world.control("DELETE", `/api/v1/kill-switches/${stop.id}`);
    expect((await check({ agent: "runaway" })).body.allowed).toBe(true);
    await makeLimit("session:priceless", "1.00");
    expect((await check({ session: "priceless", model: "made-up" })).body).toMatchObject({
      allowed: false,
      reason_code: "PRICE_UNKNOWN",
      estimate: { cost: null },
    });
    expect((await check({ model: "made-up" })).body).toMatchObject({ allowed: true, estimate: { cost: null } });
  });

  test("counts the input where the decision depends on it", async () => {
    const words = "toll ".repeat(2_000);
    await makeLimit("session:counted", "0.000600000");
    const { body } = await check({ session: "counted", input_tokens: undefined, input: words, reserve: true });
    expect(body.allowed).toBe(true);
    // Bytes would be 10,000 tokens: more than the budget.
    expect(body.estimate.input_tokens).toBeLessThan(3_000);
  });

  test("without an output cap reserves what such calls usually make, and with one all that it can cost", async () => {
    const open = await check({ max_output_tokens: undefined, model: "gpt-4o" });
    expect(open.body.estimate.output_tokens).toBeLessThanOrEqual(8_192);
    expect((await check({ max_output_tokens: 9_000, model: "gpt-4o" })).body.estimate.output_tokens).toBe(9_000);
    expect((await check({ estimated_cost: "0.5", reserve: true, ttl_seconds: 60 })).body.reservation?.amount).toBe(
      "0.500000000",
    );
  });
});

describe("a record", () => {
  test("settles its check, at what was used", async () => {
    const limit = await makeLimit("session:settles", "1.00");
    const { body } = await check({ session: "settles", reserve: true });
    expect(await stateOf(limit)).toMatchObject({ reserved: body.reservation?.amount, settled: "0.000000000" });
    const recorded = await record({ decision_id: body.decision_id });
    expect(recorded.body).toMatchObject({ recorded: true, decision_id: body.decision_id, cost: COST, confirmed: true });
    expect(await stateOf(limit)).toMatchObject({ reserved: "0.000000000", settled: COST });
    expect(await recordedCall(world, body.decision_id)).toMatchObject({ outcome: "settled", cost: COST });
  });

  test("without a check counts on every limit that applies, and is never refused for one", async () => {
    const limit = await makeLimit("user:u1", "0.000050000");
    const tokens = await makeLimit("user:u1", "1000", { measure: "tokens" });
    expect((await record({ user: "u1" })).body).toMatchObject({ recorded: true, cost: COST, confirmed: null });
    expect((await record({ user: "u1" })).body).toMatchObject({ recorded: true, cost: COST });
    expect(await stateOf(limit)).toMatchObject({ settled: "0.000090000", remaining: "0.000000000" });
    expect(await stateOf(tokens)).toMatchObject({ settled: "300" });
    expect((await check({ user: "u1" })).body).toMatchObject({ allowed: false, reason_code: "BUDGET_EXCEEDED" });
  });

  test("of a call that the provider refused releases its check, and costs nothing", async () => {
    const limit = await makeLimit("session:failed", "1.00");
    const { body } = await check({ session: "failed", reserve: true });
    const recorded = await record({ decision_id: body.decision_id, usage: undefined, status: 429 });
    expect(recorded.body).toMatchObject({ outcome: "released", cost: "0.000000000", confirmed: true });
    expect(await stateOf(limit)).toMatchObject({ reserved: "0.000000000", settled: "0.000000000" });
  });

  test("without usage settles its check at what was reserved: unknown is never zero; and without a check is refused", async () => {
    const { body } = await check({ session: "silent", reserve: true });
    const recorded = await record({ decision_id: body.decision_id, usage: null });
    expect(recorded.body).toMatchObject({
      outcome: "settled",
      usage_source: "estimated",
      cost: body.reservation?.amount,
    });
    const refused = await record({ usage: null });
    expect([refused.status, refused.body.errors?.[0]?.field]).toEqual([400, "usage"]);
  });

  test("says when it was used, within a day, and never in the future", async () => {
    const at = new Date(Date.now() - 3 * 3_600_000).toISOString();
    const { body } = await record({ timestamp: at, session: "earlier" });
    const { time } = (await recordedCall(world, body.decision_id)) as unknown as { time: string };
    expect(time).toBe(at);
    for (const timestamp of [Date.now() - 25 * 3_600_000, Date.now() + 3_600_000].map((ms) =>
      new Date(ms).toISOString(),
    )) {
      const refused = await record({ timestamp });
      expect([refused.status, refused.body.errors?.[0]?.field]).toEqual([400, "timestamp"]);
    }
  });
});

describe("a record is made once", () => {
  test("under one key by a hundred at once, with one answer", async () => {
    const limit = await makeLimit("session:once", "1.00");
    const all = await Promise.all(
      Array.from({ length: 100 }, () => record({ session: "once" }, { "idempotency-key": "once-1" })),
    );
    expect(new Set(all.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(await stateOf(limit)).toMatchObject({ settled: COST });
    await world.recorded();
    expect((await record({ session: "once" }, { "idempotency-key": "once-1" })).body).toEqual(all[0]?.body);
    expect(await recordedCalls(world, "session=once")).toHaveLength(1);
  });

  test("and with another body is refused, also once memory has forgotten it", async () => {
    const first = await record({ session: "conflict" }, { "idempotency-key": "conflict-1" });
    await world.recorded();
    const forgotten = async (): Promise<void> => {
      const other = await record({ session: "another" }, { "idempotency-key": "conflict-1" });
      expect([other.status, other.body.reason_code]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
      const same = await record({ session: "conflict" }, { "idempotency-key": "conflict-1" });
      expect(same.body).toEqual(first.body);
    };
    await forgotten();
    const kept = performance.now();
    await until("memory forgot", () => performance.now() - kept > 3_000);
    await forgotten();
  });

  test("for one check, with a key or without; other keys are other records", async () => {
    const { body } = await check({ session: "check-once", reserve: true });
    const { decision_id } = body;
    const first = await record({ decision_id });
    expect((await record({ decision_id })).body).toEqual(first.body);
    expect((await record({ decision_id }, { "idempotency-key": "late-key" })).body).toEqual(first.body);
    const other = await record({ decision_id, usage: { prompt_tokens: 1, completion_tokens: 1 } });
    expect([other.status, other.body.reason_code]).toEqual([409, "IDEMPOTENCY_CONFLICT"]);
    expect(await recordedCalls(world, "session=check-once")).toHaveLength(1);
  });
});

describe("a batch", () => {
  test("records each item by itself; a bad one does not lose the others and is named by its index", async () => {
    const items = [
      { provider: "openai", model: "gpt-4o-mini", usage, session: "batch", idempotency_key: "b-0" },
      { provider: "openai", model: "gpt-4o-mini", usage: "none", session: "batch" },
      { provider: "openai", model: "gpt-4o-mini", usage, session: "batch", made_up: 1 },
      { provider: "openai", model: "gpt-4o-mini", usage, session: "batch", idempotency_key: "b-0" },
      { provider: "openai", model: "gpt-4o-mini", usage, session: "batch" },
    ];
    const { status, body } = await post<{
      recorded: number;
      failed: number;
      results: (Recorded & { index: number; error?: Refused })[];
    }>("/sdk/record", items);
    expect([status, body.recorded, body.failed]).toEqual([200, 3, 2]);
    expect(body.results.map(({ index, recorded }) => [index, recorded])).toEqual([
      [0, true],
      [1, false],
      [2, false],
      [3, true],
      [4, true],
    ]);
    expect(body.results[1]?.error?.errors?.[0]?.field).toBe("usage");
    expect(body.results[2]?.error?.errors?.[0]?.field).toBe("made_up");
    expect(body.results[3]?.decision_id).toBe(body.results[0]?.decision_id);
    expect(await recordedCalls(world, "session=batch")).toHaveLength(2);
  });

  test("of a thousand is one request; of more, or of none, is refused by name", async () => {
    const item = { provider: "openai", model: "gpt-4o-mini", usage, session: "thousand" };
    const records = Array.from({ length: 1_000 }, (_, i) => ({ ...item, idempotency_key: `t-${i}` }));
    const { body } = await post<{ recorded: number }>("/sdk/record", { records });
    expect(body.recorded).toBe(1_000);
    for (const wrong of [[], [...records, item]]) {
      const refused = await post<Refused>("/sdk/record", { records: wrong });
      expect([refused.status, refused.body.errors?.[0]?.field]).toEqual([400, "records"]);
    }
    expect(await recordedCalls(world, "session=thousand")).toHaveLength(1_000);
  });
});
