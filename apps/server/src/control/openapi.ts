import { CODES, type CodeRow, type ReasonCode } from "@tollhouse/contract";
import { z, type ZodType } from "zod";
import { permissionFor } from "../members/role-table.ts";
import { VERSION } from "../version.ts";
import { SESSION_COOKIE } from "./cookies.ts";
import { ENDPOINT_TAGS, type Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints/table.ts";
import { Problem, problemBody } from "./problem.ts";
import { GATEWAY_TAG, PUBLIC_PATHS } from "./public-paths.ts";

type Json = { [name: string]: unknown };

const OF_SESSIONS: readonly ReasonCode[] = ["SESSION_ENDED", "ROLE_INSUFFICIENT", "CROSS_SITE_REQUEST"];

/** Any endpoint can answer these. */
const ALWAYS: readonly ReasonCode[] = [
  // Also where an endpoint takes nothing: what it is given all the same is refused by name.
  "REQUEST_INVALID",
  "ADMIN_KEY_REQUIRED",
  "KEY_EXPIRED",
  "KEY_REVOKED",
  "HOST_NOT_ALLOWED",
  "PERMISSION_MISSING",
  "SESSION_ENDED",
  "ROLE_INSUFFICIENT",
  "CROSS_SITE_REQUEST",
  "RATE_LIMITED",
  "DATABASE_UNAVAILABLE",
  "INTERNAL",
];

/** And any of those that are open to anybody. */
const ALWAYS_OF_OPEN: readonly ReasonCode[] = [
  "REQUEST_INVALID",
  "HOST_NOT_ALLOWED",
  "CROSS_SITE_REQUEST",
  "DATABASE_UNAVAILABLE",
  "INTERNAL",
];

/** And any of those that calls may ask too. */
const ALWAYS_OF_CALLERS: readonly ReasonCode[] = ALWAYS.filter((code) => !OF_SESSIONS.includes(code)).map((code) =>
  code === "ADMIN_KEY_REQUIRED" ? "KEY_INVALID" : code,
);

const TAGS = { ...ENDPOINT_TAGS, operation: "Whether a node runs and takes calls. No key is asked for." };

const problem = z
  .strictObject({
    type: z.string().meta({ description: "`urn:tollhouse:problem:` and the reason code in lower case." }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    reason_code: z.enum(Object.keys(CODES) as [ReasonCode, ...ReasonCode[]]),
    errors: z.array(z.strictObject({ field: z.string(), problem: z.string() })).optional(),
  })
  .meta({ id: "Problem", description: "RFC 9457, with the reason code; `errors` names each field that is wrong." });

/** The OpenAPI 3.1 document of these endpoints, made of the schemas that their routes parse and answer with. */
export function openApiDocument(endpoints: readonly Endpoint[], version: string): Json {
  const schemas: Json = {};
  const paths: { [path: string]: Json } = {};
  for (const endpoint of endpoints)
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint, schemas);
  return {
    openapi: "3.1.1",
    info: {
      title: "Tollhouse control API",
      version,
      summary: "Limits, reports, decisions, audit, prices and the ledger of a Tollhouse.",
      description:
        "Money is a decimal string in US dollars. A key is for one environment; the admin key names one with `environment`, and means `prod` without it. Unknown fields and parameters are refused by name.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }, { session: [] }],
    tags: [...Object.entries(TAGS).map(([name, description]) => ({ name, description })), GATEWAY_TAG],
    paths: { ...paths, ...PUBLIC_PATHS },
    components: {
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "The admin key, or a key with the permission `read` or `manage`.",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: SESSION_COOKIE,
          description:
            "The session of a member (`POST /api/sign-in/password`). Whatever changes something also carries `x-tollhouse-csrf`.",
        },
      },
      schemas: sorted(schemas),
    },
  };
}

function operation(endpoint: Endpoint, schemas: Json): Json {
  const { operationId, tag, summary, example, body, bodyOptional, form } = endpoint;
  const parameters = parametersOf(endpoint, schemas);
  return {
    operationId,
    tags: [tag],
    summary,
    ...whoMay(endpoint),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: bodyOptional !== true,
        content: {
          [form === true ? "application/x-www-form-urlencoded" : "application/json"]: {
            schema: schemaOf(body, "input", schemas),
            example: example.body,
          },
        },
      },
    }),
    responses: { [endpoint.status]: success(endpoint, schemas), ...problems(endpoint, schemas) },
  };
}

/** In words, and as OpenAPI says it where it is not what holds for all. */
function whoMay(endpoint: Endpoint): Json {
  const { caller, open, session, keys } = endpoint;
  if (open === true) return { security: [] };
  if (caller !== undefined)
    return { description: `A key with the permission \`${caller}\`; none in open mode.`, security: [{ key: [] }, {}] };
  if (session === true) return { description: "A member's session only.", security: [{ session: [] }] };
  const asked = `\`${permissionFor(endpoint)}\``;
  return { description: `${keys === true ? "A" : "No key but the admin's; a"} member's role must have ${asked}.` };
}

