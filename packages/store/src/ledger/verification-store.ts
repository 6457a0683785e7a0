import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

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
}

/** Null = the chain was never looked at by itself. */
export async function loadVerification(db: Queryable, tenant: string): Promise<StoredVerification | null> {
  const [row] = (await db.query<VerificationRow>(sql("ledger-verification"), [tenant])).rows;
  if (row === undefined) return null;
  return {
    verifiedTo: row.verified_to,
    lookedMs: row.looked_at.getTime(),
    wholeMs: row.whole_at.getTime(),
    firstBadSequence: row.first_bad_sequence,
    problem: row.problem,
  };
}

/** In place of what is there. As the installation: no tenant may say that its chain is sound. */
export async function putVerification(db: Queryable, tenant: string, found: StoredVerification): Promise<void> {
  await db.query(sql("put-ledger-verification"), [
    tenant,
    found.verifiedTo,
    new Date(found.lookedMs),
    new Date(found.wholeMs),
    found.firstBadSequence,
    found.problem,
  ]);
}
