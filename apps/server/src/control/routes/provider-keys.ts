import type { FastifyInstance, FastifyReply } from "fastify";
import type { ProviderKeyAnswer } from "@tollhouse/contract";
import type { ProviderKeyService } from "../../provider-keys/provider-key-service.ts";
import type { Place } from "../../place.ts";
import { placeOf, type Access } from "../access.ts";
import { serve } from "../endpoint.ts";
import { deleteProviderKey, getProviderKey, listProviderKeys, setProviderKey } from "../endpoints/provider-keys.ts";
import { etagOf, ifMatchOf } from "../etag.ts";

/** `servicesOf`: the provider keys of an environment; throws a Problem where there is no such one. */
export function providerKeyRoutes(servicesOf: (place: Place) => ProviderKeyService): (app: FastifyInstance) => void {
  const of = (access: Access, query: { environment?: string | undefined }): ProviderKeyService =>
    servicesOf(placeOf(access, query.environment));
  return (app) => {
    serve(app, setProviderKey, async ({ params, query, body, request: { access, headers }, reply }) => {
      const ifMatch = ifMatchOf(headers["if-match"]);
      return tagged(reply, await of(access, query).set(params.provider, body.api_key, access.actor, ifMatch));
    });
    serve(app, listProviderKeys, ({ query, request: { access }, reply }) => {
      void reply.header("cache-control", "no-store");
      return { provider_keys: of(access, query).list() };
    });
    serve(app, getProviderKey, ({ params, query, request: { access }, reply }) =>
      tagged(reply, of(access, query).get(params.provider)),
    );
    serve(app, deleteProviderKey, ({ params, query, request: { access, headers } }) =>
      of(access, query).remove(params.provider, access.actor, ifMatchOf(headers["if-match"])),
    );
  };
}

/** Nothing of a provider key belongs into a cache between us and whoever asked. */
function tagged(reply: FastifyReply, key: ProviderKeyAnswer): ProviderKeyAnswer {
  void reply.headers({ etag: etagOf(key.version), "cache-control": "no-store" });
  return key;
}
