import { createVerifier, decodeBody, genesisHash, originOf } from "@tollhouse/ledger";
import type { Checkpoint, KeyedHash, Verifier } from "@tollhouse/ledger";
import type { OpenDatabase, Queryable, Snapshot } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";
import { latestCheckpoint } from "./checkpoint-store.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { sha256 } from "./ledger-keys.ts";
import { ChainPages, PAGE_ROWS } from "./chain-pages.ts";
import { GenuinePurges } from "./genuine-purges.ts";
import { differingColumn, isProjected } from "./projection-bytes.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import type { StoredRow } from "./stored-row.ts";
import { idBytes } from "./tenant-id.ts";
import { CheckpointVerifier } from "./verify-checkpoints.ts";
import type { BadCheckpoint } from "./verify-checkpoints.ts";

export interface VerifyRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  /** First sequence to check, from 1. A range that starts later trusts the stored hash of the entry before it. */
  readonly from: bigint;
  readonly to: bigint | "latest";
  /** Null: hashes, order and projection without the MACs. */
  readonly keys: LedgerKeys | null;
  /** Whose checkpoints to hold the tree against; absent = none are looked at. */
  readonly signer?: Pick<CheckpointSigner, "keys">;
  /** A checkpoint that somebody kept outside: its entries must be there still. Opened with the chain's key by the caller. */
  readonly pin?: Checkpoint;
  /** The entry at `from` is the last of another range as well, and counted there where its details are purged. */
  readonly isContinued?: boolean;
  /** Told of each page: how many entries were walked, of how many. */
  readonly walked?: (entries: number, of: number) => void;
}

export interface VerifyResult {
  readonly result: "PASS" | "FAIL";
  /** Without a checkpoint kept elsewhere nobody can say that no entries were cut off the end. */
  readonly tail: "PROVEN" | "NOT PROVEN";
  /** The sequence up to which a pin shows that nothing was cut; null = there was none. */
  readonly provenTo: bigint | null;
  readonly entries: bigint;
  /** Entries without their details, which the chain itself says were purged; null = something is bad, and it was not walked to the end. */
  readonly purged: bigint | null;
  readonly firstBadSequence: bigint | null;
  /** Checkpoints whose signature and root agree with the entries. */
  readonly checkpoints: number;
  /** What is wrong there, for an operator. */
  readonly problem: string | null;
}

/**
 * Walks one tenant's chain through the verifier of the ledger package, in one snapshot of the database and in constant memory, and
 * derives the projection columns again from each body: a query cannot be lied to where the chain tells the truth. Details may be missing
 * where the chain says that they were purged, and nowhere else. `snapshot`: of a moment that another connection holds.
 */
export function verifyLedger(
  db: Pick<OpenDatabase, "snapshot">,
  request: VerifyRequest,
  snapshot?: string,
): Promise<VerifyResult> {
  return db.snapshot((tx) => walk(tx, request), snapshot);
}

async function walk(tx: Snapshot, request: VerifyRequest): Promise<VerifyResult> {
  const { tenant, from, pin } = request;
  const newest = await latest(tx, tenant);
  const to = request.to === "latest" ? newest : request.to;
  const verifierAt = await verifiersFor(tx, request);
  const verifier = await firstVerifier(tx, request, (begin, hash) => verifierAt(begin, hash, true));
  if (verifier === null) return failed(0n, from - 1n, "the entry before the range is missing");
  const missing = await missingTail(tx, request, newest);
  // A cut end is told after what lies before it: the first bad sequence is the one that counts.
  const checkpoints = await checkpointsOf(tx, request, to);
  if (checkpoints !== null && "problem" in checkpoints) return failed(0n, checkpoints.sequence, checkpoints.problem);
  const purges = await GenuinePurges.load(tx, tenant, (stored, previous) =>
    verifierAt(stored.sequence, previous, false).push(stored),
  );
  const against = { verifier, checkpoints, purges, purged: 0 };
  const bad = await walkEntries(tx, request, to, against);
  if (bad !== null) return failed(verifier.entries, bad.sequence, bad.problem);
  if (missing !== null) return failed(verifier.entries, newest + 1n, missing);
  const isProven = checkpoints?.pinAgreed === true;
  return {
    result: "PASS",
    tail: isProven ? "PROVEN" : "NOT PROVEN",
    provenTo: isProven && pin ? BigInt(pin.size) : null,
    entries: verifier.entries,
    purged: BigInt(against.purged),
    firstBadSequence: null,
    checkpoints: checkpoints?.checked ?? 0,
    problem: null,
  };
}

/** What a row is held against. */
interface Against {
  readonly verifier: Verifier;
  readonly checkpoints: CheckpointVerifier | null;
  readonly purges: GenuinePurges;
  /** So far. */
  purged: number;
}

