import { retentionSchema, type RetentionAnswer } from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { environmentQuery } from "../routes/environment-asked.ts";
import { time } from "./fields.ts";

const retention: z.ZodType<RetentionAnswer> = z
  .strictObject({
    environment: z.string(),
    detail_months: z.int().nullable().meta({ description: "Whole months behind the running one; null = for ever." }),
    version: z.int().min(0).meta({ description: "0: never set." }),
    keeps_from: time.nullable().meta({ description: "What the setting means now: the first instant that it keeps." }),
    purged_before: time.nullable().meta({ description: "Calls before it have no details any more, for good." }),
    removing: z.boolean().meta({ description: "Are those before it being removed still?" }),
  })
  .meta({ id: "Retention" });
const SAMPLE = {
  environment: "prod",
  detail_months: 12,
  version: 1,
  keeps_from: "2025-11-01T00:00:00.000Z",
  purged_before: null,
  removing: false,
};

export const getRetention = endpoint({
  operationId: "getRetention",
  method: "GET",
  path: "/api/v1/retention",
  tag: "ledger",
  summary:
    "For how long it is kept who and what single calls were, and from when on that is still there. Sums and the chain are kept for ever.",
  keys: true,
  query: environmentQuery,
  status: 200,
  answer: retention,
  etag: true,
  errors: [],
  example: { answer: { ...SAMPLE, detail_months: null, version: 0, keeps_from: null } },
});

export const updateRetention = endpoint({
  operationId: "updateRetention",
  method: "PUT",
  path: "/api/v1/retention",
  tag: "ledger",
  summary:
    "Change it. Months that are over for longer lose their details, and texts kept of their calls, within the hour, for good; an entry of the ledger says so for each.",
  query: environmentQuery,
  body: retentionSchema.meta({ id: "RetentionUpdate" }),
  status: 200,
  answer: retention,
  etag: true,
  ifMatch: true,
  errors: ["PRECONDITION_FAILED", "VERSION_CONFLICT", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: { detail_months: 12 }, answer: SAMPLE },
});

export const RETENTION_ENDPOINTS: readonly Endpoint[] = [getRetention, updateRetention];
