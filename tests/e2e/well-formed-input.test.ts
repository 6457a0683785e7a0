import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// What is in force in memory is what the database and the ledger have: a text that they cannot keep as it is, is refused by name. And a
// time that depends on the machine's time zone is none.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse();
});
afterAll(() => world.stop());

async function ask(method: string, path: string, body?: unknown): Promise<[number, string]> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return [response.status, await response.text()];
}

const limit = { measure: "usd", amount: "1", window: "day", mode: "hard" };
const policy = { attach: "default", priority: 0, mode: "enforce" };
const check = { provider: "openai", model: "gpt-4o-mini", input_tokens: 5, max_output_tokens: 5 };

test.each<[string, string, string, (text: string) => unknown]>([
  ["POST", "/api/v1/keys", "name", (name) => ({ name })],
  ["POST", "/api/v1/keys", "fixed.customer", (customer) => ({ name: "x", fixed: { customer } })],
  ["POST", "/api/v1/limits", "scope", (value) => ({ ...limit, scope: `team:${value}` })],
  ["POST", "/api/v1/policies", "name", (name) => ({ ...policy, name })],
  ["POST", "/api/v1/policies", "models.allow.1", (glob) => ({ ...policy, name: "x", models: { allow: ["a", glob] } })],
  ["POST", "/api/v1/kill-switches", "reason", (reason) => ({ scope: "agent:x", reason })],
  ["POST", "/api/v1/sessions/run-1/freeze", "reason", (reason) => ({ reason })],
  ["PUT", "/api/v1/plans/gold", "description", (description) => ({ description })],
  ["POST", "/sdk/check", "user", (user) => ({ ...check, user })],
  ["POST", "/sdk/check", "model", (model) => ({ ...check, model })],
])("%s %s: half a surrogate pair and U+0000 are refused by name in %s", async (method, path, field, bodyOf) => {
  for (const text of ["a\ud800b", "\udc00", "a\u0000b"])
    expect([text, await ask(method, path, bodyOf(text))]).toEqual([
      text,
      [400, expect.stringContaining(`"field":"${field}"`)],
    ]);
});

test("whole pairs, and what only looks odd, are kept as they are", async () => {
  const [status, text] = await ask("POST", "/api/v1/limits", { ...limit, scope: "team:😀 e\u0301" });
  expect([status, (JSON.parse(text) as { scope: string }).scope]).toEqual([201, "team:😀 e\u0301"]);
});

test("the words of a schema library are nobody's: what was expected is said plainly", async () => {
  for (const [method, path, body, said] of [
    ["POST", "/api/v1/anomaly-rules", { kind: "loopy" }, "kind: expected one of loop, burst, velocity"],
    ["GET", "/api/v1/usage?format=xml", undefined, "format: expected one of json, csv, ndjson, parquet"],
    ["PUT", "/api/v1/plans/gold", { description: 5 }, "description: expected string, received number"],
    ["POST", "/api/v1/limits", [], "body: expected object, received array"],
  ] as const) {
    const [status, text] = await ask(method, path, body);
    expect([status, (JSON.parse(text) as { detail: string }).detail]).toEqual([400, said]);
  }
});

test.each(["/api/v1/usage", "/api/v1/calls", "/api/v1/audit"])(
  "%s takes RFC 3339 times and days, and nothing else",
  async (path) => {
    for (const from of ["2026-11-01T00:00:00Z", "2026-11-01T00:00:00.123+02:00", "2026-11-01"])
      expect([from, (await ask("GET", `${path}?from=${encodeURIComponent(from)}`))[0]]).toEqual([from, 200]);
    for (const from of [
      "1",
      "Nov 1 2026",
      "2026-11-01T00:00:00",
      "2026-02-30",
      "2026-02-30T00:00:00Z",
      "1969-01-01",
      "",
    ])
      expect([from, await ask("GET", `${path}?from=${encodeURIComponent(from)}`)]).toEqual([
        from,
        [400, expect.stringContaining('"field":"from"')],
      ]);
  },
);
