import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { CODES } from "@tollhouse/contract";
import {
  AnomalyRuleNotChanged,
  CountersUnavailable,
  DatabaseUnavailable,
  DetailsPurged,
  LimitNotChanged,
  PlanNotChanged,
  PolicyNotChanged,
  SpoolUnavailable,
} from "@tollhouse/store";
import type { z, ZodType } from "zod";
import { endAfterRequest } from "../gateway/refusal.ts";
import { rateHeaders } from "../keys/rate-headers.ts";
import { accessTo, type Access, type AccessParts } from "./access.ts";
import type { ControlRates } from "./control-rates.ts";
import { assertOpenPath, keyAccess, openProblem, sessionAccess, sessionTextOf } from "./who-asks.ts";
import { Problem, problemBody, type FieldProblem } from "./problem.ts";

export type Routes = (app: FastifyInstance) => void;

export interface ControlApiOptions extends AccessParts {
  readonly failed: (error: unknown) => void;
  readonly rates: ControlRates;
  readonly routes: readonly Routes[];
  now(): number;
}

export interface ControlApi {
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void;
  /** `GET /api/v1/limits/:id`: every route there is, so that a test finds one that is not described. */
  readonly routes: readonly string[];
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 1024 * 1024;
/** A body of 80,000 unknown fields would be answered with four times its length. */
const FIELDS_TOLD_MAX = 50;
/** A restart of PostgreSQL takes a few seconds. */
const DATABASE_RETRY_S = 5;
const COUNTERS_RETRY_S = 1;
/** As much of a name that somebody sent as is told back. */
const NAME_TOLD_MAX = 100;

/**
 * `/api/…`: every route asks for the admin key, or, where it is open to keys, for one with the permission, or for the session of a member
 * whose role has it; also in open mode. A route cannot be registered beside that check, but for those under `/api/sign-in` that say so.
 */
export async function createControlApi(options: ControlApiOptions): Promise<ControlApi> {
  const letIn = (request: FastifyRequest, reply: FastifyReply, access: Access | Problem): Problem | undefined => {
    if (access instanceof Problem) return options.rates.refuse(access, request.socket.remoteAddress ?? "");
    const { rate, problem } = options.rates.take(access);
    if (rate !== null) void reply.headers(rateHeaders({ requests: rate, tokens: null }, options.now()));
    if (problem !== null) return problem;
    const to = accessTo(access, takeTenant(request), options.findTenant);
    if (to instanceof Problem) return to;
    request.access = to;
    return undefined;
  };
  const problemOf = async (request: FastifyRequest, reply: FastifyReply): Promise<Problem | undefined> => {
    if (request.routeOptions?.config?.open === true) return openProblem(request);
    const text = sessionTextOf(request.headers);
    if (text === null || options.findSession === undefined)
      return letIn(request, reply, keyAccess(options, request, request.is404));
    return letIn(request, reply, await sessionAccess(options.findSession, text, request));
  };
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    // A path may name a session: 256 characters, each up to twelve in a URL.
    routerOptions: { maxParamLength: 4_096 },
    // The one listener hands requests over; this server never listens by itself.
    serverFactory: (handler) => createServer(handler),
    // A path that cannot be decoded goes past the hooks.
    frameworkErrors: (_error, request, reply) =>
      void answer(reply, letIn(request, reply, keyAccess(options, request, true)) ?? notFound()),
  });
  const paths: string[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    assertOpenPath(url, config?.open);
    if (method !== "HEAD") paths.push(`${String(method)} ${url}`);
  });
  app.decorateRequest("access");
  app.addHook("onRequest", async (request, reply) => {
    const problem = await problemOf(request, reply);
    if (problem !== undefined) throw problem;
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const problem = reasonOf(error);
    if (problem.code === "INTERNAL") options.failed(error);
    return answer(reply, problem);
  });
  app.setNotFoundHandler((_request, reply) => answer(reply, notFound()));
  for (const routes of options.routes) routes(app);
  await app.ready();
  return { handle: (req, res) => app.routing(req, res), routes: paths, close: () => app.close() };
}

