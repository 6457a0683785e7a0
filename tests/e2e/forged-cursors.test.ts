import { afterAll, beforeAll, expect, test } from "vitest";
import type { KeyMade } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

// A cursor is where a page ended, and nothing else: whoever has another tenant's, another endpoint's or one of their own making is told
// of their own things, or that it is none. Never of another's, and never of what another has.

let world: StartedTollhouse;
let acme: string;
let globex: string;

/** Every list that is paged, by what it is asked with. */
const LISTS = [
  "limits",
  "limits?scope=team:red&scope=team:blue",
  "keys",
  "blocks",
  "policies",
  "plans",
  "../dashboard/sessions?hours=24",
  "calls",
  "calls?outcome=settled",
  "audit",
  "usage?group_by=session",
  "usage?group_by=hour,session&order=tokens",
  "checks?state=open",
  "checks?state=unconfirmed",
  "ledger/checkpoints",
];

beforeAll(async () => {
  world = await startedTollhouse({
    env: {
      TOLLHOUSE_AUTH: "required",
      TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0",
      TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "0",
    },
  });
  for (const name of ["acme", "globex"]) await world.control("POST", "/api/v1/tenants", { name });
  // One's things lie between the other's, so that a cursor of either stands before some of each.
  acme = await keyOf("acme");
  globex = await keyOf("globex");
  for (const round of [1, 2, 3])
    for (const [name, key] of [
      ["acme", acme],
      ["globex", globex],
    ] as const)
      await live(key, `${name}-${round}`);
  await world.recorded();
}, 180_000);
afterAll(() => world.stop());

async function keyOf(tenant: string): Promise<string> {
  const permissions = ["call", "record", "read", "manage"];
  return (await world.control<KeyMade>("POST", `/api/v1/keys?tenant=${tenant}`, { name: tenant, permissions })).key;
}

async function send(key: string, method: string, path: string, body: unknown, session = "none"): Promise<void> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "x-session-id": session },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect([path, response.status < 300, text]).toEqual([path, true, text]);
}

async function live(key: string, name: string): Promise<void> {
  const limit = { measure: "requests", amount: "99", window: "day", mode: "soft" };
  for (const team of ["red", "blue"]) await send(key, "POST", "/api/v1/limits", { ...limit, scope: `team:${team}` });
  await send(key, "POST", "/api/v1/keys", { name, permissions: ["read"] });
  await send(key, "POST", "/api/v1/blocks", { scope: `user:${name}`, reason: "abuse" });
  const policy = { name, attach: { feature: name }, priority: 0, mode: "enforce" };
  await send(key, "POST", "/api/v1/policies", policy);
  await send(key, "PUT", `/api/v1/plans/${name}`, { description: "" });
  const chat = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 5 };
  await send(key, "POST", "/v1/chat/completions", chat, name);
  const check = { provider: "openai", model: "gpt-4o-mini", input_tokens: 5, max_output_tokens: 5, reserve: true };
  await send(key, "POST", "/sdk/check", check, name);
}

interface Page {
  readonly status: number;
  readonly text: string;
  readonly rows: readonly unknown[];
  readonly next: string | null;
}

async function page(key: string, list: string, more: Readonly<Record<string, string>>): Promise<Page> {
  const query = new URLSearchParams(more).toString();
  const response = await fetch(`${world.url}/api/v1/${list}${list.includes("?") ? "&" : "?"}${query}`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  const body = JSON.parse(text) as Record<string, unknown>;
  const rows = Object.values(body).find((value) => Array.isArray(value)) as unknown[] | undefined;
  const next = (body["next_cursor"] as string | null | undefined) ?? null;
  return { status: response.status, text, rows: rows ?? [], next };
}

/** Every cursor that a tenant is given, by list. */
async function cursorsOf(key: string): Promise<Map<string, string[]>> {
  const all = new Map<string, string[]>();
  for (const list of LISTS) {
    const cursors: string[] = [];
    for (let next: string | null = null; ;) {
      const found: Page = await page(key, list, { limit: "1", ...(next !== null && { cursor: next }) });
      expect([list, found.status]).toEqual([list, 200]);
      // A cursor promises a next page: the last one has none. Of calls it says how far was looked, and there may be nothing more.
      if (next !== null && !list.startsWith("calls?")) expect([list, found.rows.length]).toEqual([list, 1]);
      next = found.next;
      if (next === null) break;
      cursors.push(next);
    }
    all.set(list, cursors);
  }
  return all;
}

test("each list has pages to turn, and they are the whole of it", async () => {
  const cursors = await cursorsOf(globex);
  for (const list of LISTS) {
    if (list.startsWith("ledger/") || list.includes("unconfirmed")) continue;
    const { rows } = await page(globex, list, { limit: "1000" });
    expect([list, rows.length >= 3, (cursors.get(list) as string[]).length >= rows.length - 1]).toEqual([
      list,
      true,
      true,
    ]);
  }
});

test("another tenant's cursor, at its own list or at any other, shows one's own rows alone, or is refused by name", async () => {
  const theirs = new Set([...(await cursorsOf(globex)).values()].flat());
  expect(theirs.size).toBeGreaterThan(15);
  let taken = 0;
  for (const list of LISTS) {
    const own = new Set((await page(acme, list, { limit: "1000" })).rows.map(nameOf));
    for (const cursor of theirs) {
      const told = await page(acme, list, { limit: "1000", cursor });
      expect([list, cursor, told.status]).toEqual([list, cursor, expect.toBeOneOf([200, 400])]);
      expect(told.text).not.toContain("globex");
      if (told.status === 400) {
        expect(told.text).toContain('"field":"cursor"');
        continue;
      }
      expect([list, cursor, told.rows.map(nameOf).filter((name) => !own.has(name))]).toEqual([list, cursor, []]);
      taken += 1;
    }
  }
  expect(taken).toBeGreaterThan(15);
});

/** What a row is about, whatever of it moves. */
function nameOf(row: unknown): string {
  const { id, decision, session, hour, sequence, size } = row as Record<string, unknown>;
  return JSON.stringify([id ?? decision ?? [session, hour], sequence, size]);
}

test("the id of another's thing is as good a cursor as one that never was: no list says what another has", async () => {
  let asked = 0;
  for (const [list, cursors] of await cursorsOf(globex))
    for (const cursor of cursors.filter((each) => /^[a-z]+_/.test(each))) {
      // The id beside it, which is nobody's.
      const nobodys = cursor.slice(0, -1) + (cursor.endsWith("1") ? "2" : "1");
      const [told, never] = await Promise.all(
        [cursor, nobodys].map((each) => page(acme, list, { limit: "1000", cursor: each })),
      );
      expect([list, told?.status, told?.rows.map(nameOf)]).toEqual([list, 200, never?.rows.map(nameOf)]);
      asked += 1;
    }
  expect(asked).toBeGreaterThan(10);
});

test("what is no cursor is refused by name at every list", async () => {
  const NONE = [
    "",
    "0",
    "-1",
    "1e3",
    "null",
    "%",
    "'; --",
    "lim_",
    "key_é",
    "dec_".padEnd(36, "g"),
    "A".repeat(8_000),
    "W10",
    "e30",
    "bnVsbA",
    "9".repeat(40),
  ];
  for (const list of LISTS)
    for (const cursor of NONE) {
      const told = await page(acme, list, { cursor });
      expect([list, cursor, told.status, told.text]).toEqual([
        list,
        cursor,
        400,
        expect.stringContaining('"field":"cursor"'),
      ]);
    }
});
