import type { Readable } from "node:stream";
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { KeyPermission, ReasonCode } from "@tollhouse/contract";
import { z, type ZodType } from "zod";
import { permissionFor } from "../members/role-table.ts";
import { parseInput } from "./control-api.ts";
import { Problem } from "./problem.ts";

/**
 * One control endpoint: what it takes, what it answers, and how it is described. Its route is made of it (`serve`), and so is its part of
 * the OpenAPI document, so that neither can say what the other does not do.
 */
export interface Endpoint<P = unknown, Q = unknown, B = unknown, A = unknown> {
  readonly operationId: string;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With parameters as OpenAPI writes them: `/api/v1/limits/{id}`. */
  readonly path: string;
  readonly tag: EndpointTag;
  readonly summary: string;
  /** May keys use it, besides the admin key? What it asks of a member stands in members/role-table.ts. */
  readonly keys?: true;
  /** Is it answered to anybody? Only what signs somebody in. */
  readonly open?: true;
  /** Does a page of another site send its visitor here by design? */
  readonly fromElsewhere?: true;
  /** Is it about the session that asks, which a key has none of? */
  readonly session?: true;
  /**
   * No part of the control API: answered by apps/server/src/sdk, for keys with this permission, and for anybody in open mode. Described
   * with the others.
   */
  readonly caller?: KeyPermission;
  /** Is it about the installation? Otherwise it is about a tenant, which the admin may name by `?tenant=`. */
  readonly ofInstallation?: true;
  readonly params?: ZodType<P>;
  readonly query?: ZodType<Q>;
  readonly body?: ZodType<B>;
  /** The body is a form that a browser sends, and no JSON. Its route stands where forms are read. */
  readonly form?: true;
  /** A body that is left out counts as `{}`. */
  readonly bodyOptional?: true;
  readonly status: 200 | 201 | 202 | 204 | 302;
  /** Absent: no body (204), or another place to go to (302). */
  readonly answer?: ZodType<A>;
  /** Of an answer that is a text and no JSON. */
  readonly media?: "text/plain" | "application/x-ndjson" | "application/samlmetadata+xml" | "text/event-stream";
  /** Other forms of that text, which the query asks for. */
  readonly alsoMedia?: readonly string[];
  /** Is it also given as CSV, NDJSON and Parquet? */
  readonly exports?: true;
  /** Does the answer carry the version as an ETag, and does the request take it as If-Match? */
  readonly etag?: true;
  readonly ifMatch?: true;
  /** Beside those that every endpoint can answer. */
  readonly errors: readonly ReasonCode[];
  readonly example: Example;
}

export const ENDPOINT_TAGS = {
  anomalies: "What counts as a loop, a burst or spending too fast, and what follows.",
  "sign-in": "How a member comes to a session. Answered without a key.",
  members: "People who may sign in, and the session that asks.",
  tenants: "Who is served by this installation, and the environments of each.",
  limits: "What a scope may spend or use in a window, and what it has.",
  policies: "What may be asked for, by whom, and what each may spend; every version is kept.",
  plans: "Names that policies attach to, and who is on them.",
  keys: "Who may call, and what each key may do.",
  "provider-keys": "A tenant's own credentials for model providers: they go in, and never come out.",
  "kill-switches": "What is stopped at once, running calls included.",
  blocks: "Which users, customers and keys may not call.",
  sessions: "What a session has done and may spend; freezing it, and starting it anew.",
  reports: "What was spent, by whom, and by which calls.",
  sdk: "For backends that call their providers themselves: check, call, record.",
  users: "Who is known by a readable id, and may be forgotten.",
  decisions: "Why a call was let through or blocked.",
  audit: "Who changed what, before and after.",
  prices: "What a call is priced by.",
  ledger: "The chain that everything above is read from.",
  system: "What this installation runs on, and how that is.",
} as const;
export type EndpointTag = keyof typeof ENDPOINT_TAGS;

/** As the document shows it, and as a test sends it; ids that an installation gives are put in by the test. */
export interface Example {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly answer?: unknown;
}

/** What a handler is given: everything parsed by the endpoint's own schemas. */
export interface Asked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** What an endpoint without a schema for it takes: a parameter that nothing reads is refused by name, not ignored. */
const NOTHING = z.strictObject({});

/** Types of an endpoint from its schemas. */
export function endpoint<P, Q, B, A>(definition: Endpoint<P, Q, B, A>): Endpoint<P, Q, B, A> {
  return definition;
}

export function serve<P, Q, B, A>(
  app: FastifyInstance,
  endpoint: Endpoint<P, Q, B, A>,
  handle: (asked: Asked<P, Q, B>) => A | Readable | Promise<A | Readable>,
): void {
  const { method, path, params, query, body, bodyOptional, status, answer, media } = endpoint;
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
    config: configOf(endpoint),
    handler: async (request, reply) => {
      assertNamed(method, request.params);
      assertStorable(request.query);
      const asked: Asked<P, Q, B> = {
        // An endpoint without a schema has nothing to give its handler, whose type says so.
        params: params === undefined ? (undefined as P) : parseInput(params, request.params),
        query: query === undefined ? nothing<Q>(request.query) : parseInput(query, request.query),
        // Clients that always send a body may: an empty object.
        body: body === undefined ? nothing<B>(request.body ?? {}) : parseInput(body, bodyOf(request, bodyOptional)),
        request,
        reply,
      };
      assertStorable(asked.body);
      const result = await handle(asked);
      // A handler may have chosen another of its forms.
      if (media !== undefined && !reply.hasHeader("content-type")) reply.type(`${media}; charset=utf-8`);
      return reply.code(status).send(answer === undefined ? undefined : result);
    },
  });
}

/** Who may use the route, as `createControlApi` asks. */
function configOf<P, Q, B, A>(endpoint: Endpoint<P, Q, B, A>): FastifyContextConfig {
  const { keys, open, fromElsewhere, ofInstallation } = endpoint;
  return {
    ...(keys === true && { keys }),
    ...(open === true ? { open } : { permission: permissionFor(endpoint) }),
    ...(fromElsewhere === true && { fromElsewhere }),
    ...(ofInstallation === true && { ofInstallation }),
  };
}

/**
 * PostgreSQL has no text with U+0000, and UTF-8 no half of a surrogate pair: the one fails a query, the other is kept as something else
 * than what is in force. Here and not in each schema, so that no endpoint can forget it. `input`: as its schema left it, so of bounded depth.
 */
function assertStorable(input: unknown, path = ""): void {
  if (typeof input === "string") {
    if (!input.includes("\u0000") && input.isWellFormed()) return;
    const problem = "expected a text without the character U+0000 or half of a surrogate pair";
    throw new Problem("REQUEST_INVALID", `${path}: ${problem}`, [{ field: path, problem }]);
  }
  if (typeof input !== "object" || input === null) return;
  for (const [name, value] of Object.entries(input)) assertStorable(value, path === "" ? name : `${path}.${name}`);
}

/** A path that no text of ours can be names nothing: whoever reads or deletes by it is told that, whoever writes, what is wrong with it. */
function assertNamed(method: Endpoint["method"], params: unknown): void {
  try {
    assertStorable(params);
  } catch (error) {
    throw method === "GET" || method === "DELETE" ? new Problem("NOT_FOUND", "There is nothing of this name") : error;
  }
}

function nothing<T>(input: unknown): T {
  return parseInput<object>(NOTHING, input) as T;
}

function bodyOf(request: FastifyRequest, optional: true | undefined): unknown {
  return optional === true ? (request.body ?? {}) : request.body;
}