async function walkEntries(
  tx: Snapshot,
  { tenant, from, isContinued, walked }: VerifyRequest,
  to: bigint,
  against: Against,
): Promise<BadCheckpoint | null> {
  const pages = new ChainPages(tx, tenant, to);
  for (let next = from; next <= to;) {
    // No row has a sequence beyond the next ones where nothing is wrong; where something is, that is told first.
    await against.checkpoints?.read(Number(next) + PAGE_ROWS);
    let bad = null as BadCheckpoint | null;
    const rows = await pages.read(next, (row) => {
      bad ??= checkRow(row, against) ?? against.checkpoints?.push(row.entryHash) ?? null;
      if (isContinued === true && row.sequence === from) against.purged = 0;
    });
    // MACs are behind the rest: an entry whose own is wrong comes before whatever else was found.
    const { firstBad } = against.verifier;
    if (firstBad !== null) return { sequence: firstBad.sequence, problem: `${firstBad.fault}: ${firstBad.detail}` };
    if (bad !== null) return bad;
    if (rows === 0) return { sequence: next, problem: "entries are missing up to the end of the range" };
    next += BigInt(rows);
    walked?.(Number(next - from), Number(to - from + 1n));
  }
  return null;
}

function checkRow(row: StoredRow, against: Against): BadCheckpoint | null {
  const { verifier, purges } = against;
  if (!verifier.push(row)) return { sequence: row.sequence, problem: "the verifier says why" };
  if (isProjected(row)) return null;
  const mayBePurged = purges.cover(row.sequence, row);
  const isPurged = mayBePurged && isProjected(row, true);
  const entry = isPurged ? null : decodeBody(row.body);
  const problem = entry && differingColumn(entry, row.columns());
  if (isPurged || (entry && problem !== null && mayBePurged && differingColumn(entry, row.columns(), true) === null)) {
    against.purged += 1;
    return null;
  }
  return problem === null ? null : { sequence: row.sequence, problem };
}

/** Entries that a checkpoint covers, stored here or kept outside, and that are not there any more. */
async function missingTail(tx: Queryable, request: VerifyRequest, newest: bigint): Promise<string | null> {
  const { tenant, signer, pin } = request;
  if (request.to !== "latest") return null;
  if (pin !== undefined && BigInt(pin.size) > newest)
    return `entries were cut off: the chain ends at ${newest}, the pinned checkpoint covers ${pin.size}`;
  const covered = signer === undefined ? null : await latestCheckpoint(tx, tenant);
  return covered !== null && BigInt(covered.size) > newest
    ? `entries were cut off: the chain ends at ${newest}, a checkpoint covers ${covered.size}`
    : null;
}

/** Null = there are no keys to check any with. */
async function checkpointsOf(
  tx: Queryable,
  { tenant, from, signer, pin }: VerifyRequest,
  to: bigint,
): Promise<CheckpointVerifier | BadCheckpoint | null> {
  if (signer === undefined) return null;
  const keys = signer.keys({ tenant, origin: originOf(await loadDeploymentId(tx), tenant) });
  return CheckpointVerifier.begin(tx, { tenant, keys, from: Number(from), to: Number(to), pin: pin ?? null });
}

/** `isMany`: whoever pushes them asks for `firstBad` before it says that they are good. */
type VerifierAt = (from: bigint, previousHash: Uint8Array | undefined, isMany: boolean) => Verifier;

async function verifiersFor(tx: Queryable, { tenant, keys }: VerifyRequest): Promise<VerifierAt> {
  const tenantId = idBytes("tenant", tenant);
  const genesis = genesisHash(sha256, await loadDeploymentId(tx), tenantId);
  const hmac = keys && keyedHash(keys, tenant);
  const many = keys && { macKey: (keyId: number) => keys.macKey(tenant, keyId) };
  return (from, previousHash, isMany) =>
    createVerifier({
      sha256,
      hmac,
      tenant: tenantId,
      genesis,
      from,
      ...(previousHash && { previousHash }),
      ...(isMany && many),
    });
}

async function firstVerifier(
  tx: Queryable,
  { tenant, from }: VerifyRequest,
  verifierAt: (from: bigint, previousHash?: Uint8Array) => Verifier,
): Promise<Verifier | null> {
  if (from === 1n) return verifierAt(from);
  const { rows } = await tx.query<{ entry_hash: Buffer }>(sql("entry-hash"), [tenant, from - 1n]);
  const previousHash = rows[0]?.entry_hash;
  return previousHash ? verifierAt(from, previousHash) : null;
}

/** Key ids change at rotations alone: the key is looked up where it is another one than before. */
function keyedHash(keys: LedgerKeys, tenant: string): KeyedHash {
  let known = 0;
  let mac = keys.mac(tenant, known);
  return (bytes, keyId, into) => {
    if (keyId !== known) [known, mac] = [keyId, keys.mac(tenant, keyId)];
    return mac(bytes, into);
  };
}

/** 0 where the chain has not started: then there is nothing to check. */
async function latest(tx: Queryable, tenant: string): Promise<bigint> {
  const { rows } = await tx.query<{ sequence: bigint | null }>(sql("latest-sequence"), [tenant]);
  return rows[0]?.sequence ?? 0n;
}

function failed(entries: bigint, firstBadSequence: bigint, problem: string): VerifyResult {
  return {
    result: "FAIL",
    tail: "NOT PROVEN",
    provenTo: null,
    entries,
    purged: null,
    firstBadSequence,
    checkpoints: 0,
    problem,
  };
}
