import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ReasonCode } from "@tollhouse/contract";
import type { ZodType } from "zod";
import { parseInput } from "./control-api.ts";

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
  /** May keys use it, besides the admin key? */
  readonly keys?: true;
  readonly params?: ZodType<P>;
  readonly query?: ZodType<Q>;
  readonly body?: ZodType<B>;
  /** A body that is left out counts as `{}`. */
  readonly bodyOptional?: true;
  readonly status: 200 | 201 | 204;
  /** Absent: no body (204). */
  readonly answer?: ZodType<A>;
  /** Does the answer carry the version as an ETag, and does the request take it as If-Match? */
  readonly etag?: true;
  readonly ifMatch?: true;
  /** Beside those that every endpoint can answer. */
  readonly errors: readonly ReasonCode[];
  readonly example: Example;
}

export const ENDPOINT_TAGS = {
  limits: "What a scope may spend or use in a window, and what it has.",
  keys: "Who may call, and what each key may do.",
  reports: "What was spent, by whom, and by which calls.",
  decisions: "Why a call was let through or blocked.",
  audit: "Who changed what, before and after.",
  prices: "What a call is priced by.",
  ledger: "The chain that everything above is read from.",
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

/** Types of an endpoint from its schemas. */
export function endpoint<P, Q, B, A>(definition: Endpoint<P, Q, B, A>): Endpoint<P, Q, B, A> {
  return definition;
}

export function serve<P, Q, B, A>(
  app: FastifyInstance,
  { method, path, keys, params, query, body, bodyOptional, status, answer }: Endpoint<P, Q, B, A>,
  handle: (asked: Asked<P, Q, B>) => A | Promise<A>,
): void {
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ":$1"),
    config: keys === true ? { keys } : {},
    handler: async (request, reply) => {
      const result = await handle({
        // An endpoint without a schema has nothing to give its handler, whose type says so.
        params: params === undefined ? (undefined as P) : parseInput(params, request.params),
        query: query === undefined ? (undefined as Q) : parseInput(query, request.query),
        body: body === undefined ? (undefined as B) : parseInput(body, bodyOf(request, bodyOptional)),
        request,
        reply,
      });
      return reply.code(status).send(answer === undefined ? undefined : result);
    },
  });
}

function bodyOf(request: FastifyRequest, optional: true | undefined): unknown {
  return optional === true ? (request.body ?? {}) : request.body;
}
