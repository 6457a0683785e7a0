import type { FastifyInstance, FastifyRequest } from "fastify";
import type { LiveEvents } from "../../live/live-events.ts";
import { environmentOf } from "../access.ts";
import { parseInput } from "../control-api.ts";
import { serve } from "../endpoint.ts";
import { getEvents } from "../endpoints/events.ts";
import { sequenceCursor } from "../endpoints/fields.ts";

export function eventRoutes(live: LiveEvents): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, getEvents, async ({ query, request, reply }) => {
      const { access } = request;
      const since = query.since ?? lastEventId(request);
      // Proxies that keep an answer until it is whole would keep this one for ever.
      void reply.headers({ "cache-control": "no-store", "x-accel-buffering": "no" });
      return live.listen({
        tenant: access.tenant,
        environment: environmentOf(access, query.environment),
        ofTenant: access.environment === null,
        ended: access.ended,
        since: since === undefined ? null : BigInt(since),
        // What is asked by HEAD has nobody who reads it.
        follow: query.follow === "true" && request.method === "GET",
      });
    });
  };
}

/** As a browser sends it when it comes back by itself. */
function lastEventId({ headers }: FastifyRequest): string | undefined {
  return parseInput(sequenceCursor, headers["last-event-id"]);
}
