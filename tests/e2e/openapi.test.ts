import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// The document of the control API against the running server: every example it shows is sent as it stands there, and what
// comes back is held against the schema it shows, read from the document alone.

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
  readonly requestBody?: { readonly content: { readonly "application/json"?: { readonly example: unknown } } };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

const committed = readFileSync(new URL("../../packages/contract/openapi.json", import.meta.url), "utf8");
const document = JSON.parse(committed) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);
const keyed = operations.filter(({ operation }) => operation.security === undefined);
/** Of anybody, or of a session alone: without one they say so. */
const open = operations.filter(({ operation }) => operation.security !== undefined);

let world: StartedTollhouse;
/** Ids that the document shows, and what this installation has instead. */
const ids = { decision: "" };
const made = new Map<string, string>();
beforeAll(async () => {
  world = await startedTollhouse();
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "run-42", "x-user-id": "user-42" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await response.text();
  // The call that is asked for is one that an SDK logged, so that its texts can be read too.
  await world.control("PUT", "/api/v1/payload-logging", { enabled: true });
  const logged = await fetch(`${world.url}/sdk/log`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "run-42" },
    body: JSON.stringify({
      provider: "openai",
      model: "gpt-4o-mini",
      request: "Hi",
      response: "Hello",
      usage: { prompt_tokens: 10, completion_tokens: 5 },
    }),
  });
  ids.decision = ((await logged.json()) as { decision_id: string }).decision_id;
});
afterAll(() => world.stop());

/** Names of things that this installation made stand for those of the document. */
function real(id: string): string {
  const prefix = /^[a-z]+_/.exec(id)?.[0] ?? "";
  // What is named by those who make it has the name of the document here too.
  if (prefix === "") return id;
  return prefix === "dec_" ? ids.decision : (made.get(prefix) ?? id);
}

interface Sent {
  readonly headers?: Record<string, string>;
  readonly query?: Record<string, string>;
  readonly body?: object;
}

const admin = { authorization: `Bearer ${TEST_ADMIN_KEY}` };

function send({ path, method, operation }: (typeof operations)[number], more: Sent): Promise<Response> {
  const of = (place: string): (readonly [string, string])[] =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === place && parameter.example !== undefined)
      .map(({ name, example }) => [name, String(example)]);
  const target = of("path").reduce((text, [name, id]) => text.replace(`{${name}}`, real(id)), path);
  const query = new URLSearchParams({ ...Object.fromEntries(of("query")), ...more.query }).toString();
  const example = operation.requestBody?.content["application/json"]?.example;
  const body = more.body === undefined ? example : { ...(example as object), ...more.body };
  return fetch(`${world.url}${target}${query === "" ? "" : `?${query}`}`, {
    method,
    headers: { ...more.headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

function schemaOf(schema: object): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(
    JSON.parse(whole.replaceAll("#/components/schemas/", "#/$defs/")) as z.core.JSONSchema.JSONSchema,
  );
}

test("the document is served without a key, byte for byte as it is committed", async () => {
  const answer = await fetch(`${world.url}/api/openapi.json`);
  expect([answer.status, await answer.text()]).toEqual([200, committed]);
});

// Before there is a second tenant, whose traffic nobody may read off the metrics.
test.each(open)("$method $path: it is answered to anybody, as described", async (each) => {
  const answer = await send(each, {});
  const content = Object.entries(each.operation.responses[answer.status]?.content ?? {});
  const [[type, { schema }]] = content as [[string, { schema: object }]];
  expect(answer.headers.get("content-type")).toContain(type);
  const body: unknown = type.endsWith("json") ? await answer.json() : await answer.text();
  expect(schemaOf(schema).safeParse(body)).toMatchObject({ success: true });
});

test.each(keyed)("$method $path: what it does not know is refused by name", async (each) => {
  const answer = await send(each, { headers: admin, query: { surplus: "1" } });
  expect([answer.status, await answer.json()]).toMatchObject([400, { errors: [{ field: "surplus" }] }]);
  if (each.method === "GET") return;
  const body = await send(each, { headers: admin, body: { surplus: 1 } });
  expect([body.status, await body.json()]).toMatchObject([
    400,
    { errors: expect.arrayContaining([{ field: "surplus", problem: "unknown field" }]) },
  ]);
});

// In the order of the document: a thing is made before it is read and changed; and removed when all else was asked, the last made first,
// because others stand on what was made before them.
const lastDeleted = [
  ...keyed.filter(({ method }) => method !== "DELETE"),
  ...keyed.filter(({ method }) => method === "DELETE").toReversed(),
];

test.each(lastDeleted)("$method $path: its example is answered as its schema says", async (each) => {
  const { operation } = each;
  if (operation.parameters?.some(({ name }) => name === "If-Match") === true) {
    const stale = await send(each, { headers: { ...admin, "if-match": '"999999"' } });
    expect([stale.status, await stale.json()]).toMatchObject([412, { reason_code: "PRECONDITION_FAILED" }]);
  }
  const answer = await send(each, { headers: admin });
  const text = await answer.text();
  const described = operation.responses[answer.status];
  expect(answer.ok && described !== undefined, text).toBe(true);
  const [type, content] = Object.entries(described?.content ?? {})[0] ?? [];
  if (type === undefined || content === undefined) return expect(text).toBe("");
  const { schema } = content;
  expect(answer.headers.get("content-type")).toContain(type);
  if (type !== "application/json") return expect(schemaOf(schema).safeParse(text)).toMatchObject({ success: true });
  const body = JSON.parse(text) as { id?: string };
  expect(schemaOf(schema).safeParse(body)).toMatchObject({ success: true });
  if ([201, 202].includes(answer.status) && body.id !== undefined)
    made.set(/^[a-z]+_/.exec(body.id)?.[0] ?? "", body.id);
});

test.each(keyed)("$method $path: without a key it is 401, and the problem is as described", async (each) => {
  const answer = await send(each, {});
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    401,
    expect.stringContaining("application/problem+json"),
  ]);
  const schema = each.operation.responses["401"]?.content?.["application/problem+json"]?.schema ?? {};
  expect(schemaOf(schema).safeParse(await answer.json())).toMatchObject({ success: true });
});

test("every route is described", () => {
  const described = operations
    .filter(({ path, operation }) => path.startsWith("/api/") && operation.operationId !== "getOpenApi")
    .map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`);
  expect(world.tollhouse.controlRoutes.toSorted()).toEqual(described.toSorted());
});
