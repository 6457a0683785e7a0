import type { FastifyInstance } from "fastify";
import { RetentionService, type RetentionParts } from "../../privacy/retention-service.ts";
import type { Place } from "../../place.ts";
import { placeOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { getRetention, updateRetention } from "../endpoints/retention.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

export interface RetentionRouteParts extends RetentionParts {
  /** Throws a Problem where there is no such environment. */
  readonly tenants: { at(place: Place): unknown };
}

/** For how long details of calls are kept. */
export function retentionRoutes(parts: RetentionRouteParts): (app: FastifyInstance) => void {
  const retention = new RetentionService(parts);
  return (app) => {
    serve(app, getRetention, async ({ query, request: { access }, reply }) => {
      const place = placeOf(access, query.environment);
      parts.tenants.at(place);
      const answer = await retention.get(place);
      void reply.header("etag", etagOf(answer.version));
      return answer;
    });
    serve(app, updateRetention, async ({ query, body, request, reply }) => {
      const place = placeOf(request.access, query.environment);
      parts.tenants.at(place);
      const match = ifMatchOf(request.headers["if-match"]);
      const answer = await retention.update(place, body, request.access.actor, match);
      void reply.header("etag", etagOf(answer.version));
      return answer;
    });
  };
}
