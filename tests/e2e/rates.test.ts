import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// What a caller is told of its rates, by the gateway and by the control API, and who is refused when they are used up.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({
    env: { TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "40", TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "30" },
  });
});
afterAll(() => world.stop());

interface Made {
  readonly id: string;
  readonly key: string;
}

const make = (rules: object): Promise<Made> =>
  world.control("POST", "/api/v1/keys", { name: "rated", permissions: ["call", "read"], ...rules });

async function call(key: string, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await answer.text();
  return answer;
}

/** `limit`, `remaining` and `reset` of one thing that is counted. */
function told({ headers }: Response, what: string, prefix = "x-tollhouse-ratelimit"): (string | null)[] {
  return ["limit", "remaining", "reset"].map((part) => headers.get(`${prefix}-${part}-${what}`));
}

describe("a call with a key", () => {
  test("is told how its rates stand, let through or refused; the provider's own headers stand beside them as they came", async () => {
    const { key } = await make({ requests_per_minute: 2, tokens_per_minute: 100_000 });
    const first = await call(key);
    expect([first.status, ...told(first, "requests")]).toEqual([200, "2", "1", "30"]);
    expect(told(first, "requests", "x-ratelimit")[0]).toMatch(/^\d+$/);
    expect(told(first, "requests", "x-ratelimit")).not.toEqual(told(first, "requests"));
    const [limit, remaining, reset] = told(first, "tokens");
    expect([limit, Number(remaining) > 90_000 && Number(remaining) < 100_000, Number(reset)]).toEqual([
      "100000",
      true,
      expect.any(Number),
    ]);
    await call(key);
    const refused = await call(key);
    expect([refused.status, told(refused, "requests")[1]]).toEqual([429, "0"]);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(
      Number(refused.headers.get("x-tollhouse-ratelimit-reset-requests")),
    );
  });

  test("that has no rates is told of none", async () => {
    const { key } = await make({});
    const answer = await call(key);
    expect([answer.status, ...told(answer, "requests"), ...told(answer, "tokens")]).toEqual([
      200,
      ...Array.from({ length: 6 }, () => null),
    ]);
  });
});

const ask = (key: string): Promise<Response> =>
  fetch(`${world.url}/api/v1/limits`, { headers: { authorization: `Bearer ${key}` } });

describe("the control API", () => {
  test("tells a key its rate, refuses what is beyond it with 429 and a wait, and nobody else", async () => {
    const [busy, calm] = [await make({}), await make({})];
    const answers: Response[] = [];
    while (answers.at(-1)?.status !== 429 && answers.length < 60) answers.push(await ask(busy.key));
    expect(told(answers[0] as Response, "requests")).toEqual(["40", "39", "2"]);
    const last = answers.at(-1) as Response;
    expect(answers.length).toBeGreaterThan(40);
    expect([last.status, told(last, "requests")[1]]).toEqual([429, "0"]);
    expect(await last.json()).toMatchObject({ status: 429, reason_code: "RATE_LIMITED" });
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await ask(calm.key)).status).toBe(200);
  });

  test("answers 429 to an address that comes without a valid key too often, and goes on answering its right one", async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 60 && statuses.at(-1) !== 429; i++) statuses.push((await ask(`th_wrong_${i}`)).status);
    expect([statuses.length > 30, statuses[0], statuses.at(-1)]).toEqual([true, 401, 429]);
    expect((await ask(TEST_ADMIN_KEY)).status).toBe(200);
  });
});