/** `takeTenant` of control-api.ts reads it, before any schema does. */
const TENANT_PARAMETER: Json = {
  name: "tenant",
  in: "query",
  description:
    "Name of the tenant that is meant; without it `default`, or a member's own. For the admin key and owners of `default` only.",
  required: false,
  schema: { type: "string" },
};

function parametersOf(
  { caller, open, session, params, query, ifMatch, ofInstallation, example }: Endpoint,
  schemas: Json,
): Json[] {
  const of = (place: "path" | "query", schema: ZodType | undefined, examples: Json = {}): Json[] => {
    if (schema === undefined) return [];
    const { properties = {}, required = [] } = schemaOf(schema, "input", schemas) as {
      properties?: { [name: string]: Json };
      required?: string[];
    };
    return Object.entries(properties).map(([name, { description, ...own }]) => ({
      name,
      in: place,
      ...(description !== undefined && { description }),
      required: required.includes(name),
      schema: own,
      ...(examples[name] !== undefined && {
        example: own["type"] === "integer" ? Number(examples[name]) : examples[name],
      }),
    }));
  };
  const match = {
    name: "If-Match",
    in: "header",
    description: "The ETag that was read: if it is another now, nothing is changed.",
    required: false,
    schema: { type: "string" },
    example: '"1"',
  };
  return [
    ...of("path", params, example.params),
    ...of("query", query, example.query),
    ...(ofInstallation === true || open === true || session === true || caller !== undefined ? [] : [TENANT_PARAMETER]),
    ...(ifMatch === true ? [match] : []),
  ];
}

function success({ status, answer, media, alsoMedia = [], exports, etag, example }: Endpoint, schemas: Json): Json {
  const tag = { description: "The version, for If-Match.", schema: { type: "string" }, example: '"1"' };
  return {
    description: { 200: "Done.", 201: "Made.", 202: "Begun.", 204: "Gone.", 302: "Go on there." }[status],
    ...(etag === true && { headers: { ETag: tag } }),
    ...(answer !== undefined && {
      content: {
        [media ?? "application/json"]: { schema: schemaOf(answer, "output", schemas), example: example.answer },
        ...Object.fromEntries(alsoMedia.map((other) => [other, EXPORTED])),
        ...(exports === true && {
          "text/csv": EXPORTED,
          "application/x-ndjson": EXPORTED,
          "application/vnd.apache.parquet": EXPORTED,
        }),
      },
    }),
  };
}

const EXPORTED = { schema: { type: "string", description: "A line, or a row, for each." } };

/** One answer a status, with an example for each code that has it. */
function problems(endpoint: Endpoint, schemas: Json): Json {
  const codes = new Set<ReasonCode>([...alwaysOf(endpoint), ...endpoint.errors]);
  const byStatus = Map.groupBy(codes, (code) => CODES[code].status);
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([a], [b]) => a - b)
      .map(([status, named]) => [
        status,
        {
          description: named.map((code) => `\`${code}\`: ${CODES[code].title}.`).join(" "),
          content: {
            "application/problem+json": {
              schema: schemaOf(problem, "output", schemas),
              examples: Object.fromEntries(named.map((code) => [code, { value: exampleOf(code) }])),
            },
          },
        },
      ]),
  );
}

function alwaysOf({ caller, open }: Endpoint): readonly ReasonCode[] {
  if (open === true) return ALWAYS_OF_OPEN;
  return caller === undefined ? ALWAYS : ALWAYS_OF_CALLERS;
}

function exampleOf(code: ReasonCode): Json {
  const row: CodeRow = CODES[code];
  return problemBody(new Problem(code, row.title));
}

/** JSON Schema of a part; what has an id becomes a component, and a reference to it. */
function schemaOf(schema: ZodType, io: "input" | "output", schemas: Json): Json {
  // Inside another one, a schema with an id is always a reference.
  const whole = z.toJSONSchema(z.object({ part: schema }), {
    io,
    unrepresentable: "any",
    override: ({ jsonSchema }) => readable(jsonSchema),
  });
  for (const [name, definition] of Object.entries(whole.$defs ?? {})) {
    const { id: _, ...own } = referring(definition) as Json;
    if (name in schemas && JSON.stringify(schemas[name]) !== JSON.stringify(own))
      throw new Error(`two schemas are called ${name}`);
    schemas[name] = own;
  }
  return referring(whole.properties?.["part"]) as Json;
}

/** Without what says nothing: the bounds of a number that JavaScript can count to, the pattern of a date that `format` names. */
function readable(schema: Json): void {
  if (schema["format"] === "date-time") delete schema["pattern"];
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
}

function referring(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as unknown;
}

function sorted(schemas: Json): Json {
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

let text: string | null = null;

/** As it is committed and served. Made when it is first asked for: a fifth of what loading the server costs. */
export function openApiText(): string {
  return (text ??= `${JSON.stringify(openApiDocument(ENDPOINTS, VERSION), null, 2)}\n`);
}
