import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse();
  const limit = { scope: "session:broke", measure: "requests", amount: "1", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
});
afterAll(() => world.stop());

function get(path: string): Promise<Response> {
  return fetch(`${world.url}${path}`, { headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` } });
}

test("limits are paged by id, each once, and found by scope", async () => {
  interface Page {
    readonly limits: readonly { readonly id: string; readonly scope: string }[];
    readonly next_cursor: string | null;
  }
  const of = { measure: "usd", amount: "1", window: "day", mode: "soft" };
  for (let n = 0; n < 7; n++) await world.control("POST", "/api/v1/limits", { scope: `agent:a${n % 3}`, ...of });
  const ids: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: Page = await world.control("GET", `/api/v1/limits?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
    ids.push(...page.limits.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  expect(ids).toEqual([...new Set(ids)].toSorted());
  expect(ids).toHaveLength(8);
  const some = await world.control<Page>("GET", "/api/v1/limits?scope=agent:a0&scope=session:broke&scope=team:none");
  expect(some.limits.map(({ scope }) => scope).toSorted()).toEqual([
    "agent:a0",
    "agent:a0",
    "agent:a0",
    "session:broke",
  ]);
  const first = await world.control<Page>("GET", "/api/v1/limits?scope=agent:a0&limit=2");
  const rest = await world.control<Page>("GET", `/api/v1/limits?scope=agent:a0&limit=2&cursor=${first.next_cursor}`);
  expect([first.limits.length, rest.limits.length, rest.next_cursor]).toEqual([2, 1, null]);
  expect((await get("/api/v1/limits?scope=planet:earth")).status).toBe(400);
});

test("limits are found by measure and by the kind of their scope", async () => {
  interface Page {
    readonly limits: readonly { readonly scope: string; readonly measure: string }[];
    readonly next_cursor: string | null;
  }
  const found = async (query: string): Promise<string[]> => {
    const { limits } = await world.control<Page>("GET", `/api/v1/limits?${query}`);
    return [...new Set(limits.map(({ scope, measure }) => `${scope} ${measure}`))].toSorted();
  };
  const tokens = { measure: "tokens", amount: "1000", window: "day", mode: "soft" };
  for (const scope of ["agent:b0", "org"]) await world.control("POST", "/api/v1/limits", { scope, ...tokens });
  expect(await found("measure=tokens")).toEqual(["agent:b0 tokens", "org tokens"]);
  expect(await found("scope_kind=org")).toEqual(["org tokens"]);
  expect(await found("scope_kind=agent&measure=tokens")).toEqual(["agent:b0 tokens"]);
  expect(await found("scope=agent:b0&scope=org&scope_kind=org")).toEqual(["org tokens"]);
  expect(await found("scope=session:broke&measure=usd")).toEqual([]);
  expect((await get("/api/v1/limits?measure=euros")).status).toBe(400);
  expect((await get("/api/v1/limits?scope_kind=planet")).status).toBe(400);
});

test("which of many budgets are nearest their end is not looked for by each who asks, where that takes long", async () => {
  interface Summary {
    readonly nearest: readonly { readonly id: string }[];
  }
  const messages = [{ role: "user", content: "Hi" }];
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-team": "many" },
    body: JSON.stringify({ model: "gpt-4o", max_tokens: 20, messages }),
  });
  expect([response.status, (await response.text()).length > 0]).toEqual([200, true]);
  await world.recorded();
  const made: string[] = [];
  for (let n = 0; n < 24; n++) {
    const limit = { scope: "team:many", measure: "usd", amount: `${n + 1}.00`, window: "month", mode: "soft" };
    made.push((await world.control<{ id: string }>("POST", "/api/v1/limits", limit)).id);
  }
  // Else it is the recorder that waits.
  await world.recorded();
  const ask = async (): Promise<string[]> =>
    (await world.control<Summary>("GET", "/api/v1/summary")).nearest.map(({ id }) => id);
  const slow = await whileLocked(async (isAskedFor) => {
    const asked = ask();
    await isAskedFor();
    return { asked };
  });
  const nearest = made.slice(0, 8);
  expect(await slow.asked).toEqual(nearest);
  // Nobody who looks for them now gets an answer before the end of this.
  expect(await whileLocked(ask)).toEqual(nearest);
});

/** Does it while nobody can read the sums of counters. `isAskedFor`: somebody has been waiting for them for longer than what is brief. */
async function whileLocked<T>(work: (isAskedFor: () => Promise<void>) => Promise<T>): Promise<T> {
  const { db } = world.database;
  const isWaiting = `SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '0.4 s'`;
  return db.transaction(async (tx) => {
    await tx.query("LOCK TABLE counter_sums IN ACCESS EXCLUSIVE MODE");
    return work(async () => {
      for (const deadline = performance.now() + 60_000; (await db.query(isWaiting)).rows.length === 0;)
        expect(performance.now()).toBeLessThan(deadline);
    });
  });
}
