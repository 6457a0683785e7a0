import { ENDPOINTS, type Endpoint } from "@tollhouse/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { createPages } from "../../apps/server/src/process/pages.ts";
import { Random } from "../chaos/random.ts";
import { LONG, SEED } from "../chaos/rounds.ts";
import { rawConnection } from "./raw-http.ts";

// E17: every route there is, asked by somebody who may not: without credentials or with wrong ones, by odd hosts, paths, methods and
// encodings. The routes of the control API are those that its router has; an endpoint of the gateway without a row here fails.

const COMBINATIONS = LONG ? 20_000 : 4_000;

/** A path of each endpoint of the gateway. */
const GATEWAY: { readonly [E in Endpoint]: readonly string[] } = {
  chat_completions: ["POST /v1/chat/completions", "POST /openai/v1/chat/completions"],
  completions: ["POST /v1/completions"],
  embeddings: ["POST /v1/embeddings"],
  responses: ["POST /v1/responses"],
  images_generations: ["POST /v1/images/generations"],
  audio_speech: ["POST /v1/audio/speech"],
  audio_transcriptions: ["POST /v1/audio/transcriptions"],
  audio_translations: ["POST /v1/audio/translations"],
  moderations: ["POST /v1/moderations"],
  models: ["GET /v1/models", "GET /v1/models/gpt-4o-mini"],
  messages: ["POST /v1/messages", "POST /anthropic/v1/messages"],
  count_tokens: ["POST /v1/messages/count_tokens", "POST /v1beta/models/gemini-2.5-flash:countTokens"],
  generate_content: [
    "POST /v1beta/models/gemini-2.5-flash:generateContent",
    "POST /v1beta/models/gemini-2.5-flash:streamGenerateContent",
    "POST /gemini/v1beta/models/gemini-2.5-flash:generateContent",
  ],
  embed_content: ["POST /v1beta/models/gemini-embedding-001:embedContent"],
  batch_embed_contents: ["POST /v1beta/models/gemini-embedding-001:batchEmbedContents"],
};

/** What answers without a key, and why it may. */
const PUBLIC: Readonly<Record<string, string>> = {
  "/health": "a load balancer has no key; it says that the process runs, and its version",
  "/ready": "a load balancer has no key; it says what the node waits for",
  "/metrics": "sums of this node, without any tenant's name",
  "/api/openapi.json": "the description of the API, as it is published",
  "/": "a page that says how to point a client here",
  "/dashboard": "the page alone: what it shows is asked for with a key",
  "/dashboard/": "the same, and the scripts it is made of",
};

/** Routes of the control API that answer without a key: what signs a member in, and nothing else. */
const OPEN: Readonly<Record<string, string>> = {
  "GET /api/sign-in": "which ways to sign in there are",
  "POST /api/sign-in/owner": "carries the admin key in its body, once",
  "POST /api/sign-in/password": "carries a password",
  "POST /api/sign-in/invitation": "carries a one-time text",
  "GET /api/sign-in/oidc": "a browser goes to the identity provider",
  "GET /api/sign-in/oidc/callback": "a browser comes back with what the provider says of it",
  "GET /api/sign-in/saml": "a browser goes to the identity provider",
  "POST /api/sign-in/saml/callback": "a browser comes back with what the provider says of it, from the provider's page",
  "GET /api/sign-in/saml/metadata": "what the identity provider must know: our address",
};

interface Shape {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  readonly host: string | null;
  readonly body: string;
}

