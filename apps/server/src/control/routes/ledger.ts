import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { formatTlogProof, genesisHash, noteKeyId, parseNote, verifierKey, type EntryType } from "@tollhouse/ledger";
import {
  checkpointsFrom,
  exportEntries,
  findCall,
  firstSignedBy,
  idBytes,
  latestCheckpoint,
  loadDeploymentId,
  pageOfCheckpoints,
  proveConsistency,
  proveEntry,
  readEntries,
  sha256,
  USAGE_AXES,
  type EntriesWanted,
  type ReadEntry,
  type StoredCheckpoint,
} from "@tollhouse/store";
import type { Checkpointer } from "../../ledger/checkpointer.ts";
import { serve } from "../endpoint.ts";
import * as endpoints from "../endpoints/ledger.ts";
import { Exports } from "../exports.ts";
import { LEDGER_COLUMNS } from "../ledger-columns.ts";
import { Problem } from "../problem.ts";
import type { ReportParts } from "./usage.ts";
import { chainOf } from "./verification.ts";

export interface LedgerParts extends ReportParts {
  readonly checkpoints: Checkpointer;
  /** Resolves when witnesses have cosigned the newest checkpoint, or will not for now. */
  readonly witnessed: (tenant: string) => Promise<void>;
}

/** The chain for those who check it: signed checkpoints, proofs and export. */
export function ledgerRoutes(parts: LedgerParts): (app: FastifyInstance) => void {
  return (app) => {
    serveCheckpoints(app, parts);
    serveProofs(app, parts);
    serveExport(app, parts);
  };
}

function serveCheckpoints(app: FastifyInstance, parts: LedgerParts): void {
  const { dbOf, checkpoints } = parts;
  serve(app, endpoints.getCheckpoint, async ({ request: { access } }) => {
    const [newest] = await pageOfCheckpoints(dbOf(access.tenant), access.tenant, 1);
    return (newest ?? (await covering(parts, access.tenant))).note;
  });
  serve(app, endpoints.listCheckpoints, async ({ query: { limit, cursor }, request: { access } }) => {
    const below = cursor === undefined ? undefined : Number(cursor);
    const page = await pageOfCheckpoints(dbOf(access.tenant), access.tenant, limit + 1, below);
    const shown = page.slice(0, limit);
    return {
      checkpoints: shown.map(({ size, root, madeMs, firstOfMonth, note }) => ({
        size,
        root: hex(root),
        made_at: new Date(madeMs).toISOString(),
        first_of_month: firstOfMonth,
        witnesses: witnessNames(note),
        note,
      })),
      next_cursor: page.length > limit ? String(shown.at(-1)?.size) : null,
    };
  });
  serve(app, endpoints.getPublicKey, async ({ request: { access } }) => {
    const chain = await chainOf(parts, access.tenant);
    const keys = checkpoints.signer.keys(chain);
    const db = dbOf(access.tenant);
    const signed = await Promise.all(
      keys.map(async (each) => {
        const first = await firstSignedBy(db, access.tenant, noteKeyId(sha256, each));
        return first === null
          ? []
          : [{ key: verifierKey(sha256, each), from_size: first.size, from: new Date(first.madeMs).toISOString() }];
      }),
    );
    const [key, ...earlier] = keys.map((each) => verifierKey(sha256, each));
    const bySize = signed.flat().toSorted((a, b) => a.from_size - b.from_size);
    return { origin: chain.origin, key: key as string, earlier, signed: bySize };
  });
}

function serveProofs(app: FastifyInstance, parts: LedgerParts): void {
  const { caughtUp, dbOf } = parts;
  serve(app, endpoints.getConsistency, async ({ query: { from, to }, request: { access } }) => {
    const db = dbOf(access.tenant);
    const head = to === undefined ? await covering(parts, access.tenant) : await checkpointOf(parts, access.tenant, to);
    if (from > head.size) throw new Problem("REQUEST_INVALID", `from: expected a size of at most ${head.size}`);
    const { fromRoot, hashes } = await proveConsistency(db, access.tenant, from, head);
    return {
      from,
      from_root: hex(fromRoot),
      to: head.size,
      to_root: hex(head.root),
      proof: hashes.map(hex),
      checkpoint: head.note,
    };
  });
  serve(app, endpoints.getReceipt, async ({ params: { id }, request: { access } }) => {
    await caughtUp();
    const { tenant, environment } = access;
    const db = dbOf(tenant);
    const found = await findCall(db, tenant, id);
    if (found === null || (environment !== null && environment !== found.call.environment))
      throw new Problem("NOT_FOUND", `There is no decision ${id}`);
    const { decision, sequence } = found.call;
    const head = await covering(parts, tenant, sequence);
    const proof = await proveEntry(db, tenant, BigInt(sequence), head);
    const previous = proof.previousHash ?? genesisHash(sha256, await loadDeploymentId(db), idBytes("tenant", tenant));
    return {
      decision,
      sequence,
      entry: {
        body: Buffer.from(proof.body).toString("base64"),
        previous_hash: hex(previous),
        entry_hash: hex(proof.entryHash),
        mac: hex(proof.mac),
      },
      proof: proof.hashes.map(hex),
      checkpoint: head.note,
      tlog_proof: formatTlogProof({
        extra: Buffer.concat([previous, proof.body]),
        index: sequence - 1,
        hashes: proof.hashes,
        checkpoint: head.note,
      }),
    };
  });
}

