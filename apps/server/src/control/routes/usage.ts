import type { FastifyInstance } from "fastify";
import { listCalls, usageReport, type Database, type LedgerKeys } from "@tollhouse/store";
import { environmentOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { getUsage, listCalls as listCallsEndpoint } from "../endpoints/reports.ts";

export interface ReportParts {
  /** Resolves when calls that ended before now can be read, or after a short while: a report never waits for an outage. */
  readonly caughtUp: () => Promise<void>;
  readonly db: Database;
  readonly keys: LedgerKeys;
}

/** What was spent, and the calls that spent it, up to the moment of the question. */
export function usageRoutes({ caughtUp, db, keys }: ReportParts): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, getUsage, async ({ query, request }) => {
      // Told apart by environment, all of them are asked for; otherwise a sum over dev and prod would mislead.
      const otherwise = query.group_by.includes("environment") ? null : "prod";
      const environment = environmentOf(request.access, query.environment, otherwise);
      await caughtUp();
      return usageReport(db, {
        tenant: request.access.tenant,
        environment,
        fromMs: query.from ?? 0,
        toMs: query.to ?? Infinity,
        groupBy: query.group_by,
      });
    });
    serve(app, listCallsEndpoint, async ({ query, request }) => {
      const { limit, cursor, environment: asked, session, user, model, outcome } = query;
      const environment = environmentOf(request.access, asked, null);
      await caughtUp();
      return listCalls(db, keys, {
        tenant: request.access.tenant,
        limit,
        cursor: cursor ?? null,
        ...(environment !== null && { environment }),
        ...(session !== undefined && { session }),
        ...(user !== undefined && { user }),
        ...(model !== undefined && { model }),
        ...(outcome !== undefined && { outcome }),
      });
    });
  };
}
