import type { AuditPage } from "@tollhouse/store";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { filterText, hash, instant, nextCursor, pageLimit, sequence, sequenceCursor, time } from "./fields.ts";

const text = z.string().nullable();
const page: z.ZodType<AuditPage> = z
  .strictObject({
    changes: z.array(
      z.strictObject({
        id: z.string(),
        sequence,
        time,
        environment: text,
        actor: text,
        action: text,
        subject: text,
        before: z.unknown().meta({ description: "What it was; null = it was not there." }),
        after: z.unknown().meta({ description: "What it became; null = it is gone." }),
        entry_hash: hash,
      }),
    ),
    next_cursor: nextCursor,
  })
  .meta({ id: "AuditPage" });

export const listAudit = endpoint({
  operationId: "listAudit",
  method: "GET",
  path: "/api/v1/audit",
  tag: "audit",
  summary: "Changes of configuration, newest first: who, what, before and after, each an entry of the ledger.",
  keys: true,
  query: z
    .strictObject({
      limit: pageLimit,
      cursor: sequenceCursor,
      environment: filterText(64),
      action: filterText(64),
      subject: filterText(256),
      from: instant,
      to: instant,
    })
    .refine(({ from, to }) => (from ?? 0) <= (to ?? Infinity), {
      path: ["to"],
      error: "expected a time not before from",
    }),
  status: 200,
  answer: page,
  errors: [],
  example: {
    query: { limit: "100", action: "limit.update" },
    answer: {
      changes: [
        {
          id: "chg_019aa3b0c1d27e4f8a5b6c7d8e9f0a1d",
          sequence: 19,
          time: "2026-11-21T06:31:00.000Z",
          environment: "prod",
          actor: "admin-key",
          action: "limit.update",
          subject: "lim_019aa3b0c1d27e4f8a5b6c7d8e9f0a1b",
          before: { amount: "25.000000000", mode: "hard", version: 1 },
          after: { amount: "40.000000000", mode: "hard", version: 2 },
          entry_hash: "b1".repeat(32),
        },
      ],
      next_cursor: null,
    },
  },
});
