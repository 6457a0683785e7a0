import { afterAll, beforeAll, expect, test } from "vitest";
import type { AnomalyRuleAnswer, KeyMade } from "@tollhouse/contract";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// Anomaly rules by the control API: shapes, nonsense refused by name, versions, who may change which.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse();
});
afterAll(() => world.stop());

const wanted = { kind: "burst", per: "agent", threshold: "20", window_seconds: 10, action: "freeze" };

/** A rule, or a problem. */
interface Body extends AnomalyRuleAnswer {
  readonly detail?: string;
  readonly errors?: readonly { field: string }[];
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

async function ask(method: string, path: string, body?: unknown, headers: object = {}): Promise<Answered> {
  const answer = await fetch(`${world.url}/api/v1/anomaly-rules${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: (text === "" ? {} : JSON.parse(text)) as Answered["body"],
  };
}

test("a rule is made, read, changed by its version, and deleted; each change is in the audit once", async () => {
  const made = await ask("POST", "", wanted);
  const { id } = made.body;
  expect([made.status, made.headers.get("location"), made.headers.get("etag")]).toEqual([
    201,
    `/api/v1/anomaly-rules/${id}`,
    '"1"',
  ]);
  expect(made.body).toEqual({
    ...wanted,
    id: expect.stringMatching(/^anr_[0-9a-f]{32}$/),
    freeze_seconds: null,
    version: 1,
    triggered: { calls: 0, last: [] },
  });
  expect((await ask("GET", `/${id}`)).body).toEqual(made.body);
  const stale = { "if-match": '"7"' };
  expect((await ask("PUT", `/${id}`, { threshold: "30" }, stale)).status).toBe(412);
  expect((await ask("PUT", `/${id}`, { threshold: "30", version: 2 })).status).toBe(409);
  const changed = await ask("PUT", `/${id}`, { threshold: "30", freeze_seconds: 60 }, { "if-match": '"1"' });
  expect([changed.status, changed.headers.get("etag"), changed.body]).toEqual([
    200,
    '"2"',
    { ...made.body, threshold: "30", freeze_seconds: 60, version: 2 },
  ]);
  expect((await ask("DELETE", `/${id}`, undefined, stale)).status).toBe(412);
  expect((await ask("DELETE", `/${id}`, undefined, { "if-match": '"2"' })).status).toBe(204);
  expect([(await ask("GET", `/${id}`)).status, (await ask("DELETE", `/${id}`)).status]).toEqual([404, 404]);
  await world.recorded();
  const { changes } = await world.control<{
    changes: {
      action: string;
      subject: string;
      before: { version: number } | null;
      after: { version: number } | null;
    }[];
  }>("GET", "/api/v1/audit");
  const told = changes.filter(({ subject }) => subject === id);
  expect(told.map(({ action, before, after }) => [action, before?.version ?? null, after?.version ?? null])).toEqual([
    ["anomaly_rule.delete", 2, null],
    ["anomaly_rule.update", 1, 2],
    ["anomaly_rule.create", null, 1],
  ]);
});

test.each([
  [{ ...wanted, threshold: 20 }, "threshold"],
  [{ ...wanted, threshold: "0.5" }, "threshold"],
  [{ ...wanted, kind: "velocity" }, "window_seconds"],
  [{ ...wanted, action: "block", freeze_seconds: 5 }, "freeze_seconds"],
  [{ ...wanted, per: "org" }, "per"],
  [{ ...wanted, freeze_for: 5 }, "freeze_for"],
  [{ kind: "loop" }, "per"],
])("%j is refused by the name of its field: %s", async (body, field) => {
  const { status, body: problem } = await ask("POST", "", body);
  expect(status).toBe(400);
  expect(problem.errors?.map((error) => error.field)).toContain(field);
});

test("a change that would make no rule is refused by its field, and changes nothing", async () => {
  const { id } = (await ask("POST", "", wanted)).body;
  const refused = await ask("PUT", `/${id}`, { threshold: "1" });
  expect([refused.status, refused.body.errors]).toEqual([400, [expect.objectContaining({ field: "threshold" })]]);
  expect((await ask("GET", `/${id}`)).body).toMatchObject({ threshold: "20", version: 1 });
});

test("a key manages the rules of its own environment alone; without `manage` it only reads", async () => {
  const key = async (permissions: readonly string[]): Promise<{ authorization: string }> => {
    const body = { name: "test", environment: "dev", permissions };
    return { authorization: `Bearer ${(await world.control<KeyMade>("POST", "/api/v1/keys", body)).key}` };
  };
  const manager = await key(["read", "manage"]);
  const reader = await key(["read"]);
  const made = await ask("POST", "", wanted, manager);
  expect(made.status).toBe(201);
  expect((await ask("GET", `/${made.body.id}`)).status).toBe(404);
  expect((await ask("GET", `/${made.body.id}?environment=dev`)).status).toBe(200);
  expect((await ask("GET", `/${made.body.id}`, undefined, reader)).status).toBe(200);
  expect((await ask("DELETE", `/${made.body.id}`, undefined, reader)).status).toBe(403);
  expect((await ask("GET", "?environment=prod", undefined, manager)).status).toBe(403);
  expect((await ask("POST", "?environment=nowhere", wanted)).status).toBe(400);
  expect((await ask("GET", "", undefined, { authorization: "" })).status).toBe(401);
});
