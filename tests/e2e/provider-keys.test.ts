import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyMade, ProviderKeyAnswer } from "@tollhouse/contract";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { startRecordingProvider, type ReceivedRequest, type RecordingProvider } from "./recording-provider.ts";
import { until } from "./side-by-side.ts";

// A tenant's own provider keys, from outside: whose credential reaches the provider, and what the control API lets anybody see.

let world: StartedTollhouse;
let provider: RecordingProvider;
const keys: Record<"prod" | "dev" | "staging", string> = { prod: "", dev: "", staging: "" };

beforeAll(async () => {
  provider = await startRecordingProvider();
  world = await startedTollhouse({
    env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" },
    yaml: `
providers:
  - { name: installed, base_url: ${provider.url}/v1, dialect: openai, api_key: sk-of-the-installation, prices: free }
  - { name: telltale, base_url: "${await startTelltale()}", dialect: openai, auth: bearer, prices: free }
  - { name: bare, base_url: ${provider.url}/bare, dialect: openai, auth: bearer, prices: free }
  - { name: other-header, base_url: ${provider.url}/azure, dialect: openai, auth: api-key, prices: free }
`,
  });
  for (const environment of ["prod", "dev", "staging"] as const) {
    const made = await world.control<KeyMade>("POST", "/api/v1/keys", { name: environment, environment });
    keys[environment] = made.key;
  }
});
afterAll(async () => {
  await world.stop();
  await provider.close();
  telltale.close();
});

