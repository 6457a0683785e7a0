import type { LimitAnswer } from "@tollhouse/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedRedis, type StartedRedis } from "../../packages/testkit/src/started-redis.ts";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { until } from "./side-by-side.ts";

// Backends that call their providers themselves, behind a balancer: they check at one gateway and record at another.

let redis: StartedRedis;
const worlds: StartedTollhouse[] = [];
beforeAll(async () => {
  redis = await startedRedis();
  const env = { REDIS_URL: redis.url, DEFAULT_BUDGET: "0" };
  worlds.push(await startedTollhouse({ env }));
  worlds.push(await startedTollhouse({ env, beside: one() }));
});
afterAll(async () => {
  for (const world of worlds.toReversed()) await world.stop();
  await redis.remove();
});

const one = (): StartedTollhouse => worlds[0] as StartedTollhouse;
const two = (): StartedTollhouse => worlds[1] as StartedTollhouse;

interface Checked {
  readonly decision_id: string;
  readonly reservation: { readonly amount: string } | null;
}
interface Recorded {
  readonly decision_id: string;
  readonly cost: string | null;
  readonly confirmed: boolean | null;
}
interface Listed {
  readonly checks: readonly { readonly decision: string; readonly reserved: string; readonly model: string }[];
}

const USAGE = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };

async function post<T>(at: StartedTollhouse, path: string, body: unknown, status = 200): Promise<T> {
  const answer = await fetch(`${at.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(status);
  return JSON.parse(text) as T;
}

function check(at: StartedTollhouse, session: string, over: Record<string, unknown> = {}): Promise<Checked> {
  const call = { provider: "openai", model: "gpt-4o-mini", input_tokens: 200, max_output_tokens: 100 };
  return post(at, "/sdk/check", { ...call, session, reserve: true, ...over });
}

function record(at: StartedTollhouse, decision: string, status = 200): Promise<Recorded> {
  return post(at, "/sdk/record", { decision_id: decision, usage: USAGE }, status);
}

async function limited(session: string): Promise<() => Promise<LimitAnswer["state"][]>> {
  const input = { scope: `session:${session}`, measure: "usd", amount: "1.00", window: "lifetime", mode: "hard" };
  const { id } = await one().control<LimitAnswer>("POST", "/api/v1/limits", input);
  const answer = (at: StartedTollhouse): Promise<LimitAnswer> => at.control("GET", `/api/v1/limits/${id}`);
  await until("the other to have the limit", () =>
    answer(two()).then(
      () => true,
      () => false,
    ),
  );
  return async () => [(await answer(one())).state, (await answer(two())).state];
}

function listed(at: StartedTollhouse, state: "open" | "unconfirmed"): Promise<Listed> {
  return at.control("GET", `/api/v1/checks?state=${state}`);
}

async function entriesOf(decision: string): Promise<number> {
  for (const world of worlds) await world.recorded();
  const { calls } = await one().control<{ calls: readonly { decision: string }[] }>("GET", "/api/v1/calls?limit=1000");
  return calls.filter((call) => call.decision === decision).length;
}

test("a check of one gateway is settled by a record at another, at once or later: one entry, and the money counted once", async () => {
  const states = await limited("handed-over");
  for (const later of [false, true]) {
    const { decision_id: decision, reservation } = await check(one(), "handed-over");
    if (later) await until("the other to list it", async () => (await listed(two(), "open")).checks.length === 1);
    const before = await states();
    expect(before.map(({ reserved }) => reserved)).toEqual([reservation?.amount, reservation?.amount]);
    const recorded = await record(two(), decision);
    expect(recorded).toMatchObject({ decision_id: decision, confirmed: true, cost: "0.000045000" });
    const settled = later ? "0.000090000" : "0.000045000";
    await until("both to see it settled", async () =>
      (await states()).every((state) => state.settled === settled && state.reserved === "0.000000000"),
    );
    expect(await entriesOf(decision)).toBe(1);
    for (const at of worlds)
      await until("nobody to list it as open", async () => (await listed(at, "open")).checks.length === 0);
    // Sent again, by whoever did not get the answer: through either gateway.
    for (const at of worlds) expect(await record(at, decision)).toEqual(recorded);
    expect(await entriesOf(decision)).toBe(1);
  }
});

test("a record that reaches both gateways at once is recorded once, with one answer; another body under its key is refused by either", async () => {
  const states = await limited("at-once");
  for (let n = 0; n < 8; n++) {
    const { decision_id: decision } = await check(one(), "at-once");
    const asked = Array.from({ length: 6 }, (_, i) => record(worlds[i % 2] as StartedTollhouse, decision));
    const answers = await Promise.all(asked);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ confirmed: true, decision_id: decision });
  }
  await until("all of it to be counted once", async () =>
    (await states()).every(({ settled, reserved }) => settled === "0.000360000" && reserved === "0.000000000"),
  );
  const keyed = (tokens: number) => ({
    provider: "openai",
    model: "gpt-4o-mini",
    session: "at-once",
    idempotency_key: "once",
    usage: { ...USAGE, completion_tokens: tokens, total_tokens: 100 + tokens },
  });
  const first = await Promise.all(worlds.map((at) => post<Recorded>(at, "/sdk/record", keyed(50))));
  expect(first[0]).toEqual(first[1]);
  for (const at of worlds) await post(at, "/sdk/record", keyed(60), 409);
  for (const world of worlds) await world.recorded();
  const { calls } = await one().control<{ calls: readonly unknown[] }>(
    "GET",
    "/api/v1/calls?session=at-once&limit=100",
  );
  expect(calls).toHaveLength(9);
});

test("a check that nobody records is let go once, and listed as unconfirmed by either; a late record at the other confirms it", async () => {
  const states = await limited("too-late");
  const { decision_id: decision } = await check(one(), "too-late", { ttl_seconds: 1 });
  await until("its time to be over", async () => (await states()).every(({ reserved }) => reserved === "0.000000000"));
  for (const at of worlds)
    await until("it to be listed", async () =>
      (await listed(at, "unconfirmed")).checks.some((each) => each.decision === decision),
    );
  const late = { decision_id: decision, provider: "openai", model: "gpt-4o-mini", session: "too-late", usage: USAGE };
  expect(await post<Recorded>(two(), "/sdk/record", late)).toMatchObject({ confirmed: false });
  await until("both to count it", async () => (await states()).every(({ settled }) => settled === "0.000045000"));
  for (const world of worlds) await world.recorded();
  for (const at of worlds)
    expect((await listed(at, "unconfirmed")).checks.filter((each) => each.decision === decision)).toEqual([]);
});

test("a user whose check another gateway holds is not erased", async () => {
  const { decision_id: decision } = await check(one(), "of-a-user", { user: "ada" });
  const refused = await two()
    .control("DELETE", "/api/v1/users/ada")
    .then(
      () => null,
      (error: unknown) => String(error),
    );
  expect(refused).toContain("USER_IN_USE");
  await record(two(), decision);
  for (const world of worlds) await world.recorded();
  expect(await two().control("DELETE", "/api/v1/users/ada")).toMatchObject({ erased: true });
});
