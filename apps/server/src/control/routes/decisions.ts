import type { FastifyInstance } from "fastify";
import { callByDecision, listAudit, type CallWithEntry } from "@tollhouse/store";
import { explainDecision, type Present } from "../../decisions/explain-decision.ts";
import { environmentOf, type Access } from "../access.ts";
import { serve } from "../endpoint.ts";
import { listAudit as listAuditEndpoint } from "../endpoints/audit.ts";
import { getDecision } from "../endpoints/decisions.ts";
import { getCall } from "../endpoints/reports.ts";
import { Problem } from "../problem.ts";
import type { ReportParts } from "./usage.ts";

/** Why a call was let through or blocked, and who changed what: read back from the ledger. */
export function decisionRoutes(reports: ReportParts, present: Omit<Present, "tenant">): (app: FastifyInstance) => void {
  const { dbOf, caughtUp } = reports;
  const find = async (id: string, access: Access): Promise<CallWithEntry> => {
    await caughtUp();
    const found = await callByDecision(dbOf(access.tenant), access.tenant, id);
    // Of another environment than the key's: no more there than one that never was.
    if (found === null || (access.environment !== null && access.environment !== found.call.environment))
      throw new Problem("NOT_FOUND", `There is no decision ${id}`);
    return found;
  };
  return (app) => {
    serve(app, getDecision, async ({ params, request }) =>
      explainDecision(await find(params.id, request.access), { ...present, tenant: request.access.tenant }),
    );
    serve(app, getCall, async ({ params, request }) => (await find(params.id, request.access)).call);
    serve(app, listAuditEndpoint, async ({ query, request }) => {
      const environment = environmentOf(request.access, query.environment, null);
      await caughtUp();
      return listAudit(dbOf(request.access.tenant), {
        tenant: request.access.tenant,
        environment,
        limit: query.limit,
        cursor: query.cursor ?? null,
        action: query.action ?? null,
        subject: query.subject ?? null,
        fromMs: query.from ?? null,
        toMs: query.to ?? null,
      });
    });
  };
}
