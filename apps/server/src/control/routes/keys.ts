import type { FastifyInstance, FastifyReply } from "fastify";
import type { KeyService } from "../../keys/key-service.ts";
import { environmentOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from "../endpoints/keys.ts";
import { Problem } from "../problem.ts";

/** Keys: made, read, changed, rotated and revoked. A secret is in two answers only: of making and of rotating. */
export function keyRoutes(keys: KeyService): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, createKey, async ({ body, query: { environment: asked }, request: { access }, reply }) => {
      if (asked !== undefined && body.environment !== undefined && asked !== body.environment)
        throw new Problem("REQUEST_INVALID", "environment: expected the same in the body and in the query");
      const made = await keys.create(body, environmentOf(access, body.environment ?? asked), access);
      shownOnce(reply.header("location", `/api/v1/keys/${made.id}`));
      return made;
    });
    serve(app, listKeys, async ({ query: { environment, cursor, limit }, request: { access } }) => {
      const page = await keys.list(environmentOf(access, environment), cursor ?? "", limit);
      return { keys: page.keys, next_cursor: page.next };
    });
    serve(app, getKey, ({ params, query, request: { access } }) =>
      keys.get(params.id, environmentOf(access, query.environment)),
    );
    serve(app, updateKey, ({ params, query, body, request: { access } }) =>
      keys.update(params.id, body, environmentOf(access, query.environment), access),
    );
    serve(app, rotateKey, async ({ params, query, body, request: { access }, reply }) => {
      const made = await keys.rotate(params.id, body, environmentOf(access, query.environment), access);
      shownOnce(reply);
      return made;
    });
    serve(app, revokeKey, async ({ params, query, request: { access } }) => {
      await keys.revoke(params.id, environmentOf(access, query.environment), access);
    });
  };
}

/** No cache between us and whoever asked may keep a secret. */
function shownOnce(reply: FastifyReply): void {
  void reply.header("cache-control", "no-store");
}
