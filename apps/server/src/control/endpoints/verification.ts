import { z } from "zod";
import { endpoint } from "../endpoint.ts";
import { decisionParams, sequence, time } from "./fields.ts";

const asked = z.number({ error: "expected a sequence number from 1 on" }).int().min(1);
const verifyBody = z
  .strictObject({
    from: asked.default(1),
    to: z.union([asked, z.literal("latest")], { error: "expected a sequence number or `latest`" }).default("latest"),
    pin: z
      .string({ error: "expected the text of a checkpoint" })
      .max(256 * 1024)
      .optional()
      .meta({ description: "A checkpoint that you kept: its entries must be there still." }),
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
    tail: z
      .enum(["PROVEN", "NOT PROVEN"])
      .meta({ description: "NOT PROVEN: nothing here shows that no entries were cut off the end." }),
    proven_to: sequence.nullable().meta({ description: "The sequence up to which the pin shows that none was." }),
    entries: z.int().min(0),
    checkpoints: z.int().min(0).meta({ description: "Those whose signature and root agree with the entries." }),
    purged: z.int().min(0).nullable().meta({
      description:
        "Entries without their details, which the chain itself says were purged (retention). Null: something is bad, or nobody counted.",
    }),
    first_bad_sequence: sequence.nullable(),
    problem: z.string().nullable(),
  })
  .meta({ id: "LedgerVerified" });

export const verifyLedger = endpoint({
  operationId: "verifyLedger",
  method: "POST",
  path: "/api/v1/ledger/verify",
  tag: "ledger",
  summary:
    "Walk the chain: hashes, MACs, gaps, the columns that are derived from it, roots and signatures of checkpoints.",
  body: verifyBody,
  bodyOptional: true,
  status: 200,
  answer: verified,
  errors: ["REQUEST_TOO_LARGE"],
  example: {
    body: { from: 1, to: "latest" },
    answer: {
      result: "PASS",
      tail: "NOT PROVEN",
      proven_to: null,
      entries: 4821,
      checkpoints: 5,
      purged: 0,
      first_bad_sequence: null,
      problem: null,
    },
  },
});

const walk = z
  .strictObject({
    id: z.string(),
    state: z.enum(["waiting", "running", "ended", "done"]).meta({
      description:
        "waiting: others of the installation are before it. ended: the process that walked it has ended before it was through.",
    }),
    from: sequence,
    to: z.union([sequence, z.literal("latest")]),
    began_at: time,
    ended_at: time.nullable(),
    walked: z.int().min(0).meta({ description: "Entries so far." }),
    of: z.int().min(0).nullable().meta({ description: "Entries in all; null: it is not known yet." }),
    answer: verified.nullable().meta({ description: "What was found; null: it is not through." }),
  })
  .meta({ id: "LedgerWalk" });
const EXAMPLE_WALK = "ver_0193c7a1b2c37d4e8f00112233445566";

export const beginVerification = endpoint({
  operationId: "beginVerification",
  method: "POST",
  path: "/api/v1/ledger/verifications",
  tag: "ledger",
  summary: "Begin to walk the chain without waiting for the end, and be told how far it is. Five at a time.",
  body: verifyBody,
  bodyOptional: true,
  status: 202,
  answer: walk,
  errors: ["REQUEST_TOO_LARGE", "OVERLOADED"],
  example: {
    body: { from: 1, to: "latest" },
    answer: {
      id: EXAMPLE_WALK,
      state: "waiting",
      from: 1,
      to: "latest",
      began_at: "2026-11-21T06:30:00.000Z",
      ended_at: null,
      walked: 0,
      of: null,
      answer: null,
    },
  },
});

export const getBegunVerification = endpoint({
  operationId: "getVerification",
  method: "GET",
  path: "/api/v1/ledger/verifications/{id}",
  tag: "ledger",
  summary: "How far a verification is, and what it found. Kept for thirty days.",
  params: decisionParams,
  status: 200,
  answer: walk,
  errors: ["NOT_FOUND"],
  example: {
    params: { id: EXAMPLE_WALK },
    answer: {
      id: EXAMPLE_WALK,
      state: "running",
      from: 1,
      to: "latest",
      began_at: "2026-11-21T06:30:00.000Z",
      ended_at: null,
      walked: 4_200_000,
      of: 10_000_000,
      answer: null,
    },
  },
});

export const getVerification = endpoint({
  operationId: "getLedgerVerification",
  method: "GET",
  path: "/api/v1/ledger/verification",
  tag: "ledger",
  summary: "What the nightly verification of the chain found last: each night what was added, once a month all of it.",
  keys: true,
  status: 200,
  answer: z
    .strictObject({
      result: z
        .enum(["PASS", "FAIL", "NOT YET"])
        .meta({ description: "NOT YET: no night has passed since the chain began, and nothing is said of it." }),
      looked_at: time.nullable(),
      whole_at: time.nullable().meta({ description: "When the chain was last walked from its first entry on." }),
      verified_to: z.int().min(0).meta({ description: "Entries 1 to this one are sound." }),
      first_bad_sequence: sequence.nullable(),
      problem: z.string().nullable(),
    })
    .meta({ id: "NightlyVerification" }),
  errors: [],
  example: {
    answer: {
      result: "PASS",
      looked_at: "2026-11-21T03:00:12.000Z",
      whole_at: "2026-11-01T03:00:41.000Z",
      verified_to: 4821,
      first_bad_sequence: null,
      problem: null,
    },
  },
});

export type LedgerVerified = z.infer<typeof verified>;
export type LedgerWalk = z.infer<typeof walk>;

export const VERIFICATION_ENDPOINTS = [verifyLedger, beginVerification, getBegunVerification, getVerification] as const;
