import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { Random } from "../chaos/random.ts";
import { LONG, SEED } from "../chaos/rounds.ts";
import { hostileBody, hostileString } from "./hostile-strings.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";
import { until } from "./side-by-side.ts";

// E21: hostile texts in every place of every endpoint that the OpenAPI document describes: ids, filters, cursors, headers, bodies.

const REQUESTS = LONG ? 100_000 : 2_000;
const AT_ONCE = 16;

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: string | number }[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly example: unknown } } };
  readonly responses: Record<string, object>;
}
interface Described {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const text = readFileSync(new URL("../../packages/contract/openapi.json", import.meta.url), "utf8");
const { paths } = JSON.parse(text) as { readonly paths: Record<string, Record<string, Operation>> };
const described: readonly Described[] = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => operation.security === undefined)
    .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);

let world: StartedTollhouse;
/** Things that are there, so that a hostile field is not saved by a missing thing. */
let ids: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0" } });
  ids = await thingsThatAreThere();
});
afterAll(() => world.stop());

async function thingsThatAreThere(): Promise<Record<string, string>> {
  const called = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "run-42" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await called.text();
  const made: Record<string, string> = { dec_: called.headers.get("x-tollhouse-decision") ?? "" };
  for (const { method, path, operation } of described) {
    if (method !== "POST" || path.includes("{") || operation.responses["201"] === undefined) continue;
    const { id } = await world.control<{ id?: string }>("POST", path, exampleOf(operation));
    if (id !== undefined && prefixOf(id) !== "") made[prefixOf(id)] = id;
  }
  return made;
}

function exampleOf(operation: Operation): unknown {
  return operation.requestBody?.content["application/json"].example;
}

function prefixOf(id: string): string {
  return /^[a-z]+_/.exec(id)?.[0] ?? "";
}

interface Asked {
  readonly method: string;
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

/** An example of the document with one place, or several, made hostile. */
function hostile(random: Random, { method, path, operation }: Described): Asked {
  const of = (place: string): [string, string][] =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === place)
      .map(({ name, example = "" }) => [name, ids[prefixOf(String(example))] ?? String(example)]);
  const spoilt = (chance: number, value: string): string => (random.next() < chance ? hostileString(random) : value);
  const target = of("path").reduce(
    (whole, [name, value]) => whole.replace(`{${name}}`, () => encoded(spoilt(0.4, value))),
    path,
  );
  const query = of("query").filter(() => random.next() < 0.6);
  if (random.next() < 0.1) query.push([hostileString(random), hostileString(random)]);
  const pairs = query.map(([name, value]) => `${encoded(name)}=${encoded(spoilt(0.6, value))}`);
  const example = exampleOf(operation);
  const body = example === undefined ? (random.next() < 0.1 ? {} : null) : example;
  const tag = hostileString(random).replace(/[^\x20-\x7e\x80-\xff]/g, "");
  return {
    method,
    // No longer than a request line may be.
    target: `${target}${pairs.length === 0 ? "" : `?${pairs.join("&")}`}`.slice(0, 12_000),
    headers: random.next() < 0.2 ? { "if-match": tag } : {},
    body:
      body === null || method === "GET"
        ? null
        : JSON.stringify(random.next() < 0.85 ? hostileBody(random, body) : body),
  };
}

/** As a browser encodes it, or, where that cannot be (half a pair), raw bytes. */
function encoded(value: string): string {
  return value.isWellFormed() ? encodeURIComponent(value) : encodeURIComponent(value.toWellFormed()) + "%ed%a0%80";
}

async function ask({ method, target, headers, body }: Asked): Promise<{ status: number; type: string; text: string }> {
  const answer = await fetch(new URL(world.url).origin + target, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...headers,
      ...(body !== null && { "content-type": "application/json" }),
    },
    body,
  });
  return { status: answer.status, type: answer.headers.get("content-type") ?? "", text: await answer.text() };
}

async function rollbacks(): Promise<number> {
  // What a session counted is told when it is idle; ours are told at once.
  await world.database.db.query("SELECT pg_stat_force_next_flush()");
  const { rows } = await world.database.db.query<{ n: bigint }>(
    "SELECT xact_rollback AS n FROM pg_stat_database WHERE datname = current_database()",
  );
  return Number(rows[0]?.n);
}

