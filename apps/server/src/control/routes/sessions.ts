import type { FastifyInstance, FastifyRequest } from "fastify";
import { sessionFreezeSchema, sessionNameSchema, type BlockKind } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import { sessionReport, usageReport, type SessionUse } from "@tollhouse/store";
import { z } from "zod";
import type { BlockServices } from "../../blocks/load-block-services.ts";
import type { SessionAnswer } from "../../blocks/session-service.ts";
import { placeOf } from "../access.ts";
import type { Place } from "../../place.ts";
import { parseInput } from "../control-api.ts";
import { placeAsked, environmentQuery } from "./environment-asked.ts";
import type { ReportParts } from "./usage.ts";

export interface SessionRouteParts {
  /** Throws a Problem where there is no such environment. */
  readonly servicesOf: (place: Place) => BlockServices;
  readonly reports: ReportParts;
  now(): number;
}

interface OneSession {
  Params: { id: string };
}

type Request = FastifyRequest<OneSession>;

const HOUR_MS = 3_600_000;
const open = { config: { keys: true as const } };

function whole(max: number, otherwise: number): z.ZodDefault<z.ZodCoercedNumber> {
  const error = `expected a whole number from 1 to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(1, { error }).max(max, { error }).default(otherwise);
}

const statsQuery = environmentQuery.extend({ hours: whole(8_784, 24) });
const sessionsQuery = statsQuery.extend({ limit: whole(1_000, 100) });
const sessionParams = z.strictObject({ id: sessionNameSchema });

/** One session: freeze, unfreeze, reset; and the session dashboard API, which asks and does the same. */
export function sessionRoutes(parts: SessionRouteParts): (app: FastifyInstance) => void {
  const of = (request: Request): BlockServices & { session: string } => ({
    ...parts.servicesOf(placeAsked(request)),
    session: parseInput(sessionParams, request.params).id,
  });
  const unfreeze = async (request: Request): Promise<SessionAnswer> => {
    const { blocks, sessions, session } = of(request);
    await blocks.unfreeze(session, request.access.actor);
    return sessions.get(session);
  };
  const reset = (request: Request): Promise<SessionAnswer> => {
    const { sessions, session } = of(request);
    return sessions.reset(session, request.access.actor);
  };
  return (app) => {
    app.get<OneSession>("/api/v1/sessions/:id", open, (request) => {
      const { sessions, session } = of(request);
      return sessions.get(session);
    });
    app.post<OneSession>("/api/v1/sessions/:id/freeze", open, async (request) => {
      const { blocks, sessions, session } = of(request);
      const { reason = "frozen by an operator", ...expiry } = parseInput(sessionFreezeSchema, request.body ?? {});
      const { ended_calls } = await blocks.freeze(session, { ...expiry, reason }, request.access.actor);
      return { ...sessions.get(session), ended_calls };
    });
    app.post<OneSession>("/api/v1/sessions/:id/unfreeze", open, unfreeze);
    app.post<OneSession>("/api/v1/sessions/:id/reset", open, reset);
    app.post<OneSession>("/api/dashboard/session/:id/unfreeze", open, unfreeze);
    app.post<OneSession>("/api/dashboard/session/:id/reset", open, reset);
    app.get("/api/dashboard/sessions", open, (request) => listSessions(parts, request));
    app.get("/api/dashboard/stats", open, (request) => stats(parts, request));
  };
}

async function listSessions(parts: SessionRouteParts, request: FastifyRequest): Promise<unknown> {
  const query = parseInput(sessionsQuery, request.query);
  const place = placeOf(request.access, query.environment);
  const { sessions } = parts.servicesOf(place);
  const { db, caughtUp } = parts.reports;
  await caughtUp();
  const report = await sessionReport(db, place, parts.now() - query.hours * HOUR_MS, query.limit);
  return {
    sessions: report.sessions.map((use) => ({ ...sessions.get(use.session), ...useOf(use) })),
    total: report.count,
  };
}

async function stats(parts: SessionRouteParts, request: FastifyRequest): Promise<unknown> {
  const { hours, environment: asked } = parseInput(statsQuery, request.query);
  const place = placeOf(request.access, asked);
  const { blocks } = parts.servicesOf(place);
  const { db, caughtUp } = parts.reports;
  await caughtUp();
  const fromMs = parts.now() - hours * HOUR_MS;
  const [report, usage] = await Promise.all([
    sessionReport(db, place, fromMs, 1),
    usageReport(db, { ...place, fromMs, toMs: Infinity, groupBy: [] }),
  ]);
  const active = (kind: BlockKind): number => blocks.list(kind).filter(({ state }) => state === "active").length;
  return {
    hours,
    sessions: report.count,
    frozen_sessions: active("frozen_session"),
    kill_switches: active("kill_switch"),
    blocks: active("blocklist"),
    running_calls: blocks.runningCalls,
    ...usage.total,
  };
}

function useOf(use: SessionUse): Record<string, unknown> {
  return {
    calls: use.calls,
    blocked: use.blocked,
    input_tokens: use.inputTokens,
    output_tokens: use.outputTokens,
    cost: formatNano(use.costNano),
    // Start of the newest hour it was seen in: what the roll-up knows.
    last_hour: new Date(use.lastHourMs).toISOString(),
  };
}
