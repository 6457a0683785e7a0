import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { sequence } from "./fields.ts";

const asked = z.number({ error: "expected a sequence number from 1 on" }).int().min(1);
const verifyBody = z
  .strictObject({
    from: asked.default(1),
    to: z.union([asked, z.literal("latest")], { error: "expected a sequence number or `latest`" }).default("latest"),
  })
  // Nothing would be looked at, and nothing is found wrong with nothing.
  .refine(({ from, to }) => to === "latest" || from <= to, {
    path: ["to"],
    error: "expected a sequence not before from",
  })
  .meta({ id: "LedgerRange" });

const verified = z
  .strictObject({
    result: z.enum(["PASS", "FAIL"]),
    tail: z.string().meta({ description: "NOT PROVEN: nothing here shows that no entries were cut off the end." }),
    entries: z.int().min(0),
    first_bad_sequence: sequence.nullable(),
    problem: z.string().nullable(),
  })
  .meta({ id: "LedgerVerified" });

export const verifyLedger = endpoint({
  operationId: "verifyLedger",
  method: "POST",
  path: "/api/v1/ledger/verify",
  tag: "ledger",
  summary: "Walk the chain: hashes, MACs, gaps, and the columns that are derived from it.",
  body: verifyBody,
  bodyOptional: true,
  status: 200,
  answer: verified,
  errors: ["REQUEST_TOO_LARGE"],
  example: {
    body: { from: 1, to: "latest" },
    answer: { result: "PASS", tail: "NOT PROVEN", entries: 4821, first_bad_sequence: null, problem: null },
  },
});
