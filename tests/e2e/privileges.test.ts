import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyMade, KeyPermission } from "@tollhouse/contract";
import type { Endpoint } from "../../apps/server/src/control/endpoint.ts";
import { ENDPOINTS } from "../../apps/server/src/control/endpoints/table.ts";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

// E18: a key with each permission alone, at every route that there is. What may be asked is read from what the route says of itself; that
// nothing else opens to a key, and that nobody gives themselves more than they have, is said here.

const PERMISSIONS = ["call", "record", "read", "manage"] as const satisfies readonly KeyPermission[];
/** What no key may ask, whatever it may do: it is about more than the key's environment, about users as people, or about what many entries cost. */
const ADMINS = [
  "DELETE /api/v1/kill-switches/everywhere",
  "DELETE /api/v1/members/{id}",
  "DELETE /api/v1/users/{id}",
  "DELETE /api/v1/views/{name}",
  "GET /api/v1/ledger/export",
  "GET /api/v1/ledger/verifications/{id}",
  "GET /api/v1/member-names",
  "GET /api/v1/members",
  "GET /api/v1/members/{id}",
  "GET /api/v1/payloads/{id}",
  "GET /api/v1/prices",
  "GET /api/v1/system",
  "GET /api/v1/tenants",
  "GET /api/v1/tenants/{name}",
  "GET /api/v1/views",
  "POST /api/v1/environments",
  "POST /api/v1/kill-switches/everywhere",
  "POST /api/v1/kill-switches/everywhere/preview",
  "POST /api/v1/ledger/rotate-key",
  "POST /api/v1/ledger/verifications",
  "POST /api/v1/ledger/verify",
  "POST /api/v1/members",
  "POST /api/v1/members/{id}/invite",
  "POST /api/v1/session/end",
  "POST /api/v1/session/password",
  "POST /api/v1/tenants",
  "PUT /api/v1/members/{id}",
  "PUT /api/v1/payload-logging",
  "PUT /api/v1/retention",
  "PUT /api/v1/views/{name}",
];

let world: StartedTollhouse;
const alone = new Map<KeyPermission, string>();

beforeAll(async () => {
  world = await startedTollhouse({
    env: {
      TOLLHOUSE_AUTH: "required",
      TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0",
      TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "0",
    },
  });
  for (const permission of PERMISSIONS) alone.set(permission, (await make([permission])).key);
});
afterAll(() => world.stop());

function make(permissions: readonly KeyPermission[], over: object = {}): Promise<KeyMade> {
  return world.control<KeyMade>("POST", "/api/v1/keys", { name: "test", permissions, ...over });
}

interface Told {
  readonly status: number;
  readonly code: string | undefined;
}

async function ask(key: string, method: string, path: string, body?: unknown): Promise<Told> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const problem = response.headers.get("content-type")?.startsWith("application/problem+json") === true;
  return {
    status: response.status,
    code: problem ? (JSON.parse(text) as { reason_code: string }).reason_code : undefined,
  };
}

function needed({ method, caller }: Endpoint): KeyPermission {
  return caller ?? (method === "GET" ? "read" : "manage");
}

/** Of nobody, so that what may be asked changes nothing. */
function pathOf({ path }: Endpoint): string {
  return path.replaceAll(/\{\w+\}/g, "nobodys");
}

function nameOf({ method, path }: Endpoint): string {
  return `${method} ${path}`;
}

const REFUSED = { status: 403, code: "PERMISSION_MISSING" };
/** But those that anybody may ask, to sign in. */
const ALL: readonly Endpoint[] = (ENDPOINTS as readonly Endpoint[]).filter(({ open }) => open !== true);
const opened = ALL.filter(({ keys, caller }) => keys === true || caller !== undefined);

test("what is the admin's alone is this", () => {
  const closed = ALL.filter((each) => !opened.includes(each)).map(nameOf);
  expect(closed.toSorted()).toEqual(ADMINS);
});

