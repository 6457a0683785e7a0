// packages/contract/src/operations.ts: what command line and dashboard know of the control API, made of the same table that the routes and
// the OpenAPI document are made of. A field that goes away there no longer compiles in them.
import { CODES } from "@tollhouse/contract";
import { openApiText } from "../apps/server/src/control/openapi.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly readOnly?: boolean;
}

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Placed {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const ALL_CODES = Object.keys(CODES).toSorted().join();

function typeOf(schema: Schema | undefined): string {
  if (schema === undefined) return "unknown";
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return enumOf(schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return [...new Set(choices.map(typeOf))].join(" | ");
  if (typeof schema.type === "object")
    return [...new Set(schema.type.map((type) => plainType(type, schema)))].join(" | ");
  return plainType(schema.type, schema);
}

function enumOf(values: readonly unknown[]): string {
  if (values.map(String).toSorted().join() === ALL_CODES) return "ReasonCode";
  return values.map((value) => JSON.stringify(value)).join(" | ");
}

function plainType(type: string | undefined, schema: Schema): string {
  switch (type) {
    case "integer":
    case "number":
      return "number";
    case "array":
      return arrayOf(typeOf(schema.items));
    case "object":
      return objectOf(schema);
    case undefined:
      return "unknown";
    default:
      return type;
  }
}

function objectOf({ properties, required = [], additionalProperties }: Schema): string {
  if (properties === undefined)
    return `Readonly<Record<string, ${typeof additionalProperties === "object" ? typeOf(additionalProperties) : "unknown"}>>`;
  const fields = Object.entries(properties).map(
    ([name, schema]) => `readonly ${name}${required.includes(name) ? "" : "?"}: ${typeOf(schema)}`,
  );
  return `{ ${fields.join("; ")} }`;
}

/** Every value of a field on its own line: so that a change of the API can be read in the difference. */
function declared(name: string, schema: Schema): string {
  if (schema.properties === undefined) return `export type ${name} = ${typeOf(schema)};`;
  const fields = Object.entries(schema.properties).map(
    ([field, type]) => `  readonly ${field}${schema.required?.includes(field) === true ? "" : "?"}: ${typeOf(type)};`,
  );
  return [`export interface ${name} {`, ...fields, "}"].join("\n");
}

function parameters({ operation }: Placed, place: Parameter["in"]): readonly Parameter[] {
  return (operation.parameters ?? []).filter((parameter) => parameter.in === place);
}

function fieldsOf(of: readonly Parameter[]): string {
  if (of.length === 0) return "Nothing";
  return `{ ${of.map(({ name, required, schema }) => `readonly ${name}${required ? "" : "?"}: ${typeOf(schema)}`).join("; ")} }`;
}

function answerOf({ operation }: Placed): string {
  const good = Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1];
  const json = good?.content?.["application/json"];
  if (json !== undefined) return typeOf(json.schema);
  return good?.content === undefined ? "undefined" : "string";
}

function typed(placed: Placed): string {
  const { operation } = placed;
  const body = operation.requestBody?.content["application/json"]?.schema;
  return `  ${operation.operationId}: {
    readonly params: ${fieldsOf(parameters(placed, "path"))};
    readonly query: ${fieldsOf(parameters(placed, "query"))};
    readonly body: ${body === undefined ? "undefined" : typeOf(body)};
    readonly answer: ${answerOf(placed)};
  };`;
}

function listed(placed: Placed): string {
  const { method, path, operation } = placed;
  const query = parameters(placed, "query").map(({ name }) => name);
  return `  ${operation.operationId}: { method: ${JSON.stringify(method)}, path: ${JSON.stringify(path)}, query: ${JSON.stringify(query)} },`;
}

export function controlOperations(): string {
  const { paths, components } = JSON.parse(openApiText()) as Document;
  const all: readonly Placed[] = Object.entries(paths)
    .flatMap(([path, of]) =>
      Object.entries(of).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    )
    .filter(({ operation, path }) => operation.operationId !== undefined && !path.startsWith("/v1"))
    .toSorted((a, b) => (a.operation.operationId < b.operation.operationId ? -1 : 1));
  return `// Made by scripts/control-operations.ts of the OpenAPI document; do not edit.
import type { ReasonCode } from "./codes.ts";

type Nothing = Readonly<Record<never, never>>;

${Object.entries(components.schemas)
  .map(([name, schema]) => declared(name, schema))
  .join("\n\n")}

/** What each operation takes and answers. */
export interface Operations {
${all.map(typed).join("\n")}
}

/** Where each is, and which parameters its query may have. */
export const OPERATIONS = {
${all.map(listed).join("\n")}
} as const satisfies Record<keyof Operations, { method: string; path: string; query: readonly string[] }>;
`;
}

function arrayOf(item: string): string {
  return item.includes(" | ") ? `readonly (${item})[]` : `readonly ${item}[]`;
}
