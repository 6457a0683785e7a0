import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { startSimulator, type Simulator } from "@tollhouse/simulator";
import { recordedCalls, steered } from "./side-by-side.ts";

// E3 of docs/evidence: many calls at once on limits that fit few of them. The provider's own prices are chosen so that what a
// call can cost is what it costs: a million dollars per million output tokens is a dollar a token, and the input is free.

let world: StartedTollhouse;
let upstream: Simulator;
beforeAll(async () => {
  upstream = await startSimulator({ seed: 7 });
  world = await startedTollhouse({
    env: { DEFAULT_BUDGET: "0" },
    yaml: `
providers:
  - name: exact
    base_url: ${upstream.url}/v1
    dialect: openai
    api_key: sk-exact
    prices:
      - { model: gpt-4o-mini, input: "0", input_cache_read: "0", output: "1000000" }
`,
  });
});
afterAll(async () => {
  await world.stop();
  await upstream.close();
});

interface LimitNow {
  readonly id: string;
  readonly amount: string;
  readonly state: { readonly settled: string; readonly reserved: string; readonly remaining: string };
}

interface Outcome {
  readonly status: number;
  readonly reason: string | null;
  /** The limit that refused, and what its refusal says was left and needed. */
  readonly refusedBy: string | null;
  readonly left: number;
  readonly needed: number;
}

function limit(scope: string, measure: string, amount: string): Promise<LimitNow> {
  return world.control("POST", "/api/v1/limits", { scope, measure, amount, window: "lifetime", mode: "hard" });
}

function now(made: LimitNow): Promise<LimitNow> {
  return world.control("GET", `/api/v1/limits/${made.id}`);
}

/** A call that can make `most` output tokens, and makes `made`. */
async function call(dimensions: Record<string, string>, most: number, made: number, stream = false): Promise<Outcome> {
  const headers = Object.entries(dimensions).map(([name, value]): [string, string] => [`x-tollhouse-${name}`, value]);
  const answer = await fetch(`${world.url}/exact/v1/chat/completions`, {
    method: "POST",
    headers: [["content-type", "application/json"], ...headers],
    body: JSON.stringify({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: most,
      stream,
      ...steered({ output_tokens: made }),
    }),
  });
  const text = await answer.text();
  const message = answer.status === 429 ? (JSON.parse(text) as { error: { message: string } }).error.message : "";
  const numbers = /Remaining: \$?([\d.]+), Required: \$?([\d.]+)$/.exec(message);
  return {
    status: answer.status,
    reason: answer.headers.get("x-tollhouse-reason"),
    refusedBy:
      answer.status === 429 ? (/scope=([^;]+)/.exec(answer.headers.get("x-tollhouse-budget") ?? "")?.[1] ?? "") : null,
    left: Number(numbers?.[1]),
    needed: Number(numbers?.[2]),
  };
}

function admittedOf(outcomes: readonly Outcome[]): number {
  return outcomes.filter((outcome) => outcome.status === 200).length;
}

/** Nothing but admissions and refusals, each refusal by that reason, and none that could have been paid. */
function expectHonest(outcomes: readonly Outcome[], reason: string): void {
  for (const outcome of outcomes) {
    if (outcome.status === 200) continue;
    expect([outcome.status, outcome.reason]).toEqual([429, reason]);
    expect(outcome.left).toBeLessThan(outcome.needed);
  }
}

async function expectUsedUp(made: LimitNow, settled: string): Promise<void> {
  expect((await now(made)).state).toMatchObject({ settled, reserved: zeroLike(settled) });
}

function zeroLike(text: string): string {
  return text.includes(".") ? "0.000000000" : "0";
}

const SEEDS = [1, 2, 3, 5];

const many = <T>(count: number, ask: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => ask(index)));

test("of 1,000 calls at once on a budget that fits 100, exactly 100 are admitted", async () => {
  const made = await limit("session:usd", "usd", "1000");
  const before = upstream.calls();
  const outcomes = await many(1_000, (i) => call({ session: "usd" }, 10, 10, i % 2 === 0));
  expect(admittedOf(outcomes)).toBe(100);
  expectHonest(outcomes, "BUDGET_EXCEEDED");
  await expectUsedUp(made, "1000.000000000");
  expect(upstream.calls() - before).toBe(100);
  const recorded = [...(await recordedCalls(world, "session=usd&outcome=settled"))];
  expect(recorded).toHaveLength(100);
  expect(recorded.every(({ cost }) => cost === "10.000000000")).toBe(true);
});