/** Out of the query, so that it is a parameter of every endpoint and of none; but of those that are about the installation. */
function takeTenant(request: FastifyRequest): unknown {
  if (request.routeOptions?.config?.ofInstallation === true) return undefined;
  const query = (request.query ?? {}) as { tenant?: unknown };
  const { tenant } = query;
  delete query.tenant;
  return tenant;
}

function answer(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterS !== null) void reply.header("retry-after", problem.retryAfterS);
  void reply.code(CODES[problem.code].status).type("application/problem+json");
  if (reply.request.raw.complete) return reply.send(problemBody(problem));
  // Its body was not read to its end, and must not be taken for the next request; whoever goes on sending it reads the reason.
  const body = Buffer.from(JSON.stringify(problemBody(problem)));
  const { raw } = reply.hijack();
  raw.writeHead(reply.statusCode, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    connection: "close",
    "content-length": body.length,
  });
  endAfterRequest(raw, body);
  return reply;
}

function notFound(): Problem {
  return new Problem("NOT_FOUND", "There is no such control endpoint");
}

const NOT_CHANGED = [PolicyNotChanged, PlanNotChanged, AnomalyRuleNotChanged];

/** What a client is told of an error: its own fault by name, a bug of ours as no more than that. */
export function reasonOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SpoolUnavailable)
    return new Problem("SPOOL_UNAVAILABLE", "The change cannot be recorded right now, so it was not made");
  if (error instanceof DatabaseUnavailable)
    return new Problem("DATABASE_UNAVAILABLE", "The database cannot be reached right now", [], DATABASE_RETRY_S);
  if (error instanceof CountersUnavailable)
    return new Problem("LIMITS_UNAVAILABLE", "The limits cannot be read right now", [], COUNTERS_RETRY_S);
  if (error instanceof DetailsPurged) {
    const { field, message } = error;
    return new Problem("DETAILS_PURGED", message, field === null ? [] : [{ field, problem: message }]);
  }
  if (error instanceof LimitNotChanged) return new Problem(error.code, error.message);
  if (NOT_CHANGED.some((kind) => error instanceof kind))
    return new Problem("VERSION_CONFLICT", "Somebody else changed it since it was read: read it again");
  const { statusCode } = error as { statusCode?: number };
  if (statusCode === 413) return new Problem("REQUEST_TOO_LARGE", "The body is larger than 1 MiB");
  if (statusCode !== undefined && statusCode < 500)
    return new Problem("REQUEST_INVALID", "The body must be a JSON object with content-type application/json");
  return new Problem("INTERNAL", "Tollhouse failed");
}

/** Parses a body or query, or throws a Problem that names each field and what was expected. */
export function parseInput<T>(schema: ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields: FieldProblem[] = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys
          .slice(0, FIELDS_TOLD_MAX)
          .map((key) => ({ field: named([...issue.path, key]), problem: "unknown field" }))
      : [{ field: named(issue.path), problem: problemOf(issue) }],
  );
  const first = fields[0] as FieldProblem;
  const detail = `${first.field === "" ? "body" : first.field}: ${first.problem}`;
  throw new Problem("REQUEST_INVALID", detail, fields.slice(0, FIELDS_TOLD_MAX));
}

/** The schema library's own words for what stands before `expected`. */
const OWN_WORDS = /^(Invalid \w+|Too (big|small)): /;

/** What was expected: in the words of our schemas, and where one has none, in such as theirs. */
function problemOf(issue: z.core.$ZodIssue): string {
  if (!OWN_WORDS.test(issue.message)) return issue.message;
  if (issue.code === "invalid_value")
    return `expected ${issue.values.length > 1 ? "one of " : ""}${issue.values.join(", ")}`;
  return issue.message.replace(OWN_WORDS, "").replace(/, received undefined$/, ", and it is missing");
}

function named(path: readonly PropertyKey[]): string {
  return path.map((part) => String(part).slice(0, NAME_TOLD_MAX)).join(".");
}