let world: StartedTollhouse;
let open: StartedTollhouse;
let routes: readonly Shape[] = [];
let adminEntries = 0;
const noLimits = { TOLLHOUSE_CONTROL_FAILURES_PER_MINUTE: "0" };
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required", ...noLimits } });
  open = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "open", ...noLimits } });
  const { key, id } = await world.control<{ key: string; id: string }>("POST", "/api/v1/keys", { name: "gone" });
  await world.control("DELETE", `/api/v1/keys/${id}`);
  CREDENTIALS.push([`authorization: Bearer ${key}`], [`x-api-key: ${key}`]);
  const closed = world.tollhouse.controlRoutes.filter((route) => OPEN[route] === undefined);
  routes = [...closed, ...Object.values(GATEWAY).flat()].map((route) => {
    const [method = "", path = ""] = route.split(" ");
    return shape(method, path.replaceAll(/:(?:id|[a-z_]+)(?=\/|$)/g, "lim_1"));
  });
  await world.recorded();
  adminEntries = await changesOf(world);
});
afterAll(async () => {
  await world.stop();
  await open.stop();
});

function shape(method: string, path: string): Shape {
  const body = method === "GET" || method === "HEAD" ? "" : "{}";
  return { method, path, headers: [], host: "127.0.0.1", body };
}

async function changesOf({ database }: StartedTollhouse): Promise<number> {
  const { rows } = await database.db.query<{ n: bigint }>("SELECT count(*) AS n FROM ledger_entries WHERE type = 7");
  return Number(rows[0]?.n);
}

