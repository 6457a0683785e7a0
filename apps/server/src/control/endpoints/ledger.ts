import { ENTRY_TYPES, type EntryType } from "@tollhouse/ledger";
import { USAGE_AXES, type UsageAxis } from "@tollhouse/store";
import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { decisionParams, hash, instant, pageLimit, sequence, sequenceCursor, time, valuesOf } from "./fields.ts";
import { EXAMPLE_DECISION } from "./reports.ts";

const ORIGIN = "tollhouse/4f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f/00000000000000000000000000000001";
const EXAMPLE_NOTE = `${ORIGIN}\n4821\n${Buffer.alloc(32, 7).toString("base64")}\n\n\u2014 ${ORIGIN} ${Buffer.alloc(68, 7).toString("base64")}\n`;
const EXAMPLE_KEY = `${ORIGIN}+07070707+${Buffer.alloc(33, 1).toString("base64")}`;

const note = z.string().meta({ description: "A signed note: c2sp.org/tlog-checkpoint." });
const size = z.int().min(1).meta({ description: "Entries covered: sequences 1 to this one." });

export const getCheckpoint = endpoint({
  operationId: "getCheckpoint",
  method: "GET",
  path: "/api/v1/ledger/checkpoint",
  tag: "ledger",
  summary: "The latest signed checkpoint of the chain, as it is published.",
  keys: true,
  status: 200,
  media: "text/plain",
  answer: note,
  errors: ["NOT_FOUND"],
  example: { answer: EXAMPLE_NOTE },
});

export const listCheckpoints = endpoint({
  operationId: "listCheckpoints",
  method: "GET",
  path: "/api/v1/ledger/checkpoints",
  tag: "ledger",
  summary: "Signed checkpoints, newest first.",
  keys: true,
  query: z.strictObject({ limit: pageLimit, cursor: sequenceCursor }),
  status: 200,
  answer: z.strictObject({
    checkpoints: z.array(
      z
        .strictObject({
          size,
          root: hash,
          made_at: time,
          first_of_month: z.boolean(),
          witnesses: z
            .array(z.string())
            .meta({ description: "Names of those who cosigned it: c2sp.org/tlog-witness." }),
          note,
        })
        .meta({ id: "Checkpoint" }),
    ),
    next_cursor: z.string().nullable(),
  }),
  errors: [],
  example: {
    query: { limit: "100" },
    answer: {
      checkpoints: [
        {
          size: 4821,
          root: "07".repeat(32),
          made_at: "2026-11-21T06:30:00.000Z",
          first_of_month: true,
          witnesses: [],
          note: EXAMPLE_NOTE,
        },
      ],
      next_cursor: null,
    },
  },
});

export const getPublicKey = endpoint({
  operationId: "getLedgerPublicKey",
  method: "GET",
  path: "/api/v1/ledger/public-key",
  tag: "ledger",
  summary:
    "What checkpoints are verified with. Fetch it once, and keep it where nobody who runs Tollhouse can change it.",
  keys: true,
  status: 200,
  answer: z.strictObject({
    origin: z.string(),
    key: z.string().meta({ description: "name+id+base64 of algorithm and public key: c2sp.org/signed-note." }),
    earlier: z.array(z.string()).meta({ description: "Keys that signed earlier checkpoints, or may have." }),
    signed: z
      .array(z.strictObject({ key: z.string(), from_size: size, from: time }))
      .meta({ description: "Those that did, with the first checkpoint that each signed." }),
  }),
  errors: [],
  example: {
    answer: {
      origin: ORIGIN,
      key: EXAMPLE_KEY,
      earlier: [],
      signed: [{ key: EXAMPLE_KEY, from_size: 1, from: "2026-11-21T06:30:00.000Z" }],
    },
  },
});

const sizeAsked = z.coerce.number({ error: "expected the size of a tree, from 1 on" }).int().min(1);

export const getConsistency = endpoint({
  operationId: "getConsistency",
  method: "GET",
  path: "/api/v1/ledger/consistency",
  tag: "ledger",
  summary:
    "Proof that the tree of `to` entries begins with that of `from` entries: nothing that was covered has changed.",
  keys: true,
  query: z.strictObject({
    from: sizeAsked,
    to: sizeAsked.optional().meta({ description: "The size of a checkpoint; without it the latest." }),
  }),
  status: 200,
  answer: z
    .strictObject({
      from: size,
      from_root: hash,
      to: size,
      to_root: hash,
      proof: z.array(hash).meta({ description: "RFC 6962, 2.1.2." }),
      checkpoint: note.meta({ description: "Of `to`." }),
    })
    .meta({ id: "ConsistencyProof" }),
  errors: ["NOT_FOUND"],
  example: {
    query: { from: "1" },
    answer: {
      from: 1,
      from_root: "06".repeat(32),
      to: 4821,
      to_root: "07".repeat(32),
      proof: ["08".repeat(32)],
      checkpoint: EXAMPLE_NOTE,
    },
  },
});

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

