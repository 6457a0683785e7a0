import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { streamAsk, wholeAsk, type AskOptions } from "./asks.ts";
import {
  atRest,
  costOf,
  expectCountersAreTheFold,
  limits,
  makeLimit,
  nano,
  recordedCalls,
  sum,
  usd,
  type LimitAnswer,
} from "./audit.ts";
import { send, type Answer } from "./client.ts";

const DEFAULT_BUDGET = "0.002000000";
/** Of claude-haiku-4-5, 16 tokens in and 100 out: 516,000 nano-dollars. */
const CALL = { steering: { output_tokens: 100 }, outputMax: 100 };
const CALL_COST = 516_000n;

let simulator: SimulatorProcess;
let tollhouse: TollhouseProcess;

beforeAll(async () => {
  simulator = await simulatorProcess();
  tollhouse = await tollhouseProcess({ providers: simulator.url, env: { DEFAULT_BUDGET } });
  return async () => {
    await tollhouse.remove();
    await simulator.close();
  };
});

const ways = [
  ["stop", (): Promise<unknown> => tollhouse.terminate()],
  ["kill", (): Promise<unknown> => tollhouse.kill()],
] as const;

test.each(ways)(
  "limits half spent are so to the nano-dollar after a %s, in every window and measure, and a session's default budget goes on where it was",
  async (name, end) => {
    const [team, session] = [`search-${name}`, `over ${name}`];
    await makeEveryLimit(team);
    for (let at = 0; at < 4; at++) {
      const answer = await callIn({ team, ...(at < 2 && { session }) });
      expect(answer.status, answer.text).toBe(200);
    }
    await atRest(tollhouse);
    const before = await limits(tollhouse);
    expect(before.filter(({ state }) => state.settled.replace(/[0.]/g, "") === "")).toEqual([]);
    await end();
    await tollhouse.start();
    expect(await limits(tollhouse)).toEqual(before);
    await expectCountersAreTheFold(tollhouse);
    // Nor does it seem to be behind: the ledger has all of it.
    const lag = (): Promise<number> => tollhouse.metric("tollhouse_recorder_lag_bytes");
    await expect.poll(lag, { timeout: 60_000, interval: 20 }).toBe(0);
    await expectBudgetGoesOn(session);
  },
);

async function makeEveryLimit(team: string): Promise<void> {
  for (const window of ["hour", "day", "month", "rolling_24h", "lifetime"] as const) {
    await makeLimit(tollhouse, `team:${team}`, "0.010000000", { window });
    await makeLimit(tollhouse, `team:${team}`, "10000", { measure: "tokens", window });
    await makeLimit(tollhouse, `team:${team}`, "1000", { measure: "requests", window });
  }
}

/** More than half is gone: one whole call still fits, then one that is capped to the rest. It is never overspent. */
async function expectBudgetGoesOn(session: string): Promise<void> {
  const refused = await untilRefused(session);
  const { limit_state: state, reason_code } = (JSON.parse(refused.text) as Refusal).tollhouse;
  expect(reason_code).toBe("BUDGET_EXCEEDED");
  await atRest(tollhouse);
  const calls = (await recordedCalls(tollhouse)).filter((call) => call.dimensions["session"] === session);
  const spent = sum(calls.map(costOf));
  expect(spent).toBeGreaterThanOrEqual(3n * CALL_COST);
  expect(spent).toBeLessThanOrEqual(nano(DEFAULT_BUDGET));
  expect(state).toMatchObject({ limit: DEFAULT_BUDGET, settled: usd(spent).slice(1) });
}

test("a limit made while a call runs counts that call after a kill too, at what it held", async () => {
  const team = "late";
  const known = await makeLimit(tollhouse, `team:${team}`, "1.000000000");
  const steering = { output_tokens: 4_000, tokens_per_second: 16 };
  const running = callIn({ team }, { steering, outputMax: 4_000 }).catch(() => null);
  const stateOf = async ({ id }: LimitAnswer): Promise<LimitAnswer["state"] | undefined> =>
    (await limits(tollhouse)).find((limit) => limit.id === id)?.state;
  const held = async (): Promise<bigint> => nano((await stateOf(known))?.reserved ?? "0");
  await expect.poll(held, { timeout: 60_000, interval: 20 }).toBeGreaterThan(0n);
  const made: LimitAnswer[] = [];
  for (const [measure, amount] of [
    ["usd", "1.000000000"],
    ["tokens", "100000"],
    ["requests", "100"],
  ] as const)
    for (const window of ["month", "rolling_24h", "lifetime"] as const)
      made.push(await makeLimit(tollhouse, `team:${team}`, amount, { measure, window }));
  await tollhouse.kill();
  await running;
  await tollhouse.start();
  const counted = await stateOf(known);
  expect(nano(counted?.settled ?? "0")).toBeGreaterThan(0n);
  const calls = (await recordedCalls(tollhouse)).filter((call) => call.dimensions["team"] === team);
  expect(calls).toHaveLength(1);
  for (const limit of made) {
    const settled = (await stateOf(limit))?.settled;
    const expected = { usd: counted?.settled, tokens: String(calls[0]?.usage?.["output"]), requests: "1" };
    expect(settled, `${limit.measure} ${limit.window}`).toBe(expected[limit.measure]);
  }
  await expectCountersAreTheFold(tollhouse);
  // Nor is it counted again by the next start.
  const before = await limits(tollhouse);
  await tollhouse.kill();
  await tollhouse.start();
  expect(await limits(tollhouse)).toEqual(before);
});

interface Refusal {
  readonly tollhouse: { readonly reason_code: string; readonly limit_state: Readonly<Record<string, string>> };
}

let calls = 0;

function callIn(dimensions: Readonly<Record<string, string>>, call: Partial<AskOptions> = CALL): Promise<Answer> {
  const options = { ...call, id: `call-${calls++}`, dimensions };
  return send(tollhouse.url, calls % 2 === 0 ? streamAsk("messages", options) : wholeAsk("messages", options));
}

async function untilRefused(session: string): Promise<Answer> {
  for (let tries = 0; tries < 20; tries++) {
    const answer = await callIn({ session });
    if (answer.status === 429) return answer;
    expect(answer.status, answer.text).toBe(200);
  }
  throw new Error("expected a refusal within 20 calls");
}
