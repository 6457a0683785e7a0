import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { CODES } from "@tollhouse/contract";
import { LimitNotChanged, SpoolUnavailable } from "@tollhouse/store";
import type { ZodType } from "zod";
import { accessOf, type AccessParts } from "./access.ts";
import { Problem, problemBody, type FieldProblem } from "./problem.ts";

export type Routes = (app: FastifyInstance) => void;

export interface ControlApiOptions extends AccessParts {
  readonly failed: (error: unknown) => void;
  readonly routes: readonly Routes[];
}

export interface ControlApi {
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** `GET /api/v1/limits/:id`: every route there is, so that a test finds one that is not described. */
  readonly routes: readonly string[];
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 1024 * 1024;

/**
 * `/api/…`: every route asks for the admin key, or, where it is open to keys, for one with the permission; also in open mode. A route
 * cannot be registered beside that check.
 */
export async function createControlApi(options: ControlApiOptions): Promise<ControlApi> {
  const keyProblem = (request: FastifyRequest): Problem | undefined => {
    const access = accessOf(options, {
      authorization: request.headers.authorization ?? "",
      method: request.method,
      keys: request.routeOptions?.config?.keys === true,
    });
    if (access instanceof Problem) return access;
    request.access = access;
    return undefined;
  };
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    // A path may name a session: 256 characters, each up to twelve in a URL.
    routerOptions: { maxParamLength: 4_096 },
    // The one listener hands requests over; this server never listens by itself.
    serverFactory: (handler) => createServer(handler),
    // A path that cannot be decoded goes past the hooks.
    frameworkErrors: (_error, request, reply) => void answer(reply, keyProblem(request) ?? notFound()),
  });
  const paths: string[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    if (method !== "HEAD") paths.push(`${String(method)} ${url}`);
  });
  app.decorateRequest("access");
  app.addHook("onRequest", (request, _reply, done) => done(keyProblem(request)));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const problem = toProblem(error);
    if (problem.code === "INTERNAL") options.failed(error);
    return answer(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => answer(reply, notFound()));
  for (const routes of options.routes) routes(app);
  await app.ready();
  return { handle: (req, res) => app.routing(req, res), routes: paths, close: () => app.close() };
}

function answer(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(CODES[problem.code].status).type("application/problem+json").send(problemBody(problem));
}

function notFound(): Problem {
  return new Problem("NOT_FOUND", "There is no such control endpoint");
}

function toProblem(error: Error & { statusCode?: number; code?: string }): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SpoolUnavailable)
    return new Problem("SPOOL_UNAVAILABLE", "The change cannot be recorded right now, so it was not made");
  if (error instanceof LimitNotChanged) return new Problem(error.code, error.message);
  if (error.statusCode === 413) return new Problem("REQUEST_TOO_LARGE", "The body is larger than 1 MiB");
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new Problem("REQUEST_INVALID", "The body must be a JSON object with content-type application/json");
  return new Problem("INTERNAL", "Tollhouse failed");
}

/** Parses a body or query, or throws a Problem that names each field and what was expected. */
export function parseInput<T>(schema: ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields: FieldProblem[] = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ field: [...issue.path, key].join("."), problem: "unknown field" }))
      : [{ field: issue.path.join("."), problem: issue.message }],
  );
  const first = fields[0] as FieldProblem;
  throw new Problem("REQUEST_INVALID", `${first.field === "" ? "body" : first.field}: ${first.problem}`, fields);
}
