import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyMade } from "@tollhouse/contract";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { startRecordingProvider, type ReceivedRequest, type RecordingProvider } from "./recording-provider.ts";
import { rawConnection } from "./raw-http.ts";

// E20: what a caller says about where a call goes and who pays for it. In headers and queries it is dropped, or refused where it
// contradicts; in bodies of providers it is the provider's to read, and changes nothing here; in our own bodies it is refused by name.

const INSTALLED = "sk-of-the-installation-only";
const CANARY = "sk-smuggled-canary-0123456789";

let world: StartedTollhouse;
let provider: RecordingProvider;
/** Where nothing may ever arrive. */
let evil: RecordingProvider;
let key: string;

beforeAll(async () => {
  [provider, evil] = await Promise.all([startRecordingProvider(), startRecordingProvider()]);
  world = await startedTollhouse({
    env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" },
    yaml: `
providers:
  - { name: local, base_url: ${provider.url}/v1, dialect: openai, api_key: ${INSTALLED}, prices: free }
  - { name: google, base_url: ${provider.url}, dialect: gemini, api_key: ${INSTALLED}, prices: free }
`,
  });
  key = (await world.control<KeyMade>("POST", "/api/v1/keys", { name: "caller" })).key;
});
afterAll(async () => {
  expect(evil.received).toEqual([]);
  await world.stop();
  await provider.close();
  await evil.close();
});

const CHAT = '{"model":"m","messages":[{"role":"user","content":"Hi"}]}';
const last = (): ReceivedRequest => provider.received.at(-1) as ReceivedRequest;

async function call(
  headers: Record<string, string>,
  body = CHAT,
  path = "/local/v1/chat/completions",
): Promise<Response> {
  const sent = { "content-type": "application/json", authorization: `Bearer ${key}`, ...headers };
  const response = await fetch(world.url + path, { method: "POST", headers: sent, body });
  await response.arrayBuffer();
  return response;
}

/** Everything of the last request but its body, as one text. */
const lastHead = (): string => `${last().url}\n${JSON.stringify([...last().headers])}`;

describe("headers", () => {
  test("of all credentials that a client sends at once, none goes on: the chosen one stands alone", async () => {
    const four = { "x-api-key": CANARY, "api-key": CANARY, "x-goog-api-key": CANARY, "proxy-authorization": CANARY };
    expect((await call(four)).status).toBe(200);
    expect(last().headers.get("authorization")).toBe(`Bearer ${INSTALLED}`);
    for (const name of Object.keys(four)) expect(last().headers.has(name)).toBe(false);
    expect((await call({ authorization: `Bearer ${CANARY}`, "x-api-key": key })).status).toBe(200);
    expect(lastHead()).not.toContain("canary");
    expect(lastHead()).not.toContain(key);
  });

  test.each([
    "x-base-url",
    "base-url",
    "x-target-url",
    "x-upstream",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-host",
    "x-forwarded-for",
    "forwarded",
    "helicone-target-url",
    "x-portkey-custom-host",
    "x-portkey-api-key",
    "x-litellm-api-key",
    "ocp-apim-subscription-key",
    "x-amz-security-token",
    "x-goog-fieldmask",
    "x-http-method-override",
    "openai-api-key",
    "anthropic-api-key",
    "cookie",
    "x-tollhouse-provider-key",
    "x-tollhouse-tenant",
  ])("%s is dropped", async (name) => {
    expect((await call({ [name]: `${evil.url}/?${CANARY}` })).status).toBe(200);
    expect(last().headers.has(name)).toBe(false);
    expect(lastHead()).not.toContain("canary");
  });

  test.each(["OpenAI-Organization", "OpenAI-Project", "X-Goog-User-Project"])(
    "%s, which chooses whose account pays, is dropped for a key of ours, and said to be",
    async (name) => {
      const answer = await call({ [name]: "org-of-somebody-else" });
      expect([answer.status, answer.headers.get("x-tollhouse-ignored")]).toEqual([200, name.toLowerCase()]);
      expect(lastHead()).not.toContain("somebody-else");
    },
  );

  test("the host of the request changes nothing: the provider's own goes on", async () => {
    const { host } = new URL(evil.url);
    const { port } = new URL(provider.url);
    for (const target of ["/local/v1/chat/completions", `${evil.url}/local/v1/chat/completions`]) {
      const socket = rawConnection(world.url);
      socket.write(
        `POST ${target} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${key}\r\nconnection: close\r\n` +
          `content-type: application/json\r\ncontent-length: ${CHAT.length}\r\n\r\n${CHAT}`,
      );
      const answer = await socket.closed();
      expect(answer).toMatch(/^HTTP\/1\.1 200/);
      expect(last().headers.get("host")).toBe(`127.0.0.1:${port}`);
    }
  });
});

