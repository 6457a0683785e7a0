import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

// What is decided in one environment is decided in no other: policies, their counters, plans and who is on them.

let world: StartedTollhouse;
const keys: Record<string, string> = {};
beforeAll(async () => {
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "0" } });
  for (const environment of ["here", "there"]) {
    await world.control("POST", "/api/v1/environments", { name: environment });
    const body = { name: environment, environment, permissions: ["call"] };
    keys[environment] = (await world.control<{ key: string }>("POST", "/api/v1/keys", body)).key;
  }
});
afterAll(() => world.stop());

async function call(environment: string, said: Record<string, string> = {}, model = "gpt-4o-mini"): Promise<number> {
  const headers = Object.entries(said).map(([name, value]): [string, string] => [`x-tollhouse-${name}`, value]);
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: [...headers, ["authorization", `Bearer ${keys[environment]}`], ["content-type", "application/json"]],
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], max_tokens: 5 }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

const DOCUMENT = { name: "p", attach: "default", priority: 0, mode: "enforce" };
const policy = (part: object, environment = "here"): Promise<{ id: string }> =>
  world.control("POST", `/api/v1/policies?environment=${environment}`, { ...DOCUMENT, ...part });
const ONE = { measure: "requests", amount: "1", window: "lifetime", mode: "hard" };

test("a deny and a limit hold where they were made; the same limit elsewhere counts its own calls", async () => {
  const deny = await policy({ models: { deny: ["gpt-4o-mini"] } });
  expect([await call("here"), await call("there")]).toEqual([403, 200]);
  await world.control("DELETE", `/api/v1/policies/${deny.id}?environment=here`);

  const said = { team: "sales" };
  const limits = { limits: [{ ...ONE, scope: "team" }] };
  await policy(limits);
  expect([await call("here", said), await call("here", said)]).toEqual([200, 429]);
  expect([await call("there", said), await call("there", said), await call("there", said)]).toEqual([200, 200, 200]);
  // It counts what this environment used before it, three calls, and none of the other's.
  await policy({ limits: [{ ...ONE, amount: "4", scope: "team" }] }, "there");
  expect([await call("there", said), await call("there", said)]).toEqual([200, 429]);
});

test("whoever is on a plan in one environment is on none in another, and a plan is unknown where it was not made", async () => {
  await world.control("PUT", "/api/v1/plans/small?environment=here", {});
  await world.control("PUT", "/api/v1/plans/small?environment=there", {});
  await world.control("PUT", "/api/v1/users/ann/plan?environment=here", { plan: "small" });
  for (const environment of ["here", "there"])
    await policy({ attach: { plan: "small" }, models: { deny: ["gpt-4o"] } }, environment);
  const said = { user: "ann", team: "research" };
  expect([await call("here", said, "gpt-4o"), await call("there", said, "gpt-4o")]).toEqual([403, 200]);

  await world.control("PUT", "/api/v1/plans/own?environment=here", {});
  await expect(policy({ attach: { plan: "own" } }, "there")).rejects.toThrow(/400.*attach\.plan/);
  await expect(world.control("PUT", "/api/v1/users/ann/plan?environment=there", { plan: "own" })).rejects.toThrow(
    "400",
  );
});

test("a policy is read, changed and deleted where it is, and not found elsewhere", async () => {
  const { id } = await policy({ attach: { feature: "f" } });
  for (const [method, body] of [["GET"], ["PUT", DOCUMENT], ["DELETE"]] as const)
    await expect(world.control(method, `/api/v1/policies/${id}?environment=there`, body)).rejects.toThrow("404");
  await expect(world.control("GET", `/api/v1/policies/${id}/versions?environment=there`)).rejects.toThrow("404");
  expect(await world.control("GET", `/api/v1/policies/${id}?environment=here`)).toMatchObject({ version: 1 });
});
