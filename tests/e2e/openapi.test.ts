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
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly example: unknown } } };
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

let world: StartedTollhouse;
/** Ids that the document shows, and what this installation has instead. */
const ids = { decision: "" };
const made = new Map<string, string>();
beforeAll(async () => {
  world = await startedTollhouse();
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "run-42" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await response.text();
  ids.decision = response.headers.get("x-tollhouse-decision") ?? "";
});
afterAll(() => world.stop());

function send(path: string, method: string, operation: Operation, headers: Record<string, string>): Promise<Response> {
  const of = (place: string): (readonly [string, string])[] =>
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === place && parameter.example !== undefined)
      .map(({ name, example }) => [name, String(example)]);
  const real = (id: string): string => made.get(id.slice(0, 4)) ?? ids.decision;
  const target = of("path").reduce((text, [name, id]) => text.replace(`{${name}}`, real(id)), path);
  const query = new URLSearchParams(Object.fromEntries(of("query"))).toString();
  const body = operation.requestBody?.content["application/json"].example;
  return fetch(`${world.url}${target}${query === "" ? "" : `?${query}`}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
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

// In the order of the document: a thing is made before it is read and changed; and removed when all else was asked.
const lastDeleted = operations.toSorted((a, b) => Number(a.method === "DELETE") - Number(b.method === "DELETE"));

test.each(lastDeleted)(
  "$method $path: its example is answered as its schema says",
  async ({ path, method, operation }) => {
    const answer = await send(path, method, operation, { authorization: `Bearer ${TEST_ADMIN_KEY}` });
    const text = await answer.text();
    const described = operation.responses[answer.status];
    expect(answer.ok && described !== undefined, text).toBe(true);
    const schema = described?.content?.["application/json"]?.schema;
    if (schema === undefined) return expect(text).toBe("");
    const body = JSON.parse(text) as { id?: string };
    expect(schemaOf(schema).safeParse(body)).toMatchObject({ success: true });
    if (answer.status === 201 && body.id !== undefined) made.set(body.id.slice(0, 4), body.id);
  },
);

test.each(operations)("$method $path: without a key it is 401, and the problem is as described", async (each) => {
  const answer = await send(each.path, each.method, each.operation, {});
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    401,
    expect.stringContaining("application/problem+json"),
  ]);
  const schema = each.operation.responses["401"]?.content?.["application/problem+json"]?.schema ?? {};
  expect(schemaOf(schema).safeParse(await answer.json())).toMatchObject({ success: true });
});

/** Routes of families that the document does not have. */
const UNDESCRIBED = /^\w+ \/api\/(dashboard\/|v1\/(kill-switches|blocks|sessions)\b)/;

test("every route is described, but for the families named here", () => {
  const described = operations.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`);
  const served = world.tollhouse.controlRoutes.filter((route) => !UNDESCRIBED.test(route));
  expect(served.toSorted()).toEqual(described.toSorted());
});
