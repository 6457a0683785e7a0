import { equalBytes } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "./ledger-keys.ts";

/** How far the nightly verification of a chain has come, and what it found last. */
export interface StoredVerification {
  /** Entries 1 to this one are sound; 0 = none was looked at. */
  readonly verifiedTo: bigint;
  readonly lookedMs: number;
  /** When the chain was last walked from its first entry on. */
  readonly wholeMs: number;
  readonly firstBadSequence: bigint | null;
  /** Null = nothing is wrong. */
  readonly problem: string | null;
}

interface VerificationRow {
  readonly verified_to: bigint;
  readonly looked_at: Date;
  readonly whole_at: Date;
  readonly first_bad_sequence: bigint | null;
  readonly problem: string | null;
  /** NULL: of a release before. */
  readonly mac: Buffer | null;
}

/** Somebody with the database and without the keys has written what a verification is said to have found. */
export const NOT_GENUINE = "what the last verification found was changed in the database";

/**
 * Null = the chain was never looked at by itself, or nothing that can be believed is there. A row that somebody changed says so as its
 * problem, with nothing of it sound. An older row put back is believed: it makes the next walk longer, or the whole chain walked sooner.
 */
export async function loadVerification(
  db: Queryable,
  keys: LedgerKeys,
  tenant: string,
): Promise<StoredVerification | null> {
  const [row] = (await db.query<VerificationRow>(sql("ledger-verification"), [tenant])).rows;
  if (row === undefined || row.mac === null) return null;
  const found = {
    verifiedTo: row.verified_to,
    lookedMs: row.looked_at.getTime(),
    wholeMs: row.whole_at.getTime(),
    firstBadSequence: row.first_bad_sequence,
    problem: row.problem,
  };
  const isGenuine = equalBytes(keys.verificationMac(tenant, textOf(found)), row.mac);
  return isGenuine ? found : { ...found, verifiedTo: 0n, firstBadSequence: 1n, problem: NOT_GENUINE };
}

/** In place of what is there. As the installation: no tenant may say that its chain is sound. */
export async function putVerification(
  db: Queryable,
  keys: LedgerKeys,
  tenant: string,
  found: StoredVerification,
): Promise<void> {
  await db.query(sql("put-ledger-verification"), [
    tenant,
    found.verifiedTo,
    new Date(found.lookedMs),
    new Date(found.wholeMs),
    found.firstBadSequence,
    found.problem,
    keys.verificationMac(tenant, textOf(found)),
  ]);
}

function textOf({ verifiedTo, lookedMs, wholeMs, firstBadSequence, problem }: StoredVerification): string {
  return JSON.stringify([String(verifiedTo), lookedMs, wholeMs, firstBadSequence?.toString() ?? null, problem]);
}
