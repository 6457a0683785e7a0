import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

// Who is named in the record of a refusal: whoever proved to be the holder of a key, and nobody else.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { STRICT_MODE: "true" } });
  await world.control("POST", "/api/v1/tenants", { name: "acme" });
});
afterAll(() => world.stop());

interface Made {
  readonly id: string;
  readonly key: string;
}

const make = (rules: object, tenant = ""): Promise<Made> =>
  world.control("POST", `/api/v1/keys${tenant}`, { name: "k", environment: "dev", ...rules });

async function call(key: string, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await answer.text();
  return answer;
}

interface Recorded {
  readonly reason_code: string;
  readonly key: string | null;
  readonly environment: string;
  readonly dimensions: object;
}

async function recorded(answer: Response, tenant = ""): Promise<Partial<Recorded>> {
  await world.recorded();
  const { reason_code, key, environment, dimensions } = await world.control<Recorded>(
    "GET",
    `/api/v1/calls/${answer.headers.get("x-tollhouse-decision")}${tenant}`,
  );
  return { reason_code, key, environment, dimensions };
}

const spoof = { "x-tollhouse-team": "root", "x-session-id": "s" };

test("an expired, a revoked and a powerless key are named with their environment, and nothing of what their headers say", async () => {
  const expired = await make({ expires_at: "2020-01-01T00:00:00Z" });
  const revoked = await make({});
  await world.control("DELETE", `/api/v1/keys/${revoked.id}?environment=dev`);
  const reader = await make({ permissions: ["read"] });
  for (const [{ id, key }, reason_code] of [
    [expired, "KEY_EXPIRED"],
    [revoked, "KEY_REVOKED"],
    [reader, "PERMISSION_MISSING"],
  ] as const)
    expect(await recorded(await call(key, spoof))).toEqual({
      reason_code,
      key: id,
      environment: "dev",
      dimensions: {},
    });
});

test("the refusal of another tenant's revoked key is in that tenant's ledger", async () => {
  const { id, key } = await make({}, "?tenant=acme");
  await world.control("DELETE", `/api/v1/keys/${id}?environment=dev&tenant=acme`);
  const answer = await call(key);
  expect(await recorded(answer, "?tenant=acme")).toMatchObject({ reason_code: "KEY_REVOKED", key: id });
  await expect(recorded(answer)).rejects.toThrow("404");
});

test("a wrong secret, or a key's text with another environment, names no key and no environment of it", async () => {
  const { key } = await make({ expires_at: "2020-01-01T00:00:00Z" });
  const forged = key.replace(/_([0-9A-Za-z])([0-9A-Za-z]{42})_/, (_, first: string, rest: string) =>
    first === "0" ? `_1${rest}_` : `_0${rest}_`,
  );
  for (const text of [forged, key.replace("th_dev_", "th_staging_")])
    expect(await recorded(await call(text))).toEqual({
      reason_code: "KEY_INVALID",
      key: null,
      environment: "prod",
      dimensions: {},
    });
});

test("a call without the session that strict mode asks for is the key's, and is told what of it was ignored", async () => {
  const { id, key } = await make({ fixed: { customer: "acme" }, settable: ["session"] });
  const answer = await call(key, { "x-tollhouse-team": "root" });
  expect([answer.status, answer.headers.get("x-tollhouse-ignored")]).toEqual([400, "team"]);
  expect(await recorded(answer)).toEqual({
    reason_code: "IDENTITY_REQUIRED",
    key: id,
    environment: "dev",
    dimensions: { customer: "acme" },
  });
});