/** The status; 0 where the connection was closed without an answer. */
async function ask(to: StartedTollhouse, { method, path, headers, host, body }: Shape): Promise<number> {
  const framing = headers.some((header) => header.startsWith("transfer-encoding"))
    ? []
    : [`content-length: ${Buffer.byteLength(body)}`];
  const head = [
    `${method} ${path} HTTP/1.1`,
    ...(host === null ? [] : [`host: ${host}`]),
    "content-type: application/json",
    ...framing,
    ...headers,
    "connection: close",
  ];
  const connection = rawConnection(to.url);
  connection.write(Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1"));
  const text = await connection.closed();
  expect(text).not.toContain(TEST_ADMIN_KEY);
  return text === "" ? 0 : Number(text.split(" ")[1]);
}

const WRONG = "th_admin_for_tests_onlx";
const CREDENTIALS: (readonly string[])[] = [
  [],
  ["authorization: Bearer"],
  ["authorization: Bearer "],
  [`authorization: Bearer ${WRONG}`],
  [`authorization: ${WRONG}`],
  [`authorization: Basic ${Buffer.from(`admin:${TEST_ADMIN_KEY}`).toString("base64")}`],
  [`authorization: Bearer ${TEST_ADMIN_KEY}x`],
  [`authorization: Bearer ${TEST_ADMIN_KEY.slice(0, -1)}`],
  [`authorization: Bearer ${TEST_ADMIN_KEY.toUpperCase()}`],
  [`x-api-key: ${WRONG}`],
  [`x-goog-api-key: ${WRONG}`],
  [`api-key: ${WRONG}`],
  [`cookie: key=${TEST_ADMIN_KEY}; authorization=Bearer ${TEST_ADMIN_KEY}`],
  [`proxy-authorization: Bearer ${TEST_ADMIN_KEY}`],
  ["x-forwarded-for: 127.0.0.1", "x-real-ip: 127.0.0.1", "forwarded: for=127.0.0.1;host=localhost"],
  ["x-original-url: /health", "x-rewrite-url: /health", "x-http-method-override: GET"],
];

const PATHS: readonly ((path: string) => string)[] = [
  (path) => `/${path}`,
  (path) => path.replaceAll("/", "//"),
  (path) => path.replaceAll("/", "/./"),
  (path) => `/health/..${path}`,
  (path) => `/x/../${path.slice(1)}`,
  (path) => `${path}/`,
  (path) => `${path}/.`,
  (path) => `${path}.`,
  (path) => `${path}%00`,
  (path) => `${path}%00/health`,
  (path) => `${path};a=b`,
  (path) => `${path}.json`,
  (path) => `${path}%20`,
  (path) => path.replace(/(?<=.)\//g, "%2f"),
  (path) => path.replace(/(?<=.)\//g, "%252f"),
  (path) => path.replace(/(?<=.)\//g, "\\"),
  (path) => path.replaceAll("/", "/%2e/"),
  (path) => `/%2e%2e${path}`,
  (path) => path.toUpperCase(),
  (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  (path) => `${path}%zz`,
  (path) => `${path}%ff`,
  (path) => `${path}#/health`,
  (path) => `${path}?key=${WRONG}`,
  (path) => `${path}?authorization=Bearer%20${TEST_ADMIN_KEY}&access_token=${TEST_ADMIN_KEY}`,
  (path) => `http://127.0.0.1${path}`,
  (path) => `http://evil.example${path}`,
  (path) => `HTTP://localhost:8787${path}`,
  (path) => path.slice(1),
  () => "*",
];

const METHODS = [
  "GET",
  "POST",
  "PUT",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "PROPFIND",
  "SEARCH",
  "get",
  "pOST",
];
const HOSTS = ["", "evil.example", "127.0.0.1.evil.example", "localhost:1", "LOCALHOST", "a b", "@", "2130706433"];
const ENCODINGS: readonly (readonly string[])[] = [
  ["content-encoding: gzip"],
  ["content-type: text/plain"],
  ["content-type: application/x-www-form-urlencoded"],
  ["content-type: application/json; charset=utf-16"],
  ["accept-encoding: *;q=0", "accept: image/png"],
  ["transfer-encoding: gzip"],
  [
    "upgrade: websocket",
    "connection: upgrade",
    "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version: 13",
  ],
  ["expect: 417-please"],
  ["if-match: *", "range: bytes=0-", "te: trailers"],
];

/** What HTTP itself makes of an odd request, whoever it comes from. */
function byHttp({ method, path, headers, host }: Shape): readonly number[] {
  const answers: number[] = [];
  // No such method, no such target, no such framing: the parser refuses before any of our code is asked.
  if (!METHODS.slice(0, -2).includes(method)) answers.push(400, 0);
  if (!path.startsWith("/") || path.includes("\\")) answers.push(400);
  if (host === null || headers.includes("transfer-encoding: gzip")) answers.push(400, 0);
  // An expectation that nobody can meet.
  if (headers.some((header) => header.startsWith("expect: 417"))) answers.push(417);
  return answers;
}

/** A path of the gateway with another method is told which one it takes: the paths are public knowledge, and nothing was asked. */
function isGateway(path: string): boolean {
  return !path.startsWith("/api/");
}

/** So many at once: each is a connection of its own. */
const AT_ONCE = 25;

async function forEach<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < all.length; i += AT_ONCE) await Promise.all(all.slice(i, i + AT_ONCE).map(work));
}

function everyRouteRefuses(odd: (route: Shape) => readonly Shape[]): Promise<void> {
  const all = routes.flatMap((route) => odd(route).map((shape) => [shape, route] as const));
  return forEach(all, ([shape, route]) => expectRefused(shape, route));
}

async function expectRefused(odd: Shape, plain: Shape): Promise<void> {
  const status = await ask(world, odd);
  const allowed = [401, 403, 404, ...byHttp(odd), ...(isGateway(plain.path) ? [405] : [])];
  expect(allowed, `${odd.method} ${odd.path} ${odd.host} ${odd.headers.join(" | ")}: ${status}`).toContain(status);
}

test("every endpoint of the gateway has a row", () => {
  expect(Object.keys(GATEWAY).toSorted()).toEqual([...ENDPOINTS].toSorted());
  expect(routes.length).toBeGreaterThan(world.tollhouse.controlRoutes.length - Object.keys(OPEN).length);
});

test("what is open to anybody is named here, and without what it asks for it signs nobody in", async () => {
  const open = world.tollhouse.controlRoutes.filter((route) => route.includes("/api/sign-in"));
  expect(open.toSorted()).toEqual(Object.keys(OPEN).toSorted());
  for (const route of open) {
    const [method = "", path = ""] = route.split(" ");
    expect([route, await ask(world, shape(method, path))]).toEqual([
      route,
      path.endsWith("/sign-in") ? 200 : method === "GET" ? 404 : 400,
    ]);
    for (const odd of PATHS) {
      const status = await ask(world, { ...shape(method, path), path: odd(path) });
      // The path as it is, with something behind it that is no part of it.
      expect([200, 400, 401, 403, 404], `${odd(path)}: ${status}`).toContain(status);
    }
  }
});

describe("every route, one thing odd", () => {
  test("without credentials or with wrong ones: 401", async () => {
    const all = routes.flatMap((route) => CREDENTIALS.map((headers) => ({ ...route, headers })));
    await forEach(all, async (asked) => {
      const { method, path, headers } = asked;
      expect([method, path, headers, await ask(world, asked)]).toEqual([method, path, headers, 401]);
    });
  });

  test("odd paths: refused, whatever they are taken for", async () => {
    await everyRouteRefuses((route) => PATHS.map((odd) => ({ ...route, path: odd(route.path) })));
  });

  test("odd methods", async () => {
    await everyRouteRefuses((route) => METHODS.map((method) => ({ ...route, method })));
    await forEach(routes, async (route) => expect(await ask(world, { ...route, method: "CONNECT", body: "" })).toBe(0));
  });

  test("odd hosts", async () => {
    await everyRouteRefuses((route) => [...HOSTS, null].map((host) => ({ ...route, host })));
  });

  test("odd encodings", async () => {
    await everyRouteRefuses((route) => ENCODINGS.map((headers) => ({ ...route, headers })));
  });
});

test(`${COMBINATIONS} combinations of everything odd: refused`, { timeout: LONG ? 600_000 : 60_000 }, async () => {
  const random = new Random(SEED);
  const all = Array.from({ length: COMBINATIONS }, () => {
    const route = random.pick(routes);
    const headers = [...random.pick(CREDENTIALS), ...(random.next() < 0.5 ? random.pick(ENCODINGS) : [])];
    const path = random.next() < 0.7 ? random.pick(PATHS)(route.path) : route.path;
    const method = random.next() < 0.5 ? random.pick(METHODS) : route.method;
    return [{ ...route, headers, path, method, host: random.pick(["127.0.0.1", ...HOSTS]) }, route] as const;
  });
  await forEach(all, ([odd, plain]) => expectRefused(odd, plain));
});

test("in open mode another site's name gets nothing of any route or page, whatever else it says", async () => {
  const elsewhere = HOSTS.filter((name) => !/^localhost/i.test(name));
  const all = [...routes, ...Object.keys(PUBLIC).map((path) => shape("GET", path))].flatMap((route) =>
    elsewhere.flatMap((host) =>
      [[], [`authorization: Bearer ${TEST_ADMIN_KEY}`]].map((headers) => ({ ...route, host, headers })),
    ),
  );
  await forEach(all, async (asked) =>
    expect([asked.path, asked.host, await ask(open, asked)]).toEqual([asked.path, asked.host, 403]),
  );
});

describe("the pages without a key", () => {
  const pages = createPages({
    version: "",
    waitingFor: () => [],
    metrics: () => Promise.resolve(""),
    metricsType: "",
    address: () => "",
    openApi: () => "",
  });

  test("are those that are named here, each with its reason", () => {
    expect([...pages.keys()].toSorted()).toEqual(Object.keys(PUBLIC).toSorted());
  });

  test("are read, and nothing else", async () => {
    for (const path of pages.keys()) {
      // From source there is no build of the dashboard, or there is one: then the root leads to it.
      expect([path === "/" ? [200, 302] : [200], path]).toEqual([
        expect.arrayContaining([await ask(world, shape("GET", path))]),
        path,
      ]);
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
        expect([path, method, await ask(world, shape(method, path))]).toEqual([path, method, 405]);
    }
  });
});

test("none of it reached a provider, changed anything, or was a bug of ours", async () => {
  await world.recorded();
  expect([world.simulator.calls(), open.simulator.calls()]).toEqual([0, 0]);
  expect(await changesOf(world)).toBe(adminEntries);
});
