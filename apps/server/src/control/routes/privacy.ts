import type { FastifyInstance } from "fastify";
import { ErasureService, type ErasureParts } from "../../privacy/erasure-service.ts";
import { LedgerKeyService, type LedgerKeyParts } from "../../privacy/ledger-key-service.ts";
import { serve } from "../endpoint.ts";
import { eraseUser, rotateLedgerKey } from "../endpoints/privacy.ts";

/** What is forgotten, and by which keys the ledger is kept: the admin's business, since both are of a whole tenant. */
export function privacyRoutes(parts: ErasureParts & LedgerKeyParts): (app: FastifyInstance) => void {
  const erasure = new ErasureService(parts);
  const ledgerKeys = new LedgerKeyService(parts);
  return (app) => {
    serve(app, eraseUser, ({ params, query, request: { access } }) =>
      erasure.erase(params.id, query.configuration, access),
    );
    serve(app, rotateLedgerKey, ({ request: { access } }) => ledgerKeys.rotate(access.tenant, access.actor));
  };
}