describe("queries", () => {
  test.each([
    "key",
    "$key",
    "%24key",
    "access_token",
    "Access_Token",
    "$access_token",
    "oauth_token",
    "api_key",
    "api-key",
    "subscription-key",
    "userProject",
    "$userProject",
    "quotaUser",
  ])("?%s=… is dropped in each dialect, and what is no credential goes on", async (name) => {
    const query = `a=1&${name}=${CANARY}&b=2`;
    await call({}, '{"contents":[{"parts":[{"text":"Hi"}]}]}', `/google/v1beta/models/m:generateContent?${query}`);
    expect(last().url).toBe("/v1beta/models/m:generateContent?a=1&b=2");
    expect(last().headers.get("x-goog-api-key")).toBe(INSTALLED);
    await call({}, CHAT, `/local/v1/chat/completions?${query}`);
    expect(last().url).toBe("/v1/chat/completions?a=1&b=2");
    expect(last().headers.get("authorization")).toBe(`Bearer ${INSTALLED}`);
  });
});

describe("bodies of providers", () => {
  test("go on byte for byte, whatever they name at any depth, and change neither address nor credential", async () => {
    const smuggled = `{"base_url":"${evil.url}","api_key":"${CANARY}","api_base":"${evil.url}","headers":{"Authorization":"Bearer ${CANARY}"}`;
    const deep = `${smuggled},"n":${smuggled},"n":[${smuggled}}]}}`;
    const body = `{"model":"m","messages":[{"role":"user","content":"Hi","x":${deep}}],"extra":${deep},"base_url":"${evil.url}","provider":"${evil.url}"}`;
    JSON.parse(body);
    expect((await call({}, body)).status).toBe(200);
    expect(last().body).toBe(body);
    expect(last().headers.get("authorization")).toBe(`Bearer ${INSTALLED}`);
    expect(lastHead()).not.toContain("canary");
  });
});

type Schema = { readonly [name: string]: unknown };
interface Operation {
  readonly requestBody?: { readonly content: { readonly "application/json": { schema: Schema; example: unknown } } };
}
const document = JSON.parse(readFileSync(new URL("../../packages/contract/openapi.json", import.meta.url), "utf8")) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};
const withBody = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { requestBody }]) => {
    const content = requestBody?.content["application/json"];
    return content === undefined ? [] : [{ path, method: method.toUpperCase(), ...content }];
  }),
);

/** Where an SDK hands on a provider's own object as it came: usage and model are read from it, and no call is made of it. */
const AS_IT_CAME: ReadonlySet<string> = new Set(["usage", "response", "request", "input"]);
/** The one place where a secret goes in. */
const TAKES_A_SECRET = "PUT /api/v1/provider-keys/{provider}";

/** Every object inside a value, the value itself first, with the path to it. */
function objectsIn(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null || AS_IT_CAME.has(at.at(-1) ?? "")) return [];
  const inner = Object.entries(value).flatMap(([name, part]) => objectsIn(part, [...at, name]));
  return Array.isArray(value) ? inner : [at, ...inner];
}

function withField(value: unknown, at: readonly string[], field: string): unknown {
  const [first, ...rest] = at;
  if (first === undefined) return { ...(value as object), [field]: CANARY };
  if (Array.isArray(value)) return value.map((part, n) => (String(n) === first ? withField(part, rest, field) : part));
  return { ...(value as object), [first]: withField((value as Schema)[first], rest, field) };
}

/** Paths of the object schemas that would take a field that they do not name. */
function openObjects(schema: unknown, at: string, seen: ReadonlySet<string> = new Set()): string[] {
  if (typeof schema !== "object" || schema === null || AS_IT_CAME.has(at.split("/").at(-1) ?? "")) return [];
  const { $ref, type, properties, additionalProperties, ...others } = schema as Schema;
  if (typeof $ref === "string") {
    const name = $ref.split("/").at(-1) as string;
    return seen.has(name) ? [] : openObjects(document.components.schemas[name], at, new Set([...seen, name]));
  }
  const isOpen = type === "object" && additionalProperties !== false;
  const named = Object.entries(properties ?? {}).flatMap(([name, part]) => openObjects(part, `${at}/${name}`, seen));
  const inside = ["items", "anyOf", "oneOf", "allOf"].flatMap((word) =>
    [others[word]].flat().flatMap((part) => openObjects(part, at, seen)),
  );
  return [...(isOpen ? [at] : []), ...named, ...inside];
}

describe("our own bodies", () => {
  test.each(withBody)("$method $path: no object in it takes a field that it does not name", ({ schema, path }) => {
    expect(openObjects(schema, path)).toEqual([]);
  });

  test.each(withBody)(
    "$method $path: an address or a credential beside its fields is refused by name",
    async (each) => {
      const { path, method, example } = each;
      const url = world.url + path.replaceAll(/\{\w+\}/g, "openai");
      const fields = ["base_url", "api_key", "apiKey", "Authorization", "x-goog-api-key", "organization", "headers"];
      for (const at of objectsIn(example ?? {}))
        for (const field of fields) {
          if (`${method} ${path}` === TAKES_A_SECRET && field === "api_key") continue;
          const response = await fetch(url, {
            method,
            headers: { "content-type": "application/json", authorization: `Bearer ${TEST_ADMIN_KEY}` },
            body: JSON.stringify(withField(example ?? {}, at, field)),
          });
          const text = await response.text();
          const named = expect.objectContaining({
            field: [...at, field].join("."),
            problem: "unknown field",
          }) as unknown;
          expect([response.status, JSON.parse(text)], `${field} at /${at.join("/")}`).toMatchObject([
            400,
            { errors: [named] },
          ]);
          expect(text).not.toContain("canary");
        }
    },
  );
});
