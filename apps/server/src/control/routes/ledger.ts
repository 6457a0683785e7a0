import type { FastifyInstance } from "fastify";
import { verifyLedger } from "@tollhouse/store";
import { z } from "zod";
import { parseInput } from "../control-api.ts";
import type { ReportParts } from "./usage.ts";

const sequence = z.number({ error: "expected a sequence number from 1 on" }).int().min(1);
const verifyBody = z
  .strictObject({
    from: sequence.default(1),
    to: z.union([sequence, z.literal("latest")], { error: "expected a sequence number or `latest`" }).default("latest"),
  })
  // Nothing would be looked at, and nothing is found wrong with nothing.
  .refine(({ from, to }) => to === "latest" || from <= to, {
    path: ["to"],
    error: "expected a sequence not before from",
  });

/** `POST /api/v1/ledger/verify`: chain, MACs, gaps and projection, in one snapshot of the database. */
export function ledgerRoutes({ caughtUp, db, keys, tenant }: ReportParts): (app: FastifyInstance) => void {
  return (app) => {
    app.post("/api/v1/ledger/verify", async (request) => {
      const { from, to } = parseInput(verifyBody, request.body ?? {});
      await caughtUp();
      const verified = await verifyLedger(db, {
        tenant,
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
