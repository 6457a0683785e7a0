import { CODES } from "@tollhouse/contract";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { endpoint, ENDPOINT_TAGS } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints/table.ts";
import { OPENAPI_TEXT, openApiDocument } from "./openapi.ts";

interface Media {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: Record<string, { value: { reason_code: string; status: number } }>;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: string[];
  readonly parameters?: { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Media> }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

const document = JSON.parse(OPENAPI_TEXT) as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

describe.each(operations)("$name", ({ path, operation }) => {
  test("has an id of its own, a summary that ends, and tags that are explained", () => {
    expect(operations.filter((other) => other.operation.operationId === operation.operationId)).toHaveLength(1);
    expect(operation.summary).toMatch(/^[A-Z].*[.]$/);
    expect(operation.tags.filter((tag) => !(tag in ENDPOINT_TAGS))).toEqual([]);
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
    for (const media of bodies) expect(media.example ?? media.examples).toBeDefined();
  });

  test("describes its errors as RFC 9457 problems under the status that each code has", () => {
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["401", "403", "500"]));
    for (const [status, { content }] of Object.entries(operation.responses).filter(([code]) => Number(code) >= 400)) {
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
  test("is OpenAPI 3.1, and has as many operations as there are endpoints", () => {
    expect(document.openapi).toBe("3.1.1");
    expect(operations).toHaveLength(ENDPOINTS.length);
  });

  test("has no component that nothing refers to, and refers to none that is missing", () => {
    const referred = [...OPENAPI_TEXT.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect([...new Set(referred)].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
    expect(OPENAPI_TEXT).not.toContain("$defs");
  });

  test("two schemas of one name stop it", () => {
    const asked = endpoint({ ...ENDPOINTS[0]!, answer: z.object({ a: z.string() }).meta({ id: "Problem" }) });
    expect(() => openApiDocument([asked], "1")).toThrow("two schemas are called Problem");
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