describe.each(PERMISSIONS)("a key that may only %s", (permission) => {
  test("is refused by every route that takes another permission, and by those of the admin", async () => {
    let refused = 0;
    for (const each of ALL) {
      if (opened.includes(each) && needed(each) === permission) continue;
      for (const body of each.method === "GET" ? [undefined] : [{}, each.example.body ?? {}])
        expect([nameOf(each), await ask(alone.get(permission) as string, each.method, pathOf(each), body)]).toEqual([
          nameOf(each),
          REFUSED,
        ]);
      refused += 1;
    }
    expect(refused).toBeGreaterThan(30);
  });

  test("is taken by each of its own, in its own environment alone", async () => {
    const key = alone.get(permission) as string;
    for (const each of opened.filter((one) => needed(one) === permission)) {
      // Nothing in the body: what may be asked is refused for that, or done to nobody.
      const body = each.method === "GET" ? undefined : { nobodys: true };
      const own = await ask(key, each.method, pathOf(each), body);
      expect([nameOf(each), own.status]).toEqual([nameOf(each), expect.toBeOneOf([200, 400, 404])]);
      if (each.caller !== undefined) continue;
      const { status } = await ask(key, each.method, `${pathOf(each)}?environment=dev`, body);
      // Refused for the environment; or for a body or query that says nothing that can be done anywhere.
      expect([nameOf(each), status]).toEqual([nameOf(each), expect.toBeOneOf([400, 403, 404])]);
    }
  });
});

test("every route that takes an environment refuses a key of another one", async () => {
  const all = await make(["call", "record", "read", "manage"], { environment: "dev" });
  let asked = 0;
  for (const each of opened.filter(({ caller }) => caller === undefined)) {
    const query = new URLSearchParams({ ...each.example.query, environment: "prod" });
    const told = await ask(all.key, each.method, `${pathOf(each)}?${query}`, each.example.body);
    // Where there is no such parameter it is refused by name, and where the body decides it, there.
    if (told.code === "REQUEST_INVALID") continue;
    expect([nameOf(each), told]).toEqual([nameOf(each), REFUSED]);
    asked += 1;
  }
  expect(asked).toBeGreaterThan(35);
});

test("unknown paths and methods are not there for whoever has a key, and an admin's alone to nobody", async () => {
  for (const [method, path] of [
    ["GET", "/api/v1/limit"],
    ["GET", "/api/v2/limits"],
    ["PATCH", "/api/v1/limits"],
    ["DELETE", "/api/v1/usage"],
    ["GET", "/api/v1/users/%ED%A0%80/plan"],
  ] as const) {
    const key = alone.get(method === "GET" ? "read" : "manage") as string;
    expect([path, await ask(key, method, path)]).toEqual([path, { status: 404, code: "NOT_FOUND" }]);
  }
});

describe("a key that may only read and manage", () => {
  let manager: KeyMade;
  beforeAll(async () => {
    manager = await make(["read", "manage"]);
  });

  test("gives nobody what it has not: not itself, not a new key, not by taking over another's", async () => {
    const rich = await make(["call", "record", "read", "manage"]);
    const own = `/api/v1/keys/${manager.id}`;
    const more = { permissions: ["call", "read", "manage"] };
    for (const [method, path, body] of [
      ["PUT", own, more],
      ["POST", "/api/v1/keys", { name: "more", ...more }],
      ["POST", `/api/v1/keys/${rich.id}/rotate`, {}],
      ["PUT", `/api/v1/keys/${rich.id}`, { requests_per_minute: 1 }],
      ["PUT", `/api/v1/keys/${rich.id}`, { permissions: ["read"] }],
    ] as const)
      expect([method, path, body, await ask(manager.key, method, path, body)]).toEqual([method, path, body, REFUSED]);
    // A key that names no permission gets those that are usual, `call` among them.
    expect(await ask(manager.key, "POST", "/api/v1/keys", { name: "usual" })).toEqual(REFUSED);
    expect(await ask(manager.key, "PUT", own, { environment: "dev" })).toMatchObject({ status: 400 });
    expect(
      await ask(manager.key, "POST", "/api/v1/keys", { name: "x", permissions: ["read"], environment: "dev" }),
    ).toEqual(REFUSED);
    const call = { model: "gpt-4o-mini", messages: [], max_tokens: 1 };
    expect((await ask(manager.key, "POST", "/v1/chat/completions", call)).status).toBe(403);
    expect(await world.control("GET", own)).toMatchObject({ permissions: ["read", "manage"], version: 1 });
  });
});