/** Refuses, and repeats what it was sent. */
const telltale = createServer((request, response) => {
  response.writeHead(401, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message: `not allowed: ${JSON.stringify(request.headers)}`, type: "x" } }));
});
async function startTelltale(): Promise<string> {
  await new Promise<void>((resolve) => telltale.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(telltale.address() as AddressInfo).port}`;
}

const chat = (tag = ""): string => JSON.stringify({ model: "m", messages: [{ role: "user", content: `Hi ${tag}` }] });

async function call(name: string, key: string, tag = ""): Promise<Response> {
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const path = `/${name}/v1/chat/completions`;
  return fetch(world.url + path, { method: "POST", headers, body: chat(tag) });
}

async function ask<T>(method: string, path: string, body?: unknown, headers = {}): Promise<Answer<T>> {
  const response = await fetch(world.url + path, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, etag: response.headers.get("etag"), text, body: JSON.parse(text || "{}") as T };
}
interface Answer<T> {
  readonly status: number;
  readonly etag: string | null;
  readonly text: string;
  readonly body: T;
}

const at = (name: string, environment = "prod"): string => `/api/v1/provider-keys/${name}?environment=${environment}`;
const set = (name: string, secret: string, environment = "prod"): Promise<Answer<ProviderKeyAnswer>> =>
  ask("PUT", at(name, environment), { api_key: secret });
const remove = (name: string, environment = "prod"): Promise<Answer<unknown>> => ask("DELETE", at(name, environment));
const last = (): ReceivedRequest => provider.received.at(-1) as ReceivedRequest;

describe("whose credential goes upstream", () => {
  test("its own environment's, else the installation's: also of sixty calls at once over the same connections", async () => {
    await set("installed", "sk-own-of-prod-0123456789");
    await set("installed", "sk-own-of-dev-01234567890", "dev");
    const expected = {
      prod: "Bearer sk-own-of-prod-0123456789",
      dev: "Bearer sk-own-of-dev-01234567890",
      staging: "Bearer sk-of-the-installation",
    };
    const before = provider.received.length;
    const places = Array.from(
      { length: 60 },
      (_, n) => (["prod", "dev", "staging"] as const)[n % 3] as keyof typeof keys,
    );
    const answers = await Promise.all(places.map((place) => call("installed", keys[place], `from-${place}.`)));
    expect(answers.map((answer) => answer.status)).toEqual(places.map(() => 200));
    const sent = provider.received.slice(before);
    expect(sent).toHaveLength(60);
    for (const { headers, body } of sent) {
      const place = /from-(\w+)\./.exec(body)?.[1] as keyof typeof expected;
      expect(headers.get("authorization")).toBe(expected[place]);
    }
    await remove("installed");
    await remove("installed", "dev");
  });

  test("a replaced one is used by the next call, a deleted one by none", async () => {
    await set("installed", "sk-first-0123456789abcdef");
    await call("installed", keys.prod);
    expect(last().headers.get("authorization")).toBe("Bearer sk-first-0123456789abcdef");
    expect((await set("installed", "sk-second-0123456789abcde")).body.version).toBeGreaterThan(1);
    await call("installed", keys.prod);
    expect(last().headers.get("authorization")).toBe("Bearer sk-second-0123456789abcde");
    expect((await remove("installed")).status).toBe(204);
    await call("installed", keys.prod);
    expect(last().headers.get("authorization")).toBe("Bearer sk-of-the-installation");
  });

  test("where nothing is installed it makes the provider usable, for its environment alone", async () => {
    const before = provider.received.length;
    expect((await call("bare", keys.prod)).status).toBe(503);
    await set("bare", "sk-own-for-the-bare-one-1");
    expect((await call("bare", keys.prod)).status).toBe(200);
    expect(last().headers.get("authorization")).toBe("Bearer sk-own-for-the-bare-one-1");
    const refused = await call("bare", keys.dev);
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: "PROVIDER_NOT_CONFIGURED" } }]);
    await remove("bare");
    expect((await call("bare", keys.prod)).status).toBe(503);
    expect(provider.received.length).toBe(before + 1);
  });

  test("its own tenant's: those of one provider and environment in two tenants never meet", async () => {
    await world.control("POST", "/api/v1/tenants", { name: "acme" });
    const acme = (
      await world.control<KeyMade>("POST", "/api/v1/keys?tenant=acme", { name: "k", permissions: ["call", "read"] })
    ).key;
    const secret = "sk-own-of-acme-0123456789";
    const made = await world.control<ProviderKeyAnswer>("PUT", `${at("bare")}&tenant=acme`, { api_key: secret });
    expect([(await call("bare", keys.prod)).status, (await call("bare", acme)).status]).toEqual([503, 200]);
    expect(last().headers.get("authorization")).toBe(`Bearer ${secret}`);
    // The same secret, sealed and printed for another tenant.
    const same = await set("bare", secret);
    expect(same.body.fingerprint).not.toBe(made.fingerprint);
    await set("bare", "sk-own-of-default-0123456");
    const before = provider.received.length;
    await Promise.all(Array.from({ length: 40 }, (_, n) => call("bare", n % 2 === 0 ? acme : keys.prod, `n${n % 2}.`)));
    for (const { headers, body } of provider.received.slice(before))
      expect(headers.get("authorization")).toBe(
        `Bearer ${body.includes("n0.") ? secret : "sk-own-of-default-0123456"}`,
      );
    const seen = await ask<{ provider_keys: unknown[] }>("GET", "/api/v1/provider-keys", undefined, {
      authorization: `Bearer ${acme}`,
    });
    expect(seen.body.provider_keys).toEqual([made]);
    await remove("bare");
    expect([(await call("bare", keys.prod)).status, (await call("bare", acme)).status]).toEqual([503, 200]);
  });

  test("it travels in the header that the provider reads, and in no other", async () => {
    await set("other-header", "own-key-of-azure-012345678");
    expect((await call("other-header", keys.prod)).status).toBe(200);
    expect(last().headers.get("api-key")).toBe("own-key-of-azure-012345678");
    expect(last().headers.has("authorization")).toBe(false);
    await remove("other-header");
  });

  test("an error that repeats it reaches the caller without it, else as the provider sent it", async () => {
    await set("telltale", "sk-repeated-0123456789abc");
    const answer = await call("telltale", keys.prod);
    const text = await answer.text();
    expect([answer.status, answer.headers.get("content-length")]).toEqual([401, String(text.length)]);
    expect(JSON.parse(text)).toMatchObject({ error: { type: "x" } });
    expect(text).toContain("Bearer [redacted]");
    expect(text).not.toContain("repeated");
    await remove("telltale");
  });

  test("one that is deleted while a call's body arrives is not used for it", async () => {
    await set("bare", "sk-deleted-meanwhile-0123");
    const body = chat("slow");
    const socket = connect(Number(new URL(world.url).port), "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.write(
      `POST /bare/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${keys.prod}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`,
    );
    await until("the call waits for its body", () => answer.includes("100 Continue"));
    socket.write(body.slice(0, 10));
    await remove("bare");
    const before = provider.received.length;
    socket.write(body.slice(10));
    await until("the call is answered", () => answer.includes("PROVIDER_NOT_CONFIGURED"));
    socket.destroy();
    expect(provider.received.length).toBe(before);
  });
});

describe("the control API", () => {
  test("answers everything but the secret, and shows no part of a short one", async () => {
    const secret = "sk-canary-of-a-tenant-9Qz4";
    const made = await set("installed", secret);
    expect(made).toMatchObject({ status: 200, etag: `"${made.body.version}"` });
    const { id, fingerprint, created_at, version } = made.body;
    expect(made.body).toEqual({
      id: expect.stringMatching(/^pkey_[0-9a-f]{32}$/) as string,
      provider: "installed",
      environment: "prod",
      state: "active",
      origin: provider.url,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      last_four: "9Qz4",
      version,
      created_at,
      created_by: "admin-key",
    });
    const read = await ask<ProviderKeyAnswer>("GET", at("installed"));
    const listed = await ask<{ provider_keys: ProviderKeyAnswer[] }>("GET", "/api/v1/provider-keys");
    expect([read.body, listed.body.provider_keys]).toEqual([made.body, [made.body]]);
    expect((await ask("GET", "/api/v1/provider-keys?environment=dev")).body).toEqual({ provider_keys: [] });
    for (const { text } of [made, read, listed]) expect(text).not.toContain("canary");
    // The same secret elsewhere: the same fingerprint, another id.
    const same = (await set("installed", secret, "dev")).body;
    expect([same.fingerprint, same.id === id]).toEqual([fingerprint, false]);
    const short = (await set("installed", "sk-short-one", "dev")).body;
    expect([short.last_four, short.fingerprint === fingerprint]).toEqual([null, false]);
    await remove("installed");
    await remove("installed", "dev");
    expect((await ask("GET", at("installed"))).status).toBe(404);
    expect((await remove("installed")).status).toBe(404);
  });

  test("refuses a lost update, also one on a key that was deleted and set again", async () => {
    const first = await set("bare", "sk-first-0123456789abcdef");
    await remove("bare");
    const again = await set("bare", "sk-again-0123456789abcdef");
    expect(again.body.version).toBeGreaterThan(first.body.version);
    const put = (etag: string): Promise<Answer<unknown>> =>
      ask("PUT", at("bare"), { api_key: "sk-lost-0123456789abcdefg" }, { "if-match": etag });
    expect((await put(first.etag as string)).status).toBe(412);
    expect((await ask("DELETE", at("bare"), undefined, { "if-match": first.etag })).status).toBe(412);
    expect((await put(again.etag as string)).status).toBe(200);
    await remove("bare");
    expect((await put(again.etag as string)).status).toBe(412);
    expect((await ask("GET", at("bare"))).status).toBe(404);
  });

  test.each<readonly [string, string, unknown, string]>([
    ["an unknown provider", at("nobody"), { api_key: "sk-0123456789" }, "provider: expected one of openai, anthropic"],
    ["a name that is none", at("Installed"), { api_key: "sk-0123456789" }, "provider: expected the name"],
    ["an unknown environment", at("bare", "nowhere"), { api_key: "sk-0123456789" }, "environment: expected one of"],
    ["no secret", at("bare"), {}, "api_key: expected"],
    ["an empty one", at("bare"), { api_key: "" }, "api_key: expected 8 to 4096"],
    ["one with a line break", at("bare"), { api_key: "sk-0123456789\r\nx-evil: 1" }, "api_key: expected 8 to 4096"],
    ["one of Tollhouse", at("bare"), { api_key: "th_prod_0123456789" }, "api_key: expected a key of the provider"],
    ["a base URL", at("bare"), { api_key: "sk-0123456789", base_url: "http://evil.test" }, "base_url: unknown field"],
    ["an origin", at("bare"), { api_key: "sk-0123456789", origin: "http://evil.test" }, "origin: unknown field"],
  ])("refuses %s by name, and echoes nothing of the secret", async (_, path, body, detail) => {
    const answer = await ask<{ detail: string }>("PUT", path, body);
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(detail)]);
    expect(answer.text).not.toContain("0123456789");
    expect((await ask("GET", "/api/v1/provider-keys")).body).toEqual({ provider_keys: [] });
  });

  test("a management key sets those of its own environment; other keys neither set nor see any", async () => {
    const make = async (permissions: string[]): Promise<{ authorization: string }> => {
      const made = await world.control<KeyMade>("POST", "/api/v1/keys", { name: "k", environment: "dev", permissions });
      return { authorization: `Bearer ${made.key}` };
    };
    const [manage, read, calls] = [await make(["manage"]), await make(["read"]), await make(["call"])];
    const body = { api_key: "sk-set-by-a-manager-01234" };
    expect((await ask("PUT", at("bare"), body, manage)).status).toBe(403);
    const own = await ask<ProviderKeyAnswer>("PUT", "/api/v1/provider-keys/bare", body, manage);
    expect([own.status, own.body.environment]).toEqual([200, "dev"]);
    expect(own.body.created_by).toMatch(/^key_/);
    expect((await ask("GET", "/api/v1/provider-keys/bare", undefined, read)).status).toBe(200);
    expect((await ask("GET", at("bare"), undefined, read)).status).toBe(403);
    for (const headers of [read, calls]) {
      expect((await ask("PUT", "/api/v1/provider-keys/bare", body, headers)).status).toBe(403);
      expect((await ask("DELETE", "/api/v1/provider-keys/bare", undefined, headers)).status).toBe(403);
    }
    expect((await ask("GET", "/api/v1/provider-keys", undefined, calls)).status).toBe(403);
    expect((await ask("DELETE", "/api/v1/provider-keys/bare", undefined, manage)).status).toBe(204);
  });

  test("each change is an entry: who, what before and after, never the secret or a part of it", async () => {
    const one = (await set("bare", "sk-audit-canary-0123456aA9z", "staging")).body;
    const two = (await set("bare", "sk-audit-canary-6543210bB8y", "staging")).body;
    await remove("bare", "staging");
    await world.recorded();
    const answer = await ask<{ changes: Entry[] }>("GET", "/api/v1/audit?environment=staging&limit=1000");
    const ids = [one.id, two.id];
    const entries = answer.body.changes.filter((entry) => ids.includes(entry.subject));
    const told = (key: ProviderKeyAnswer): object => {
      const { id, provider: name, origin, fingerprint, version } = key;
      return { id, provider: name, origin, fingerprint, version };
    };
    expect(entries.map(({ actor, action, before, after }) => ({ actor, action, before, after })).toReversed()).toEqual([
      { actor: "admin-key", action: "provider_key.set", before: null, after: told(one) },
      { actor: "admin-key", action: "provider_key.set", before: told(one), after: told(two) },
      { actor: "admin-key", action: "provider_key.delete", before: told(two), after: null },
    ]);
    for (const part of ["canary", "aA9z", "bB8y"]) expect(answer.text).not.toContain(part);
    expect(await world.control("POST", "/api/v1/ledger/verify", {})).toMatchObject({ result: "PASS" });
  });
});

interface Entry {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
}
