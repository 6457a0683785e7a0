import { CODES } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints/table.ts";
import { openApiText, openApiDocument } from "./openapi.ts";
import { PUBLIC_PATHS } from "./public-paths.ts";

interface Media {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: Record<string, { value: { reason_code: string; status: number } }>;
}
interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly summary: string;
  readonly tags: string[];
  readonly parameters?: { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Media> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly tags: readonly { readonly name: string }[];
  readonly components: { readonly schemas: Record<string, object> };
}

const document = JSON.parse(openApiText()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

/** What is kept without a version, and why nothing is lost by it. */
const UNVERSIONED: Readonly<Record<string, string>> = {
  deleteKillSwitch: "a kill switch is never changed, only made and lifted",
  deleteKillSwitchEverywhere: "as one kill switch: it names a scope, and lifts what stands on it",
  assignUserPlan: "one value that is put as a whole: nothing of another's change can be lost half",
  unassignUserPlan: "as assignUserPlan",
  assignCustomerPlan: "as assignUserPlan",
  unassignCustomerPlan: "as assignUserPlan",
  eraseUser: "a user has no version, and whoever is gone is gone",
  putView: "a view is its owner's alone, and is put as a whole",
  deleteView: "as putView",
  deleteBlock: "an entry of the blocklist is never changed, only made and lifted",
};

describe.each(operations)("$name", ({ path, operation }) => {
  test("has an id of its own, a summary that ends, and tags that are explained", () => {
    expect(operations.filter((other) => other.operation.operationId === operation.operationId)).toHaveLength(1);
    expect(operation.summary).toMatch(/^[A-Z].*[.?]$/);
    expect(document.tags.map(({ name }) => name)).toEqual(expect.arrayContaining(operation.tags));
    expect(operation.tags).toHaveLength(1);
  });

  test("declares every parameter of its path, and no other", () => {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(declared.map(({ name }) => name)).toEqual(inPath);
  });

  test("shows an example of every body that it takes or answers with", () => {
    const answers = Object.values(operation.responses).flatMap(({ content = {} }) => Object.values(content));
    const bodies = [...Object.values(operation.requestBody?.content ?? {}), ...answers];
    // As CSV and NDJSON it is the JSON answer, a line for each row.
    const shown = bodies.filter(({ schema }) => (schema as { type?: string }).type !== "string");
    for (const media of shown) expect(media.example ?? media.examples).toBeDefined();
  });

  test("describes its errors as RFC 9457 problems under the status that each code has", () => {
    if (operation.security === undefined)
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["401", "403", "429", "500"]));
    for (const [status, { content }] of Object.entries(operation.responses).filter(
      ([code]) => Number(code) >= 400 && operation.security === undefined,
    )) {
      const media = content?.["application/problem+json"];
      expect(media?.schema).toEqual({ $ref: "#/components/schemas/Problem" });
      for (const [code, { value }] of Object.entries(media?.examples ?? {})) {
        expect([value.reason_code, value.status]).toEqual([code, Number(status)]);
        expect(CODES[code as keyof typeof CODES].status).toBe(Number(status));
      }
    }
  });
});

describe("the document", () => {
  test("is OpenAPI 3.1, and has as many operations as there are endpoints and public pages", () => {
    expect(document.openapi).toBe("3.1.1");
    expect(operations).toHaveLength(ENDPOINTS.length + Object.keys(PUBLIC_PATHS).length);
  });

  test("says of every subject what it is, and of no other", () => {
    const used = new Set(operations.flatMap(({ operation }) => operation.tags));
    // Calls themselves are described by their providers.
    expect([...used, "gateway"].toSorted()).toEqual(document.tags.map(({ name }) => name).toSorted());
  });

  test("has no component that nothing refers to, and refers to none that is missing", () => {
    const referred = [...openApiText().matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect([...new Set(referred)].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
    expect(openApiText()).not.toContain("$defs");
  });

  test("two schemas of one name stop it", () => {
    const asked = endpoint({ ...ENDPOINTS[0]!, answer: z.object({ a: z.string() }).meta({ id: "Problem" }) });
    expect(() => openApiDocument([asked], "1")).toThrow("two schemas are called Problem");
  });
});

describe("a lost update is refused", () => {
  const changing = ENDPOINTS.filter(({ method }) => method === "PUT" || method === "DELETE");
  const byName = changing.map((each) => [`${each.method} ${each.path}`, each] as const);

  test.each(byName)("%s takes If-Match, or says why it needs none", (_, each) => {
    const versioned = each.ifMatch === true && each.errors.includes("PRECONDITION_FAILED");
    expect(versioned).toBe(UNVERSIONED[each.operationId] === undefined);
  });

  test.each(byName)("%s: whoever reads or changes it is told its version", (_, { path, ifMatch }) => {
    const same = ENDPOINTS.filter((other) => other.path === path && other.answer !== undefined && ifMatch === true);
    expect(same.filter(({ etag }) => etag !== true).map(({ operationId }) => operationId)).toEqual([]);
  });

  test("every reason is for an endpoint that is there", () => {
    const names = new Set(changing.map(({ operationId }) => operationId));
    expect(Object.keys(UNVERSIONED).filter((name) => !names.has(name))).toEqual([]);
  });
});

test.each(ENDPOINTS.map((each) => [each.operationId, each] as const))(
  "the example of %s is what its own schemas take",
  (_, { params, query, body, answer, example }) => {
    if (params !== undefined) params.parse(example.params);
    if (query !== undefined) query.parse(example.query ?? {});
    if (body !== undefined) body.parse(example.body);
    if (answer !== undefined) answer.parse(example.answer);
    expect(answer === undefined).toBe(example.answer === undefined);
  },
);