test("of 1,000 calls at once on a limit of 100 requests, exactly 100 are admitted", async () => {
  const made = await limit("session:requests", "requests", "100");
  const outcomes = await many(1_000, () => call({ session: "requests" }, 10, 3));
  expect(admittedOf(outcomes)).toBe(100);
  expectHonest(outcomes, "REQUEST_LIMIT_EXCEEDED");
  await expectUsedUp(made, "100");
});

test("a token limit is never passed, and refuses only what does not fit", async () => {
  const made = await limit("session:tokens", "tokens", "5000");
  const outcomes = await many(1_000, () => call({ session: "tokens" }, 10, 10));
  expectHonest(outcomes, "TOKEN_LIMIT_EXCEEDED");
  // Work goes on while room is given back: the limit is used up to less than one call's need.
  let last = outcomes[0] as Outcome;
  do last = await call({ session: "tokens" }, 10, 10);
  while (last.status === 200);
  const { state } = await now(made);
  const recorded = [...(await recordedCalls(world, "session=tokens&outcome=settled"))];
  const used = recorded.reduce((sum, { usage }) => sum + Object.values(usage ?? {}).reduce((a, b) => a + b, 0), 0);
  expect(state).toMatchObject({ settled: String(used), reserved: "0" });
  expect(used).toBeLessThanOrEqual(5_000);
  expect(Number(state.remaining)).toBeLessThan(last.needed);
});

test("over several limits at once all are held or none, and the refusal names the one that refused", async () => {
  const org = await limit("team:many", "usd", "1000");
  const requests = await limit("service:many", "requests", "900");
  const agents = await many(4, (i) => limit(`agent:many-${i}`, "usd", "300"));
  const outcomes = await many(1_000, (i) => call({ team: "many", service: "many", agent: `many-${i % 4}` }, 10, 10));
  expect(admittedOf(outcomes)).toBe(100);
  expectHonest(outcomes, "BUDGET_EXCEEDED");
  await expectUsedUp(org, "1000.000000000");
  await expectUsedUp(requests, "100");
  const perAgent = await many(4, async (i) => (await now(agents[i] as LimitNow)).state);
  expect(perAgent.every(({ settled, reserved }) => Number(settled) <= 300 && Number(reserved) === 0)).toBe(true);
  expect(perAgent.reduce((sum, { settled }) => sum + Number(settled), 0)).toBe(1_000);
  const refusers = new Set(outcomes.flatMap(({ refusedBy }) => (refusedBy === null ? [] : [refusedBy])));
  for (const scope of refusers) expect(["team:many", ...agents.map((_, i) => `agent:many-${i}`)]).toContain(scope);
});

test("calls of mixed sizes, one after another, are admitted exactly as a purse would pay them", async () => {
  let refusedBeforeEmpty = 0;
  for (const seed of SEEDS) {
    const session = `purse-${seed}`;
    const made = await limit(`session:${session}`, "usd", "150");
    let purse = 150;
    const random = numbers(seed);
    for (let i = 0; i < 50; i++) {
      const most = 1 + random(15);
      const used = 1 + random(most);
      const outcome = await call({ session }, most, used, random(2) === 0);
      expect([seed, i, outcome.status]).toEqual([seed, i, most <= purse ? 200 : 429]);
      if (outcome.status === 200) purse -= used;
      else expect([outcome.left, outcome.needed]).toEqual([purse, most]);
      if (outcome.status === 429 && purse > 0) refusedBeforeEmpty++;
    }
    await expectUsedUp(made, `${150 - purse}.000000000`);
  }
  // Else nothing above told a purse from a door that closes once it is empty.
  expect(refusedBeforeEmpty).toBeGreaterThan(5);
});

test("calls of mixed sizes at once never pass the limit, and none is refused that fits", async () => {
  const made = await limit("session:mixed", "usd", "1000");
  const random = numbers(43);
  const sizes = Array.from({ length: 1_000 }, () => 1 + random(15));
  const outcomes = await many(1_000, (i) => {
    const most = sizes[i] as number;
    return call({ session: "mixed" }, most, most, i % 3 === 0);
  });
  expectHonest(outcomes, "BUDGET_EXCEEDED");
  const paid = outcomes.reduce((sum, { status }, i) => sum + (status === 200 ? (sizes[i] as number) : 0), 0);
  await expectUsedUp(made, `${paid}.000000000`);
  expect(paid).toBeLessThanOrEqual(1_000);
  // Nothing is given back here, so what is left at the end is less than the smallest call that was refused.
  const smallest = Math.min(...outcomes.flatMap(({ needed }) => (Number.isNaN(needed) ? [] : [needed])));
  expect(1_000 - paid).toBeLessThan(smallest);
});

/** Whole numbers from 0 to `below` - 1, the same for the same seed (a multiplicative congruential generator). */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
