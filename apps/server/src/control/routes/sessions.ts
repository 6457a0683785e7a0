import type { FastifyInstance, FastifyRequest } from "fastify";
import type { BlockKind } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import { countSessions, sessionPage, usageReport, type SessionUse } from "@tollhouse/store";
import type { BlockServices } from "../../blocks/load-block-services.ts";
import type { SessionAnswer } from "../../blocks/session-service.ts";
import type { Place } from "../../place.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import {
  freezeSession,
  getSession,
  getStats,
  listSessions,
  resetSession,
  resetSessionOfDashboard,
  unfreezeSession,
  unfreezeSessionOfDashboard,
  type SessionListed,
  type StatsAnswer,
} from "../endpoints/sessions.ts";
import { asProblem } from "../report-problem.ts";
import type { ReportParts } from "./usage.ts";

export interface SessionRouteParts {
  /** Throws a Problem where there is no such environment. */
  readonly servicesOf: (place: Place) => BlockServices;
  readonly reports: ReportParts;
  now(): number;
}

interface OneSession {
  readonly params: { readonly id: string };
  readonly query: { readonly environment?: string | undefined };
  readonly request: FastifyRequest;
}

const HOUR_MS = 3_600_000;

/** One session: freeze, unfreeze, reset; and the session dashboard API, which asks and does the same. */
export function sessionRoutes(parts: SessionRouteParts): (app: FastifyInstance) => void {
  const of = ({ query, request }: OneSession): BlockServices =>
    parts.servicesOf(placeOf(request.access, query.environment));
  const unfreeze = async (asked: OneSession): Promise<SessionAnswer> => {
    const { blocks, sessions } = of(asked);
    await blocks.unfreeze(asked.params.id, asked.request.access.actor);
    return sessions.get(asked.params.id);
  };
  const reset = (asked: OneSession): Promise<SessionAnswer> =>
    of(asked).sessions.reset(asked.params.id, asked.request.access.actor);
  return (app) => {
    serve(app, getSession, (asked) => of(asked).sessions.get(asked.params.id));
    serve(app, freezeSession, async (asked) => {
      const { blocks, sessions } = of(asked);
      const { reason = "frozen by an operator", ...expiry } = asked.body;
      const { ended_calls } = await blocks.freeze(asked.params.id, { ...expiry, reason }, asked.request.access.actor);
      return { ...(await sessions.get(asked.params.id)), ended_calls };
    });
    serve(app, unfreezeSession, unfreeze);
    serve(app, resetSession, reset);
    serve(app, listSessions, ({ query, request }) =>
      sessionsOf(parts, placeOf(request.access, query.environment), query),
    );
    serve(app, getStats, ({ query, request }) =>
      statsOf(parts, placeOf(request.access, query.environment), query.hours),
    );
    serve(app, unfreezeSessionOfDashboard, unfreeze);
    serve(app, resetSessionOfDashboard, reset);
  };
}

interface SessionsAsked {
  readonly hours: number;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

async function sessionsOf(
  parts: SessionRouteParts,
  place: Place,
  { hours, limit, cursor }: SessionsAsked,
): Promise<SessionListed> {
  const { sessions } = parts.servicesOf(place);
  const { dbOf, caughtUp } = parts.reports;
  const db = dbOf(place.tenant);
  await caughtUp();
  const nowMs = parts.now();
  const sinceMs = nowMs - hours * HOUR_MS;
  const [page, total] = await Promise.all([
    asProblem(sessionPage(db, place, { sinceMs, nowMs, limit, cursor: cursor ?? null })),
    cursor === undefined ? countSessions(db, place, sinceMs) : null,
  ]);
  return {
    sessions: await Promise.all(
      page.sessions.map(async (use) => ({ ...(await sessions.get(use.session)), ...useOf(use) })),
    ),
    total,
    next_cursor: page.nextCursor,
  };
}

async function statsOf(parts: SessionRouteParts, place: Place, hours: number): Promise<StatsAnswer> {
  const { blocks } = parts.servicesOf(place);
  const { dbOf, keys, caughtUp } = parts.reports;
  const db = dbOf(place.tenant);
  await caughtUp();
  const { tenant, environment } = place;
  const fromMs = parts.now() - hours * HOUR_MS;
  const [sessions, usage] = await Promise.all([
    countSessions(db, place, fromMs),
    usageReport(db, keys, { tenant, fromMs, toMs: Infinity, groupBy: [], filter: { environment: [environment] } }),
  ]);
  const active = (kind: BlockKind): number => blocks.snapshot.active(kind, parts.now());
  const { calls, blocked, input_tokens, output_tokens, cost } = usage.total;
  return {
    hours,
    sessions,
    frozen_sessions: active("frozen_session"),
    kill_switches: active("kill_switch"),
    blocks: active("blocklist"),
    running_calls: blocks.runningCalls,
    calls,
    blocked,
    input_tokens,
    output_tokens,
    cost,
  };
}

function useOf(use: SessionUse): Omit<SessionListed["sessions"][number], keyof SessionAnswer> {
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