function serveExport(app: FastifyInstance, parts: LedgerParts): void {
  const exports = new Exports();
  serve(app, endpoints.exportLedger, async ({ query, request: { access }, reply }) => {
    const { from, to: asked, format } = query;
    await parts.caughtUp();
    const newest = await newestOf(parts, access.tenant);
    if (newest === null) throw new Problem("NOT_FOUND", "The ledger has no entry yet");
    if (format === "ndjson") await parts.witnessed(access.tenant);
    const to = Math.min(asked ?? newest.size, newest.size);
    // One behind the last is a resumed export that has everything already.
    if (from > to + 1) throw new Problem("REQUEST_INVALID", `from: expected a sequence of at most ${to + 1}`);
    const range = { tenant: access.tenant, from: BigInt(from), to: BigInt(to) };
    const db = parts.dbOf(access.tenant);
    if (format === "ndjson") return Readable.from(exportEntries(db, range), { objectMode: false, highWaterMark: 1 });
    if (format === "parquet" && to - from >= PARQUET_ENTRIES_MAX)
      throw new Problem(
        "REQUEST_INVALID",
        `to: expected at most ${PARQUET_ENTRIES_MAX} entries a Parquet file: it ends with an index of all of them`,
      );
    const file = { format, name: `ledger-${from}-${to}`, columns: LEDGER_COLUMNS };
    const pages = readEntries(db, parts.keys, { ...range, ...wantedOf(query) });
    return exports.send<ReadEntry>(reply, file, async (take) => {
      for await (const page of pages) await take(page);
    });
  });
}

/** What is kept of each row group until the end of the file is some tens of megabytes then. */
const PARQUET_ENTRIES_MAX = 1_000_000;

function wantedOf({
  since,
  until,
  type,
  ...query
}: endpoints.ExportQuery): Omit<EntriesWanted, "tenant" | "from" | "to"> {
  return {
    fromMs: since,
    toMs: until,
    types: type as EntryType[] | undefined,
    filter: Object.fromEntries(USAGE_AXES.map((axis) => [axis, query[axis]])),
  };
}

/** Of this moment; where nothing can be signed for now, which is told elsewhere, the last one: what was signed stays good. */
function newestOf({ dbOf, checkpoints }: LedgerParts, tenant: string): Promise<StoredCheckpoint | null> {
  return checkpoints.upToNow(tenant).catch(() => latestCheckpoint(dbOf(tenant), tenant));
}

/** A checkpoint that covers this entry: the latest, or one of this moment. Without a sequence: any. */
async function covering(parts: LedgerParts, tenant: string, sequence = 1): Promise<StoredCheckpoint> {
  const { dbOf, witnessed } = parts;
  const [newest] = await pageOfCheckpoints(dbOf(tenant), tenant, 1);
  const found = newest !== undefined && newest.size >= sequence ? newest : await newestOf(parts, tenant);
  if (found === null || found.size < sequence) throw new Problem("NOT_FOUND", "The ledger has no such entry yet");
  await witnessed(tenant);
  // Read again, with what they signed.
  return checkpointOf(parts, tenant, found.size);
}

async function checkpointOf({ dbOf }: LedgerParts, tenant: string, size: number): Promise<StoredCheckpoint> {
  const [found] = await checkpointsFrom(dbOf(tenant), tenant, { from: size, to: size, rowsMax: 1 });
  if (found === undefined) throw new Problem("NOT_FOUND", `There is no checkpoint of ${size} entries`);
  return found;
}

/** Whoever signed beside the ledger: each was checked when it came. */
function witnessNames(note: string): string[] {
  const { text, signatures } = parseNote(note);
  const origin = text.slice(0, text.indexOf("\n"));
  return [...new Set(signatures.map(({ name }) => name))].filter((name) => name !== origin);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
