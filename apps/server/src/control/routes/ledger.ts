import type { FastifyInstance } from "fastify";
import { verifyLedger } from "@tollhouse/store";
import { serve } from "../endpoint.ts";
import { verifyLedger as verifyEndpoint } from "../endpoints/ledger.ts";
import type { ReportParts } from "./usage.ts";

/** `POST /api/v1/ledger/verify`: chain, MACs, gaps and projection, in one snapshot of the database. */
export function ledgerRoutes({ caughtUp, db, keys }: ReportParts): (app: FastifyInstance) => void {
  return (app) => {
    serve(app, verifyEndpoint, async ({ body: { from, to }, request: { access } }) => {
      await caughtUp();
      const verified = await verifyLedger(db, {
        tenant: access.tenant,
        from: BigInt(from),
        to: to === "latest" ? to : BigInt(to),
        keys,
      });
      return {
        result: verified.result,
        tail: verified.tail,
        entries: Number(verified.entries),
        first_bad_sequence: verified.firstBadSequence === null ? null : Number(verified.firstBadSequence),
        problem: verified.problem,
      };
    });
  };
}
