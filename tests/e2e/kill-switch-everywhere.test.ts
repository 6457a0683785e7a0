import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// One call stops, previews or lifts in every environment.

const ENVIRONMENTS = ["dev", "prod", "staging"] as const;
const PATH = "/api/v1/kill-switches/everywhere";
let world: StartedTollhouse;
const keys = new Map<string, { readonly id: string; readonly key: string }>();
beforeAll(async () => {
  world = await startedTollhouse();
  for (const environment of ENVIRONMENTS)
    keys.set(
      environment,
      await world.control("POST", "/api/v1/keys", {
        name: environment,
        environment,
        permissions: ["call", "read", "manage"],
      }),
    );
});
afterAll(() => world.stop());

async function reasons(): Promise<(string | null)[]> {
  const answers = ENVIRONMENTS.map(async (environment) => {
    const answer = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${keys.get(environment)?.key}`,
        "x-tollhouse-agent": "sdr",
      },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
    });
    await answer.text();
    return answer.headers.get("x-tollhouse-reason");
  });
  return Promise.all(answers);
}

interface Everywhere {
  readonly kill_switches: readonly { readonly environment: string; readonly id: string }[];
  readonly not_changed: readonly object[];
}

test("one call stops all environments, one lifts them, with those that were made one by one; each change is an entry", async () => {
  expect(await reasons()).toEqual([null, null, null]);
  await world.recorded();
  expect(await world.control("POST", `${PATH}/preview`, { scope: "agent:sdr" })).toEqual({
    scope: "agent:sdr",
    calls_last_hour: 3,
    running_calls: 0,
    running: [],
    environments: ENVIRONMENTS.map((environment) => ({ environment, calls_last_hour: 1, running_calls: 0 })),
  });
  const made = await world.control<Everywhere>("POST", PATH, { scope: "org", reason: "incident 9" });
  expect(made.kill_switches.map(({ environment }) => environment).toSorted()).toEqual(ENVIRONMENTS);
  expect(made.not_changed).toEqual([]);
  expect(await reasons()).toEqual(ENVIRONMENTS.map(() => "KILL_SWITCH_ACTIVE"));
  const own = await world.control<{ id: string }>("POST", "/api/v1/kill-switches?environment=dev", {
    scope: "org",
    reason: "and mine",
  });
  const other = await world.control<{ id: string }>("POST", "/api/v1/kill-switches", {
    scope: "agent:sdr",
    reason: "another scope",
  });
  const lifted = await world.control<{ lifted: { id: string }[] }>("DELETE", `${PATH}?scope=org`);
  const ids = [own.id, ...made.kill_switches.map(({ id }) => id)];
  expect(lifted.lifted.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  expect(await reasons()).toEqual([null, "KILL_SWITCH_ACTIVE", null]);
  await world.control("DELETE", `/api/v1/kill-switches/${other.id}`);
  await world.recorded();
  for (const id of ids) {
    const { changes } = await world.control<{ changes: { action: string; environment: string }[] }>(
      "GET",
      `/api/v1/audit?subject=${id}`,
    );
    expect(changes.map(({ action }) => action)).toEqual(["kill_switch.deactivate", "kill_switch.activate"]);
  }
  expect(await world.control("DELETE", `${PATH}?scope=org`)).toEqual({ lifted: [], not_changed: [] });
});

test("a key, which is for one environment, stops only that one", async () => {
  const headers = { authorization: `Bearer ${keys.get("dev")?.key}`, "content-type": "application/json" };
  const body = JSON.stringify({ scope: "org", reason: "not mine" });
  for (const [method, path, sent] of [
    ["POST", PATH, { body }],
    ["DELETE", `${PATH}?scope=org`, {}],
    ["POST", `${PATH}/preview`, { body: '{"scope":"org"}' }],
  ] as const) {
    const answer = await fetch(world.url + path, { method, headers, ...sent });
    expect([answer.status, await answer.json()]).toMatchObject([403, { reason_code: "PERMISSION_MISSING" }]);
  }
  expect(await reasons()).toEqual([null, null, null]);
});

test("what cannot be stopped is refused by name, and stops nothing anywhere", async () => {
  const headers = { authorization: `Bearer ${TEST_ADMIN_KEY}`, "content-type": "application/json" };
  for (const [method, path, body, field] of [
    ["POST", PATH, { scope: "team:a", reason: "x" }, "scope"],
    ["POST", PATH, { scope: "org" }, "reason"],
    ["POST", `${PATH}?environment=dev`, { scope: "org", reason: "x" }, "environment"],
    ["POST", PATH, { scope: "org", reason: "x", expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    ["DELETE", PATH, undefined, "scope"],
    ["DELETE", `${PATH}?scope=planet:earth`, undefined, "scope"],
  ] as const) {
    const sent = body === undefined ? { headers: { authorization: headers.authorization } } : { headers };
    const answer = await fetch(world.url + path, {
      method,
      ...sent,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect([path, answer.status, await answer.json()]).toMatchObject([path, 400, { errors: [{ field }] }]);
  }
  expect(await reasons()).toEqual([null, null, null]);
});
