import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyAnswer, KeyMade, LimitAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

// Who may manage what with a key, and what the control API takes for one.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

function make(over: object = {}): Promise<KeyMade> {
  return world.control<KeyMade>("POST", "/api/v1/keys", { name: "test", ...over });
}

async function asked(key: string, method: string, path: string, body?: object): Promise<[number, string | undefined]> {
  const answer = await fetch(`${world.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return [answer.status, text === "" ? undefined : (JSON.parse(text) as { reason_code?: string }).reason_code];
}

describe("the control API", () => {
  test("takes `read` for reading and `manage` for the rest, in the key's own environment", async () => {
    const reader = await make({ environment: "dev", permissions: ["read"] });
    const manager = await make({ environment: "dev", permissions: ["read", "manage"] });
    const caller = await make({ environment: "dev" });
    const limit = { scope: "team:x", measure: "requests", amount: "9", window: "day", mode: "soft" };
    expect(await asked(reader.key, "GET", "/api/v1/limits")).toEqual([200, undefined]);
    expect(await asked(reader.key, "GET", "/api/v1/limits?environment=dev")).toEqual([200, undefined]);
    expect(await asked(reader.key, "POST", "/api/v1/limits", limit)).toEqual([403, "PERMISSION_MISSING"]);
    expect(await asked(manager.key, "POST", "/api/v1/limits", limit)).toEqual([201, undefined]);
    for (const path of ["limits", "keys", "usage", "calls"]) {
      expect(await asked(caller.key, "GET", `/api/v1/${path}`)).toEqual([403, "PERMISSION_MISSING"]);
      expect(await asked(reader.key, "GET", `/api/v1/${path}?environment=prod`)).toEqual([403, "PERMISSION_MISSING"]);
    }
    expect(await asked(manager.key, "POST", "/api/v1/limits?environment=prod", limit)).toEqual([
      403,
      "PERMISSION_MISSING",
    ]);
    expect(
      await asked(manager.key, "POST", "/api/v1/keys", { name: "x", permissions: ["read"], environment: "prod" }),
    ).toEqual([403, "PERMISSION_MISSING"]);
    const given = { name: "made by a key", permissions: ["read"] };
    const answer = await fetch(`${world.url}/api/v1/keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${manager.key}`, "content-type": "application/json" },
      body: JSON.stringify(given),
    });
    const made = (await answer.json()) as KeyMade;
    expect([answer.status, answer.headers.get("cache-control"), made.environment]).toEqual([201, "no-store", "dev"]);
    for (const [method, path, status] of [
      ["GET", "", 200],
      ["POST", "/rotate", 200],
      ["DELETE", "", 204],
    ] as const)
      expect((await asked(manager.key, method, `/api/v1/keys/${made.id}${path}`))[0]).toBe(status);
    await world.recorded();
    const audit = await world.control<{ changes: { actor: string; action: string }[] }>(
      "GET",
      `/api/v1/audit?subject=${made.id}`,
    );
    expect(audit.changes.map(({ actor, action }) => [action, actor])).toEqual([
      ["key.revoke", manager.id],
      ["key.rotate", manager.id],
      ["key.create", manager.id],
    ]);
    const listed = await world.control<{ limits: LimitAnswer[] }>("GET", "/api/v1/limits");
    expect(listed.limits.some(({ scope }) => scope === "team:x")).toBe(false);
  });

  test("tells a key of one environment no call and no cost of another", async () => {
    const prod = await make({ environment: "prod" });
    const called = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${prod.key}`,
        "x-session-id": "prod-secret",
      },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 100 }),
    });
    await called.text();
    expect(called.status).toBe(200);
    const reader = await make({ environment: "dev", permissions: ["read"] });
    await world.recorded();
    for (const path of ["calls?limit=1000", "usage?group_by=environment,session", "usage?group_by=session"]) {
      const answer = await fetch(`${world.url}/api/v1/${path}`, { headers: { authorization: `Bearer ${reader.key}` } });
      expect(answer.status).toBe(200);
      expect(await answer.text()).not.toMatch(/prod/);
    }
  });

  test("what no route has opened to keys is the admin's, and a wrong key is told nothing", async () => {
    const manager = await make({ permissions: ["call", "record", "read", "manage"] });
    expect(await asked(manager.key, "POST", "/api/v1/ledger/verify", {})).toEqual([403, "PERMISSION_MISSING"]);
    expect(await asked(`${manager.key}x`, "GET", "/api/v1/keys")).toEqual([401, "ADMIN_KEY_REQUIRED"]);
    await world.control("DELETE", `/api/v1/keys/${manager.id}`);
    expect(await asked(manager.key, "GET", "/api/v1/keys")).toEqual([401, "KEY_REVOKED"]);
  });

  test("whoever changes a revoked key is not told that their own was revoked: 409, a code of its own", async () => {
    const manager = await make({ permissions: ["read", "manage"] });
    const { id } = await make({ permissions: ["read"] });
    await world.control("DELETE", `/api/v1/keys/${id}`);
    const refused = [409, "ALREADY_REVOKED"];
    expect(await asked(manager.key, "PUT", `/api/v1/keys/${id}`, { name: "again" })).toEqual(refused);
    expect(await asked(manager.key, "POST", `/api/v1/keys/${id}/rotate`, {})).toEqual(refused);
  });

  test("a change is the actor's own in the ledger, and shows where it is", async () => {
    const { id } = await make({ environment: "dev", requests_per_minute: 7 });
    const path = `/api/v1/keys/${id}?environment=dev`;
    const read = await world.control<KeyAnswer>("GET", path);
    expect(read).toMatchObject({ id, environment: "dev", version: 1, requests_per_minute: 7, last_used_at: null });
    expect(await world.control("PUT", path, { name: "new", version: 1 })).toMatchObject({ name: "new", version: 2 });
    await expect(world.control("PUT", path, { name: "lost", version: 1 })).rejects.toThrow("VERSION_CONFLICT");
    const listed = await world.control<{ keys: KeyAnswer[] }>("GET", "/api/v1/keys?environment=dev");
    expect(listed.keys.find((key) => key.id === id)).toMatchObject({ name: "new", version: 2 });
  });

  test.each([
    ["an unknown field", { colour: "red" }, "colour"],
    ["an unknown permission", { permissions: ["fly"] }, "permissions.0"],
    ["no permission", { permissions: [] }, "permissions"],
    ["an unknown dimension", { fixed: { planet: "earth" } }, "fixed.planet"],
    ["a dimension that may be set and is none", { settable: ["planet"] }, "settable.0"],
    ["a glob that is none", { models: ["gpt-{a"] }, "models"],
    ["an empty list of models", { models: [] }, "models"],
    ["a rate of nothing", { requests_per_minute: 0 }, "requests_per_minute"],
    ["half a token", { tokens_per_minute: 1.5 }, "tokens_per_minute"],
    ["a time that is none", { expires_at: "tomorrow" }, "expires_at"],
    ["an environment that cannot be named", { environment: "a_b" }, "environment"],
  ])("%s is refused by name", async (_, over, field) => {
    const answer = await make(over).catch((problem: Error) => problem.message);
    expect(answer).toMatch(/: 400 /);
    expect(answer).toContain(`"field":"${field}"`);
  });

  test("an environment that is not there is refused", async () => {
    await expect(make({ environment: "nowhere" })).rejects.toThrow("expected one of dev, prod, staging");
  });
});
