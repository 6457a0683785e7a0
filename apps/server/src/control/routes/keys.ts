import type { FastifyInstance, FastifyReply } from "fastify";
import type { KeyAnswer } from "@tollhouse/contract";
import type { KeyService } from "../../keys/key-service.ts";
import { environmentOf } from "../access.ts";
import { serve } from "../endpoint.ts";
import { etagOf, ifMatchOf } from "../etag.ts";
import { createKey, getKey, listKeys, revokeKey, rotateKey, updateKey } from "../endpoints/keys.ts";
import { Problem } from "../problem.ts";

/** Keys: made, read, changed, rotated and revoked. A secret is in two answers only: of making and of rotating. */
export function keyRoutes(keysOf: (tenant: string) => KeyService): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, createKey, async ({ body, query: { environment: asked }, request: { access }, reply }) => {
      if (asked !== undefined && body.environment !== undefined && asked !== body.environment)
        throw new Problem("REQUEST_INVALID", "environment: expected the same in the body and in the query");
      const made = await keysOf(access.tenant).create(body, environmentOf(access, body.environment ?? asked), access);
      shownOnce(reply.header("location", `/api/v1/keys/${made.id}`));
      return tagged(reply, made);
    });
    serve(app, listKeys, async ({ query: { environment, cursor, limit }, request: { access } }) => {
      const page = await keysOf(access.tenant).list(environmentOf(access, environment), cursor ?? "", limit);
      return { keys: page.keys, next_cursor: page.next };
    });
    serve(app, getKey, ({ params, query, request: { access }, reply }) =>
      tagged(reply, keysOf(access.tenant).get(params.id, environmentOf(access, query.environment))),
    );
    serve(app, updateKey, async ({ params, query, body, request: { access, headers }, reply }) => {
      const environment = environmentOf(access, query.environment);
      return tagged(
        reply,
        await keysOf(access.tenant).update(params.id, body, environment, access, ifMatchOf(headers["if-match"])),
      );
    });
    serve(app, rotateKey, async ({ params, query, body, request: { access, headers }, reply }) => {
      const environment = environmentOf(access, query.environment);
      const made = await keysOf(access.tenant).rotate(
        params.id,
        body,
        environment,
        access,
        ifMatchOf(headers["if-match"]),
      );
      shownOnce(reply);
      return tagged(reply, made);
    });
    serve(app, revokeKey, async ({ params, query, request: { access, headers } }) => {
      const environment = environmentOf(access, query.environment);
      await keysOf(access.tenant).revoke(params.id, environment, access, ifMatchOf(headers["if-match"]));
    });
  };
}

function tagged<K extends KeyAnswer>(reply: FastifyReply, key: K): K {
  void reply.header("etag", etagOf(key.version));
  return key;
}

/** No cache between us and whoever asked may keep a secret. */
function shownOnce(reply: FastifyReply): void {
  void reply.header("cache-control", "no-store");
}