export const getReceipt = endpoint({
  operationId: "getReceipt",
  method: "GET",
  path: "/api/v1/calls/{id}/receipt",
  tag: "ledger",
  summary:
    "The ledger's entry of a call, and the proof that it is in the chain. What is not covered yet is covered now.",
  keys: true,
  params: decisionParams,
  status: 200,
  answer: z
    .strictObject({
      decision: z.string(),
      sequence,
      entry: z.strictObject({ body: base64, previous_hash: hash, entry_hash: hash, mac: hash }),
      proof: z.array(hash).meta({ description: "From the leaf's sibling up: RFC 6962, 2.1.1." }),
      checkpoint: note,
      tlog_proof: z.string().meta({
        description: "All of it as one file, c2sp.org/tlog-proof; its extra data is previous hash and body.",
      }),
    })
    .meta({ id: "Receipt" }),
  errors: ["NOT_FOUND"],
  example: {
    params: { id: EXAMPLE_DECISION },
    answer: {
      decision: EXAMPLE_DECISION,
      sequence: 17,
      entry: { body: "AQI=", previous_hash: "05".repeat(32), entry_hash: "5f".repeat(32), mac: "0a".repeat(32) },
      proof: ["08".repeat(32)],
      checkpoint: EXAMPLE_NOTE,
      tlog_proof: `c2sp.org/tlog-proof@v1\nextra AQI=\nindex 16\n${Buffer.alloc(32, 8).toString("base64")}\n\n${EXAMPLE_NOTE}`,
    },
  },
});

const sequenceAsked = z.coerce.number({ error: "expected a sequence number from 1 on" }).int().min(1);

const typeNames = Object.keys(ENTRY_TYPES) as EntryType[];
const filters = Object.fromEntries(USAGE_AXES.map((axis) => [axis, valuesOf(256)])) as {
  readonly [A in UsageAxis]: ReturnType<typeof valuesOf>;
};
const exportQuery = z
  .strictObject({
    from: sequenceAsked.default(1),
    to: sequenceAsked
      .optional()
      .meta({ description: "Without it: the latest, covered by a checkpoint of this moment." }),
    format: z.enum(["ndjson", "csv", "parquet"]).default("ndjson").meta({
      description:
        "`ndjson`, for verifiers: the bytes. `csv` and `parquet`, for people and their tools: what the bytes say.",
    }),
    since: instant,
    until: instant.meta({ description: "Entries of `since` and later, before this time." }),
    type: valuesOf(32, typeNames),
    ...filters,
  })
  .superRefine((query, context) => {
    if (query.format !== "ndjson") return;
    for (const name of ["since", "until", "type", ...USAGE_AXES] as const)
      if (query[name] !== undefined)
        context.addIssue({
          code: "custom",
          path: [name],
          message: "expected only with format csv or parquet: nobody can verify a chain that entries are left out of",
        });
  });
export type ExportQuery = z.infer<typeof exportQuery>;

export const exportLedger = endpoint({
  operationId: "exportLedger",
  method: "GET",
  path: "/api/v1/ledger/export",
  tag: "ledger",
  summary:
    "Entries with their bytes, and the checkpoints that cover them, for the offline verifiers. Goes on with `from`. Or as a table: CSV, Parquet.",
  query: exportQuery,
  status: 200,
  media: "application/x-ndjson",
  alsoMedia: ["text/csv", "application/vnd.apache.parquet"],
  answer: z
    .string()
    .meta({ description: "A line of JSON each: head, entries, checkpoints, end. See docs/ledger-format.md." }),
  errors: ["NOT_FOUND", "DETAILS_PURGED", "RATE_LIMITED"],
  example: { query: { from: "1" }, answer: '{"format":"tollhouse-ledger-export/v1"}\n{"end":true,"entries":0}\n' },
});

export const LEDGER_ENDPOINTS = [
  getCheckpoint,
  listCheckpoints,
  getPublicKey,
  getConsistency,
  getReceipt,
  exportLedger,
] as const;
