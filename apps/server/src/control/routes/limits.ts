import type { FastifyInstance, FastifyReply } from "fastify";
import type { LimitAnswer } from "@tollhouse/contract";
import type { Database } from "@tollhouse/store";
import { limitPage } from "../../limits/limit-page.ts";
import type { LimitService } from "../../limits/limit-service.ts";
import { placeOf, type Access } from "../access.ts";
import type { Place } from "../../place.ts";
import { serve } from "../endpoint.ts";
import { createLimit, deleteLimit, getLimit, listLimits, updateLimit } from "../endpoints/limits.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

/** `limitsOf`: the limits of an environment; throws a Problem where there is no such one. `dbOf`: a tenant's view of the database. */
export function limitRoutes(
  limitsOf: (place: Place) => LimitService,
  dbOf: (tenant: string) => Database,
): (app: FastifyInstance) => void {
  const of = (access: Access, query: { environment?: string | undefined }): LimitService =>
    limitsOf(placeOf(access, query.environment));
  return (app) => {
    serve(app, createLimit, async ({ body, query, request: { access }, reply }) => {
      const limit = await of(access, query).create(body, access.actor);
      return tagged(reply.header("location", `/api/v1/limits/${limit.id}`), limit);
    });
    serve(app, listLimits, ({ query, request: { access } }) => {
      const place = placeOf(access, query.environment);
      const { scope = null, measure = null, scope_kind: kind = null, cursor = "", limit } = query;
      const asked = { after: cursor, limit, scopes: scope, measure, kind };
      return limitPage(dbOf(place.tenant), limitsOf(place), place, asked);
    });
    serve(app, getLimit, async ({ params, query, request: { access }, reply }) =>
      tagged(reply, await of(access, query).get(params.id)),
    );
    serve(app, updateLimit, async ({ params, query, body, request: { access, headers }, reply }) =>
      tagged(reply, await of(access, query).update(params.id, body, access.actor, ifMatchOf(headers["if-match"]))),
    );
    serve(app, deleteLimit, ({ params, query, request: { access, headers } }) =>
      of(access, query).remove(params.id, access.actor, ifMatchOf(headers["if-match"])),
    );
  };
}

/** The state beside the version moves with every call, so no cache may answer for us. */
function tagged(reply: FastifyReply, limit: LimitAnswer): LimitAnswer {
  void reply.headers({ etag: etagOf(limit.version), "cache-control": "no-store" });
  return limit;
}
