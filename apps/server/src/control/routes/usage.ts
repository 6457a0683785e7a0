import type { FastifyInstance } from "fastify";
import {
  listCalls,
  USAGE_GROUPS,
  usageReport,
  type Database,
  type LedgerKeys,
  type UsageGroup,
} from "@tollhouse/store";
import { z } from "zod";
import { parseInput } from "../control-api.ts";

export interface ReportParts {
  /** Resolves when calls that ended before now can be read, or after a short while: a report never waits for an outage. */
  readonly caughtUp: () => Promise<void>;
  readonly db: Database;
  readonly keys: LedgerKeys;
  readonly tenant: string;
}

const EXPECTED_GROUPS = `a list of ${USAGE_GROUPS.join(", ")}, with commas between them`;
const instant = z
  .string()
  .transform((text, context) => {
    const ms = Date.parse(text);
    if (ms >= 0) return ms;
    context.addIssue({ code: "custom", message: "expected a time such as 2026-11-01T00:00:00Z" });
    return z.NEVER;
  })
  .optional();

/** Text that is compared with a column; PostgreSQL has no text with U+0000. */
const text = (lengthMax: number): z.ZodOptional<z.ZodString> =>
  z
    .string()
    .max(lengthMax)
    // oxlint-disable-next-line no-control-regex
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: "expected a text without control characters" })
    .optional();

const usageRange = z.strictObject({
  from: instant,
  to: instant,
  environment: text(64),
  group_by: z
    .string()
    .optional()
    .transform((text, context) => {
      const groups = text === undefined || text === "" ? [] : text.split(",").map((name) => name.trim());
      const known = groups.filter((name): name is UsageGroup => (USAGE_GROUPS as readonly string[]).includes(name));
      if (known.length === groups.length && new Set(known).size === known.length) return known;
      context.addIssue({ code: "custom", message: `expected ${EXPECTED_GROUPS}` });
      return z.NEVER;
    }),
});

const usageQuery = usageRange.refine(({ from, to }) => (from ?? 0) <= (to ?? Infinity), {
  path: ["to"],
  error: "expected a time not before from",
});

const callsQuery = z.strictObject({
  limit: z.coerce.number({ error: "expected a whole number from 1 to 1000" }).int().min(1).max(1000).default(100),
  cursor: z
    .string()
    .regex(/^[1-9]\d{0,17}$/, { error: "expected the next_cursor of an earlier answer" })
    .optional(),
  environment: text(64),
  session: text(256),
  user: text(256),
  model: text(256),
  outcome: z.enum(["settled", "released", "blocked"]).optional(),
});

/** What was spent, and the calls that spent it, up to the moment of the question. */
export function usageRoutes({ caughtUp, db, keys, tenant }: ReportParts): (app: FastifyInstance) => void {
  return (app) => {
    app.get("/api/v1/usage", async (request) => {
      const query = parseInput(usageQuery, request.query);
      await caughtUp();
      return usageReport(db, {
        tenant,
        environment: query.environment ?? null,
        fromMs: query.from ?? 0,
        toMs: query.to ?? Infinity,
        groupBy: query.group_by,
      });
    });
    app.get("/api/v1/calls", async (request) => {
      const { limit, cursor, environment, session, user, model, outcome } = parseInput(callsQuery, request.query);
      await caughtUp();
      return listCalls(db, keys, {
        tenant,
        limit,
        cursor: cursor ?? null,
        ...(environment !== undefined && { environment }),
        ...(session !== undefined && { session }),
        ...(user !== undefined && { user }),
        ...(model !== undefined && { model }),
        ...(outcome !== undefined && { outcome }),
      });
    });
  };
}