test(
  `${REQUESTS} hostile requests over every endpoint: no SQL error, no answer of 5xx, each refusal a problem that says which field`,
  { timeout: LONG ? 1_800_000 : 120_000 },
  async () => {
    const random = new Random(SEED);
    const rolledBack = await rollbacks();
    const statuses = new Map<number, number>();
    // Changes of members are looked at inside their transaction, which is taken back where they are refused.
    let takenBack = 0;
    for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
      const asked = Array.from({ length: AT_ONCE }, (_, i) => {
        // Each endpoint in its turn, so that none is left to chance.
        const each = described[(sent + i) % described.length] as Described;
        return [each, hostile(random, each)] as const;
      });
      await Promise.all(
        asked.map(async ([each, request]) => {
          const answer = await ask(request);
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          if (answer.status > 400 && /^\/api\/(v1\/members|sign-in\/)/.test(each.path)) takenBack += 1;
          const said = `${JSON.stringify(request)}: ${answer.status} ${answer.text.slice(0, 500)}`;
          // A hostile id can be no id at all, so that the path is another one, or none.
          const expected = [...Object.keys(each.operation.responses).map(Number), 404, 405];
          expect(answer.status < 500 && expected.includes(answer.status), said).toBe(true);
          if (answer.status >= 400) expect(answer.type, said).toContain("application/problem+json");
          if (answer.status === 400)
            expect(JSON.parse(answer.text), said).toMatchObject({ reason_code: expect.any(String) });
          expect(answer.text, said).not.toMatch(
            /invalid input syntax|syntax error at|relation "|\bat \w+ \(|node_modules/,
          );
        }),
      );
    }
    await world.recorded();
    expect(await rollbacks()).toBeLessThanOrEqual(rolledBack + takenBack);
    // It was no wall that refused them all: some are right, and most are wrong in what they say.
    expect(statuses.get(400)).toBeGreaterThan(REQUESTS / 4);
    expect(statuses.get(200) ?? 0).toBeGreaterThan(REQUESTS / 50);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(await world.control("POST", "/api/v1/ledger/verify", {})).toMatchObject({ result: "PASS" });
  },
);

test("U+0000, which no text of PostgreSQL has, is refused in every parameter of every endpoint; in a path it names nothing", async () => {
  for (const { method, path, operation } of described)
    for (const { name, in: place } of operation.parameters ?? []) {
      if (place === "header") continue;
      const target = path.replaceAll(/\{(\w+)\}/g, (_, other: string) => (other === name ? "a%00b" : "x"));
      const body = method === "GET" ? null : JSON.stringify(exampleOf(operation) ?? {});
      const query = place === "query" ? `?${encoded(name)}=a%00b` : "";
      const answer = await ask({ method, target: target + query, headers: {}, body });
      const reads = method === "GET" || method === "DELETE";
      const expected = place === "path" && reads ? 404 : 400;
      expect([method, path, name, answer.status]).toEqual([method, path, name, expected]);
    }
});

const takesBody = described.filter(({ operation }) => exampleOf(operation) !== undefined);

describe.each(takesBody)("$method $path", (each) => {
  const target = (): string =>
    (each.operation.parameters ?? [])
      .filter((parameter) => parameter.in === "path")
      .reduce(
        (whole, { name, example }) => whole.replace(`{${name}}`, ids[prefixOf(String(example))] ?? "x"),
        each.path,
      );
  const post = (body: string): ReturnType<typeof ask> =>
    ask({ method: each.method, target: target(), headers: {}, body });

  test.each([
    ["__proto__", '{"__proto__":{"polluted":true}}'],
    ["constructor.prototype", '{"constructor":{"prototype":{"polluted":true}}}'],
    ["arrays 10,000 deep", `${"[".repeat(10_000)}${"]".repeat(10_000)}`],
    ["objects 10,000 deep", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
    ["100,000 keys", `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":1`).join(",")}}`],
    ["a number of 100,000 digits", `{"amount":${"9".repeat(100_000)}}`],
    ["no JSON", "{"],
    ["no object", '"x"'],
    ["an array", "[]"],
    ["two documents", "{}{}"],
    ["half a pair", '{"scope":"\\ud800"}'],
  ])("refuses %s with 400, in few words", async (_, body) => {
    const answer = await post(body);
    expect([answer.status, answer.type], answer.text.slice(0, 300)).toEqual([
      400,
      expect.stringContaining("application/problem+json"),
    ]);
    expect(answer.text.length).toBeLessThan(16_384);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("refuses a million keys with 413", async () => {
    const answer = await post(`{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":1`).join(",")}}`);
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { reason_code: "REQUEST_TOO_LARGE" }]);
  });
});

test("100 MiB, declared or in chunks, are refused with 413 and never held", async () => {
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  const before = process.memoryUsage().rss;
  let most = 0;
  for (const framing of [`content-length: ${100 * chunk.length}`, "transfer-encoding: chunked"]) {
    const connection = rawConnection(world.url);
    connection.write(rawRequest("/api/v1/limits", [framing, `authorization: Bearer ${TEST_ADMIN_KEY}`], ""));
    const chunked = framing.startsWith("transfer");
    for (let sent = 0; sent < 100 && !connection.socket.destroyed; sent++) {
      if (chunked) connection.write("100000\r\n");
      const drained = connection.socket.write(chunk);
      if (chunked) connection.write("\r\n");
      if (!drained)
        await until(
          "the server reads on or closes",
          () => !connection.socket.writableNeedDrain || connection.socket.destroyed,
        );
      most = Math.max(most, process.memoryUsage().rss);
    }
    connection.socket.end();
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 413 [^]*REQUEST_TOO_LARGE/);
  }
  expect(most - before).toBeLessThan(100 * 1024 * 1024);
});

test("a head of 100 kB is refused by HTTP itself, and the next request is served", async () => {
  for (const headers of [[`if-match: ${"x".repeat(100_000)}`], [`authorization: Bearer ${"x".repeat(100_000)}`]]) {
    const connection = rawConnection(world.url);
    connection.write(rawRequest("/api/v1/limits", headers, "", "GET"));
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 431 /);
  }
  expect((await ask({ method: "GET", target: "/api/v1/limits", headers: {}, body: null })).status).toBe(200);
});
