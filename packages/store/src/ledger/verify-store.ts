import { createVerifier, genesisHash } from "@tollhouse/ledger";
import type { BadEntry, Entry, KeyedHash } from "@tollhouse/ledger";
import type { Database, Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { sha256 } from "./ledger-keys.ts";
import { asText, project, PROJECTION } from "./projection.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import { idBytes } from "./tenant-id.ts";

export interface VerifyRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  /** First sequence to check, from 1. A range that starts later trusts the stored hash of the entry before it. */
  readonly from: bigint;
  readonly to: bigint | "latest";
  /** Null: hashes, order and projection without the MACs. */
  readonly keys: LedgerKeys | null;
}

export interface VerifyResult {
  readonly result: "PASS" | "FAIL";
  /** Without a checkpoint kept elsewhere nobody can say that no entries are missing behind the last one. */
  readonly tail: "NOT PROVEN";
  readonly entries: bigint;
  readonly firstBadSequence: bigint | null;
  /** What is wrong there, for an operator. */
  readonly problem: string | null;
}

interface Row {
  readonly sequence: bigint;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
  readonly mac: Buffer;
  readonly projection: readonly (string | null)[];
}

const PAGE = 2000;

/**
 * Walks one tenant's chain through the verifier of the ledger package, in one snapshot of the database and in constant memory, and
 * derives the projection columns again from each body: a query cannot be lied to where the chain tells the truth.
 */
export function verifyLedger(db: Database, request: VerifyRequest): Promise<VerifyResult> {
  return db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    return walk(tx, request);
  });
}

async function walk(tx: Queryable, request: VerifyRequest): Promise<VerifyResult> {
  const to = request.to === "latest" ? await latest(tx, request.tenant) : request.to;
  const verifier = await verifierFor(tx, request);
  if (verifier === null) return failed(0n, request.from - 1n, "the entry before the range is missing");
  let next = request.from;
  while (next <= to) {
    const { rows } = await tx.query<Row>(sql("entries-to-verify"), [request.tenant, next, to, PAGE]);
    for (const row of rows) {
      const entry = verifier.push({ sequence: row.sequence, body: row.body, entryHash: row.entry_hash, mac: row.mac });
      if (!entry) return failedAt(verifier.entries, verifier.firstBad);
      const column = differingColumn(entry, row.projection);
      if (column) return failed(verifier.entries, row.sequence, `column ${column} is not what the body says`);
    }
    const last = rows.at(-1);
    if (!last) return failed(verifier.entries, next, "entries are missing up to the end of the range");
    next = last.sequence + 1n;
  }
  return {
    result: "PASS",
    tail: "NOT PROVEN",
    entries: verifier.entries,
    firstBadSequence: null,
    problem: null,
  };
}

async function verifierFor(
  tx: Queryable,
  { tenant, from, keys }: VerifyRequest,
): Promise<ReturnType<typeof createVerifier> | null> {
  const tenantId = idBytes("tenant", tenant);
  const genesis = genesisHash(sha256, await loadDeploymentId(tx), tenantId);
  const hmac: KeyedHash | null = keys && ((bytes, keyId) => keys.mac(tenant, keyId)(bytes));
  const options = { sha256, hmac, tenant: tenantId, genesis, from };
  if (from === 1n) return createVerifier(options);
  const { rows } = await tx.query<{ entry_hash: Buffer }>(sql("entry-hash"), [tenant, from - 1n]);
  const previousHash = rows[0]?.entry_hash;
  return previousHash ? createVerifier({ ...options, previousHash }) : null;
}

/** 0 where the chain has not started: then there is nothing to check. */
async function latest(tx: Queryable, tenant: string): Promise<bigint> {
  const { rows } = await tx.query<{ sequence: bigint | null }>(sql("latest-sequence"), [tenant]);
  return rows[0]?.sequence ?? 0n;
}

function differingColumn(entry: Entry, stored: readonly (string | null)[]): string | null {
  const derived = project(entry);
  const at = PROJECTION.findIndex((_, i) => asText(derived[i] ?? null) !== (stored[i] ?? null));
  return PROJECTION[at]?.[0] ?? null;
}

function failedAt(entries: bigint, bad: BadEntry | null): VerifyResult {
  return failed(entries, bad?.sequence ?? 0n, bad ? `${bad.fault}: ${bad.detail}` : "unknown");
}

function failed(entries: bigint, firstBadSequence: bigint, problem: string): VerifyResult {
  return { result: "FAIL", tail: "NOT PROVEN", entries, firstBadSequence, problem };
}
