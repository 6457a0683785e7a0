import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyMade } from "@tollhouse/contract";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// E18: a tenant cannot see, count or guess another's anything. Made from the routes that there are: a new one with a parameter fails here
// until it is said what another tenant's is.

let world: StartedTollhouse;
/** Keys of each tenant, by what they may do. */
let acme: Record<"manage" | "read" | "call", string>;
let globex: Record<"manage" | "read" | "call", string>;
/** Of globex, by the kind of thing that a route's parameter names; and what acme was told of itself before any of it was there. */
const theirs = new Map<string, string>();
let before: Map<string, string>;

beforeAll(async () => {
  world = await startedTollhouse({
    env: {
      TOLLHOUSE_AUTH: "required",
      TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0",
      TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "0",
      DEFAULT_BUDGET: "1.00",
    },
  });
  for (const name of ["acme", "globex"]) await world.control("POST", "/api/v1/tenants", { name });
  acme = await keysOf("acme");
  globex = await keysOf("globex");
  before = await everythingOf(acme.manage);
  await liveAs(globex);
  await world.recorded();
});
afterAll(() => world.stop());

async function keysOf(tenant: string): Promise<Record<"manage" | "read" | "call", string>> {
  const make = async (permissions: string[]): Promise<string> => {
    const body = { name: "test", permissions };
    return (await world.control<KeyMade>("POST", `/api/v1/keys?tenant=${tenant}`, body)).key;
  };
  return {
    manage: await make(["call", "record", "read", "manage"]),
    read: await make(["read"]),
    call: await make(["call", "record"]),
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Not of the date and of connections, which say nothing. */
const SAID_ALWAYS = new Set(["date", "connection", "keep-alive"]);

async function ask(key: string | null, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${world.url}${path}`, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !SAID_ALWAYS.has(name)));
  return { status: response.status, headers, text: await response.text() };
}

async function made(key: string, path: string, body: unknown): Promise<{ id: string }> {
  const answer = await ask(key, "POST", path, body);
  expect([path, answer.status, answer.text]).toEqual([path, 201, expect.any(String)]);
  return JSON.parse(answer.text) as { id: string };
}

/** One of everything. */
async function liveAs(keys: typeof globex): Promise<void> {
  const keep = async (kind: string, path: string, body: unknown): Promise<void> => {
    theirs.set(kind, (await made(keys.manage, path, body)).id);
  };
  await keep("limits", "/api/v1/limits", {
    scope: "team:red",
    measure: "usd",
    amount: "9",
    window: "day",
    mode: "hard",
  });
  await keep("keys", "/api/v1/keys", { name: "theirs", permissions: ["read"] });
  await keep("blocks", "/api/v1/blocks", { scope: "user:eve", reason: "abuse" });
  await keep("kill-switches", "/api/v1/kill-switches", { scope: "agent:rogue", reason: "incident" });
  await keep("policies", "/api/v1/policies", {
    name: "ours",
    attach: { feature: "x" },
    priority: 0,
    mode: "enforce",
    models: { allow: ["gpt-*"] },
  });
  await keep("anomaly-rules", "/api/v1/anomaly-rules", {
    kind: "loop",
    per: "session",
    threshold: "5",
    window_seconds: 60,
    action: "alert",
  });
  const put = (path: string, body: unknown): Promise<unknown> => ask(keys.manage, "PUT", path, body);
  await put("/api/v1/plans/gold", { description: "theirs" });
  await put("/api/v1/users/mallory/plan", { plan: "gold" });
  await put("/api/v1/customers/shop/plan", { plan: "gold" });
  await put("/api/v1/provider-keys/openai", { api_key: "sk-of-globex-0123456789" });
  await ask(keys.manage, "POST", "/api/v1/sessions/run-7/freeze", { reason: "loops" });
  const headers = { authorization: `Bearer ${keys.call}`, "content-type": "application/json", "x-session-id": "run-1" };
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { ...headers, "x-tollhouse-user": "mallory" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await response.text();
  expect(response.status).toBe(200);
  theirs.set("calls", response.headers.get("x-tollhouse-decision") ?? "");
}

/** What a tenant is told of itself: every route that reads and names nothing. The moment a key was used last is its own doing. */
async function everythingOf(key: string): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  for (const route of world.tollhouse.controlRoutes) {
    const [method, path] = route.split(" ") as [string, string];
    if (method !== "GET" || path.includes(":")) continue;
    const answer = await ask(key, method, path);
    const { status, headers } = answer;
    const text = answer.text.replaceAll(/"last_used_at":("[^"]*"|null)/g, "");
    told.set(path, JSON.stringify({ status, text, headers: { ...headers, "content-length": "" } }));
  }
  return told;
}

/** Ids of the same form, of nobody. */
const NOBODYS: Record<string, string> = {
  limits: "lim_0199f0f0f0f0700080000000000000aa",
  keys: "key_0000000000000000",
  blocks: "blk_0199f0f0f0f0700080000000000000aa",
  "kill-switches": "kill_0199f0f0f0f0700080000000000000aa",
  policies: "pol_0199f0f0f0f0700080000000000000aa",
  "anomaly-rules": "anr_0199f0f0f0f0700080000000000000aa",
  calls: "dec_0199f0f0f0f0700080000000000000aa",
};

/** What the parameter of a route names. `named`: chosen by whoever uses it, so that both tenants may have one of that name. */
const PARAMETERS: Record<string, { readonly ids: string } | { readonly named: string }> = {
  "limits/:id": { ids: "limits" },
  "keys/:id": { ids: "keys" },
  "keys/:id/rotate": { ids: "keys" },
  "blocks/:id": { ids: "blocks" },
  "kill-switches/:id": { ids: "kill-switches" },
  "policies/:id": { ids: "policies" },
  "policies/:id/versions": { ids: "policies" },
  "anomaly-rules/:id": { ids: "anomaly-rules" },
  "calls/:id": { ids: "calls" },
  "calls/:id/receipt": { ids: "calls" },
  "decisions/:id": { ids: "calls" },
  "payloads/:id": { ids: "calls" },
  "plans/:name": { named: "gold" },
  "users/:id": { named: "mallory" },
  "users/:id/plan": { named: "mallory" },
  "customers/:id/plan": { named: "shop" },
  "users/:id/summary": { named: "mallory" },
  "provider-keys/:provider": { named: "openai" },
  "sessions/:id": { named: "run-7" },
  "sessions/:id/freeze": { named: "run-7" },
  "sessions/:id/unfreeze": { named: "run-7" },
  "sessions/:id/reset": { named: "run-7" },
  "session/:id/unfreeze": { named: "run-7" },
  "session/:id/reset": { named: "run-7" },
  "tenants/:name": { named: "globex" },
  "members/:id": { named: "mem_theirs" },
  "members/:id/invite": { named: "mem_theirs" },
  "ledger/verifications/:id": { named: "ver_theirs" },
  "views/:name": { named: "theirs" },
};

/** A body that the route takes, where it needs one for the parameter to be looked at. */
const BODIES: Record<string, unknown> = {
  "PUT limits/:id": { amount: "1" },
  "PUT keys/:id": { name: "mine now" },
  "PUT policies/:id": { name: "mine now", attach: "default", priority: 0, mode: "enforce" },
  "PUT anomaly-rules/:id": { threshold: "9" },
  "PUT plans/:name": { description: "mine now" },
  "PUT users/:id/plan": { plan: "gold" },
  "PUT customers/:id/plan": { plan: "gold" },
};

function nameOf(path: string): string {
  return path.replace(/^\/api\/(v1|dashboard)\//, "");
}

async function askOf(key: string, route: string, value: string): Promise<Answer> {
  const [method, path] = route.split(" ") as [string, string];
  const body = BODIES[`${method} ${nameOf(path)}`];
  const answer = await ask(key, method, path.replace(/:\w+/, encodeURIComponent(value)), body);
  const anonymous = (text: string): string => text.replaceAll(value, "<id>");
  return { ...answer, text: anonymous(answer.text) };
}

function routes(): string[] {
  // What signs somebody in asks for no key, and is of no tenant until it has: sign-in.test.ts.
  return world.tollhouse.controlRoutes.filter(
    (route) => !route.startsWith("HEAD ") && !route.includes(" /api/sign-in"),
  );
}

test("whatever a tenant does changes nothing that another is told of itself: no row, no count, no sequence", async () => {
  expect(before.size).toBeGreaterThan(15);
  expect(await everythingOf(acme.manage)).toEqual(before);
  const globexNow = await everythingOf(globex.manage);
  for (const path of ["/api/v1/limits", "/api/v1/calls", "/api/v1/audit", "/api/v1/policies", "/api/v1/usage"])
    expect([path, globexNow.get(path) === before.get(path)]).toEqual([path, false]);
});

describe("by the id of another's thing", () => {
  test("every route with a parameter says what it names", () => {
    const parameters = routes().filter((route) => route.includes(":"));
    const names = [...new Set(parameters.map((route) => nameOf(route.split(" ")[1] as string)))];
    expect(names.filter((name) => PARAMETERS[name] === undefined)).toEqual([]);
  });

  test("nothing is read, changed or ended, and the answer is that of an id that never was, in status, headers and body", async () => {
    const owned = await everythingOf(globex.manage);
    let asked = 0;
    for (const route of routes()) {
      const named = PARAMETERS[nameOf(route.split(" ")[1] as string)];
      if (named === undefined || !("ids" in named)) continue;
      const id = theirs.get(named.ids) as string;
      for (const key of [acme.manage, acme.read, acme.call]) {
        const answer = await askOf(key, route, id);
        expect([route, answer.status]).toEqual([route, expect.toBeOneOf([403, 404])]);
        const never = await askOf(key, route, NOBODYS[named.ids] as string);
        expect([route, answer]).toEqual([route, lengthAside(never, answer)]);
        asked += 1;
      }
    }
    expect(asked).toBeGreaterThan(50);
    expect(await everythingOf(globex.manage)).toEqual(owned);
  });

  test("a name that another uses too is as free as any other", async () => {
    const owned = await everythingOf(globex.manage);
    for (const route of routes()) {
      const named = PARAMETERS[nameOf(route.split(" ")[1] as string)];
      if (named === undefined || !("named" in named)) continue;
      for (const key of [acme.manage, acme.read, acme.call]) {
        const answer = settledTimes(await askOf(key, route, named.named));
        // Of the same length, and nobody's.
        const other = route.includes("provider") ? "gemini" : named.named.replaceAll(/[a-z]/g, "q");
        expect([route, answer]).toEqual([route, settledTimes(await askOf(key, route, other))]);
      }
    }
    expect(await everythingOf(globex.manage)).toEqual(owned);
  });
});

/** An id stands in an answer's text, so a longer one makes it longer. */
function lengthAside(answer: Answer, like: Answer): Answer {
  const length = like.headers["content-length"];
  return { ...answer, headers: { ...answer.headers, ...(length !== undefined && { "content-length": length }) } };
}

/** Ids and times of what the first of two equal requests made. */
function settledTimes({ status, text }: Answer): { status: number; text: string } {
  const same = text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>")
    .replaceAll(/(frz|pkey|lim)_[0-9a-f]+/g, "<made>")
    .replaceAll(/"(provider|origin)":"[^"]*"/g, "");
  return { status, text: same };
}

describe("a key is for its own tenant", () => {
  test("whichever tenant it names, also its own or one that never was, it is told the same by every route", async () => {
    for (const route of routes()) {
      const [method, path] = route.split(" ") as [string, string];
      const url = path.replace(/:\w+/, "x");
      for (const key of [acme.manage, acme.read, acme.call]) {
        const answers = [];
        for (const name of ["acme", "globex", "nobody", "default", "", "%00"])
          answers.push(await ask(key, method, `${url}?tenant=${name}`, method === "GET" ? undefined : {}));
        expect([route, new Set(answers.map(({ text }) => text)).size, answers[0]?.status]).toEqual([route, 1, 403]);
      }
    }
  });

  test("no field of a body puts a thing into another tenant", async () => {
    const owned = await everythingOf(globex.manage);
    for (const route of routes()) {
      const [method, path] = route.split(" ") as [string, string];
      if (method !== "POST" && method !== "PUT") continue;
      for (const body of [{ tenant: "globex" }, { tenant_id: "globex" }, { org: "globex" }]) {
        const { status } = await ask(acme.manage, method, path.replace(/:\w+/, "x"), body);
        expect([route, body, status]).toEqual([route, body, expect.toBeOneOf([400, 403, 404])]);
      }
    }
    expect(await everythingOf(globex.manage)).toEqual(owned);
  });

  test("filters that name another's things find what those of nobody find", async () => {
    const filters: [string, string][] = [
      [`audit?subject=${theirs.get("limits")}`, `audit?subject=${NOBODYS["limits"]}`],
      [`calls?key=${theirs.get("keys")}`, `calls?key=${NOBODYS["keys"]}`],
      ["calls?session=run-1", "calls?session=run-9"],
      ["calls?user=mallory", "calls?user=nobodys"],
      [`usage?key=${theirs.get("keys")}`, `usage?key=${NOBODYS["keys"]}`],
      ["usage?user=mallory&group_by=user", "usage?user=nobodys&group_by=user"],
    ];
    for (const [own, never] of filters) {
      const [found, none] = await Promise.all([own, never].map((path) => ask(acme.read, "GET", `/api/v1/${path}`)));
      expect([own, found?.status, found?.text]).toEqual([own, 200, none?.text]);
    }
  });

  test("what only the installation's admin may ask is refused to every key, and everything to nobody", async () => {
    const admins = routes().filter((route) => / \/api\/v1\/(tenants|environments)/.test(route));
    for (const route of admins) {
      const [method, path] = route.split(" ") as [string, string];
      if (route === "GET /api/v1/environments") continue;
      for (const key of Object.values(acme)) {
        const answer = await ask(
          key,
          method,
          path.replace(":name", "globex"),
          method === "POST" ? { name: "x" } : undefined,
        );
        expect([route, answer.status]).toEqual([route, 403]);
      }
    }
    for (const route of routes()) {
      const [method, path] = route.split(" ") as [string, string];
      expect([route, (await ask(null, method, path)).status]).toEqual([route, 401]);
    }
  });
});

describe("calls", () => {
  const chat = (key: string, session: string): Promise<Response> =>
    fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "x-session-id": session },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
    });

  test("a stop, a freeze, a budget and a rule of one tenant are none of another's", async () => {
    const stop = await made(globex.manage, "/api/v1/kill-switches", { scope: "org", reason: "stop" });
    const frozen = await ask(globex.manage, "POST", "/api/v1/sessions/both/freeze", { reason: "loops" });
    const limit = { scope: "org", measure: "requests", amount: "0", window: "lifetime", mode: "hard" };
    const none = await made(globex.manage, "/api/v1/limits", limit);
    expect([frozen.status, (await chat(globex.call, "both")).status]).toEqual([200, 451]);
    expect((await chat(acme.call, "both")).status).toBe(200);
    expect((await ask(acme.read, "GET", "/api/v1/kill-switches")).text).not.toContain(stop.id);
    await ask(globex.manage, "DELETE", `/api/v1/kill-switches/${stop.id}`);
    await ask(globex.manage, "POST", "/api/v1/sessions/both/unfreeze", {});
    expect((await chat(globex.call, "both")).status).toBe(429);
    await ask(globex.manage, "DELETE", `/api/v1/limits/${none.id}`);
  });

  test("one session name is two sessions: each has a default budget of its own, under an id that nobody can guess", async () => {
    const idOf = async (key: string): Promise<string> => {
      const { text } = await ask(key, "GET", "/api/v1/sessions/both");
      return (JSON.parse(text) as { budgets: { limit_id: string }[] }).budgets[0]?.limit_id ?? "";
    };
    const ids = [await idOf(acme.read), await idOf(globex.read)];
    expect([ids[0], ids[1] === ids[0]]).toEqual([expect.stringMatching(/^lim_[0-9a-f]{26}$/), false]);
  });

  test("a key of one tenant is the other's in nothing: its environment's name decides nothing", async () => {
    const decision = (await chat(acme.call, "whose")).headers.get("x-tollhouse-decision") ?? "";
    await world.recorded();
    expect((await ask(acme.read, "GET", `/api/v1/decisions/${decision}`)).status).toBe(200);
    expect((await ask(globex.read, "GET", `/api/v1/decisions/${decision}`)).status).toBe(404);
    expect((await ask(TEST_ADMIN_KEY, "GET", `/api/v1/decisions/${decision}`)).status).toBe(404);
    expect((await ask(TEST_ADMIN_KEY, "GET", `/api/v1/decisions/${decision}?tenant=acme`)).status).toBe(200);
  });
});

describe("checks and records", () => {
  const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
  const model = { provider: "openai", model: "gpt-4o-mini" };
  const post = async (
    key: string,
    path: string,
    body: object,
    once?: string,
  ): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${world.url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        ...(once !== undefined && { "idempotency-key": once }),
      },
      body: JSON.stringify(body),
    });
    const text = (await response.text()).replaceAll(/dec_[0-9a-f]{32}/g, "<id>");
    return { status: response.status, text };
  };

  test("another's open check cannot be recorded: it stays open, and the answer is that of a check that never was", async () => {
    const response = await fetch(`${world.url}/sdk/check`, {
      method: "POST",
      headers: { authorization: `Bearer ${globex.call}`, "content-type": "application/json" },
      body: JSON.stringify({ ...model, input_tokens: 10, max_output_tokens: 10, reserve: true, ttl_seconds: 600 }),
    });
    const { decision_id: open } = (await response.json()) as { decision_id: string };
    const list = await ask(globex.read, "GET", "/api/v1/checks?state=open");
    expect(list.text).toContain(open);
    const tried = await post(acme.call, "/sdk/record", { ...model, usage, decision_id: open });
    const never = await post(acme.call, "/sdk/record", { ...model, usage, decision_id: NOBODYS["calls"] });
    expect(tried).toEqual(never);
    expect(await ask(globex.read, "GET", "/api/v1/checks?state=open")).toEqual(list);
    expect((await ask(acme.read, "GET", "/api/v1/checks?state=open")).text).not.toContain(open);
    expect((await post(globex.call, "/sdk/record", { ...model, usage, decision_id: open })).status).toBe(200);
  });

  test("one idempotency key is two, and neither tenant learns that the other used it", async () => {
    const theirBody = { ...model, usage, session: "a" };
    expect((await post(globex.call, "/sdk/record", theirBody, "same-name")).status).toBe(200);
    const own = await post(acme.call, "/sdk/record", { ...model, usage, session: "b" }, "same-name");
    expect(own.status).toBe(200);
    expect((await post(globex.call, "/sdk/record", { ...theirBody, session: "c" }, "same-name")).status).toBe(409);
  });
});
