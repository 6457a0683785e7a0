import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { costOf, expectCountersAreTheFold, limits, makeLimit, recordedCalls } from "./audit.ts";
import { LONG } from "./rounds.ts";

// Checks and records of SDKs over the end of the process that took them.

let simulator: SimulatorProcess;
let tollhouse: TollhouseProcess;

beforeAll(async () => {
  simulator = await simulatorProcess();
  tollhouse = await tollhouseProcess({ providers: simulator.url, env: { DEFAULT_BUDGET: "1.00" } });
  return async () => {
    await tollhouse.remove();
    await simulator.close();
  };
});

const asked = { provider: "openai", model: "gpt-4o-mini", input_tokens: 100, max_output_tokens: 100, reserve: true };
const usage = { prompt_tokens: 100, completion_tokens: 50 };
const COST = 45_000n;
const KILLS = LONG ? 20 : 1;
const RECORDS = 60;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly decision_id: string };
}

async function post(path: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  const answer = await fetch(`${tollhouse.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Answer["body"] };
}

async function checksIn(state: string): Promise<string[]> {
  const page = await tollhouse.control<{ checks: { decision: string }[] }>("GET", `/api/v1/checks?state=${state}`);
  return page.checks.map(({ decision }) => decision).toSorted();
}

const ways = [
  ["a stop", (): Promise<unknown> => tollhouse.terminate()],
  ["a kill", (): Promise<unknown> => tollhouse.kill()],
] as const;

test.each(ways)("after %s open checks hold what they held; each is recorded once, or expires", async (name, end) => {
  const session = `held over ${name}`;
  const limit = await makeLimit(tollhouse, `session:${session}`, "0.000300000");
  const checks = await Promise.all(
    [600, 600, 1].map((ttl_seconds) => post("/sdk/check", { ...asked, session, ttl_seconds })),
  );
  const [first = "", second = "", short = ""] = checks.map(({ body }) => body.decision_id);
  const full = await post("/sdk/check", { ...asked, session, input_tokens: 1_000 });
  expect(full.body["reason_code"]).toBe("BUDGET_EXCEEDED");
  const recorded = await post("/sdk/record", { decision_id: first, usage });
  const keyed = await post("/sdk/record", { ...callIn(session), usage }, { "idempotency-key": name });

  await end();
  await tollhouse.start();

  expect(await checksIn("open")).toContain(second);
  expect((await post("/sdk/record", { decision_id: first, usage })).body).toEqual(recorded.body);
  expect((await post("/sdk/record", { ...callIn(session), usage }, { "idempotency-key": name })).body).toEqual(
    keyed.body,
  );
  const other = await post(
    "/sdk/record",
    { ...callIn(session), usage: { prompt_tokens: 1, completion_tokens: 1 } },
    { "idempotency-key": name },
  );
  expect(other.status).toBe(409);
  await expect.poll(() => checksIn("unconfirmed"), { timeout: 60_000, interval: 50 }).toContain(short);
  const state = async (): Promise<unknown> => (await limits(tollhouse)).find(({ id }) => id === limit.id)?.state;
  expect(await state()).toMatchObject({ settled: "0.000090000", reserved: "0.000075000" });
  // Another budget's worth does not fit beside what is still held.
  expect((await post("/sdk/check", { ...asked, session, input_tokens: 1_000 })).body["allowed"]).toBe(false);
  expect((await post("/sdk/record", { decision_id: second, usage })).body).toMatchObject({ confirmed: true });
  expect(await state()).toMatchObject({ settled: "0.000135000", reserved: "0.000000000" });
  const calls = (await recordedCalls(tollhouse)).filter((call) => call.dimensions["session"] === session);
  const settled = calls.filter((call) => call.outcome === "settled");
  expect(settled.map(costOf)).toEqual([COST, COST, COST]);
  await expectCountersAreTheFold(tollhouse);
});

function callIn(session: string): object {
  return { provider: "openai", model: "gpt-4o-mini", session };
}

test("after a kill a default budget goes on holding what a check of it held, and a record says which policies its check was decided by", async () => {
  const limits = [{ measure: "usd", amount: "1", window: "day", mode: "hard", scope: "session" }];
  const document = { name: "remembered", attach: { feature: "remembered" }, priority: 0, mode: "enforce", limits };
  const { id } = await tollhouse.control<{ id: string }>("POST", "/api/v1/policies", document);
  const { body } = await post("/sdk/check", { ...asked, session: "remembered", feature: "remembered" });
  const dear = { ...asked, session: "default budget", estimated_cost: "0.80" };
  expect((await post("/sdk/check", dear)).body["allowed"]).toBe(true);
  expect((await post("/sdk/check", dear)).body["allowed"]).toBe(false);
  await tollhouse.kill();
  await tollhouse.start();
  expect((await post("/sdk/check", dear)).body["allowed"]).toBe(false);
  expect((await post("/sdk/check", { ...dear, estimated_cost: "0.10" })).body["allowed"]).toBe(true);
  expect((await post("/sdk/record", { decision_id: body.decision_id, usage })).body).toMatchObject({ confirmed: true });
  await expect
    .poll(() => tollhouse.control("GET", `/api/v1/decisions/${body.decision_id}`), { timeout: 60_000 })
    .toMatchObject({ policy: { values: [{ setting: "limits", policy: id, version: 1 }] } });
  await tollhouse.control("DELETE", `/api/v1/policies/${id}`);
});

test("kills at random moments under records with keys: each acknowledged one is there once, retried ones too", async () => {
  const acknowledged = new Map<string, unknown>();
  for (let round = 0; round < KILLS; round++) {
    const sent = Array.from({ length: RECORDS }, async (_, i) => {
      const key = `kill-${round}-${i}`;
      const answer = await post("/sdk/record", { ...callIn("killed"), usage }, { "idempotency-key": key }).catch(
        () => null,
      );
      if (answer?.status === 200) acknowledged.set(key, answer.body);
    });
    await sent[(10 * (round + 1)) % RECORDS];
    await tollhouse.kill();
    await Promise.all(sent);
    await tollhouse.start();
    for (let i = 0; i < RECORDS; i++) {
      const key = `kill-${round}-${i}`;
      const again = await post("/sdk/record", { ...callIn("killed"), usage }, { "idempotency-key": key });
      expect(again.status).toBe(200);
      if (acknowledged.has(key)) expect(again.body).toEqual(acknowledged.get(key));
    }
  }
  const calls = (await recordedCalls(tollhouse)).filter((call) => call.dimensions["session"] === "killed");
  expect(calls).toHaveLength(KILLS * RECORDS);
  expect(acknowledged.size).toBeGreaterThan(0);
  await expectCountersAreTheFold(tollhouse);
});
