import { EXPORT_FORMAT, genesisHash, originOf } from "@tollhouse/ledger";
import type { Database } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { checkpointsFrom } from "./checkpoint-store.ts";
import { sha256 } from "./ledger-keys.ts";
import { edgeOf } from "./merkle-reader.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import { idBytes } from "./tenant-id.ts";

export interface ExportRequest {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly from: bigint;
  readonly to: bigint;
}

interface ExportRow {
  readonly sequence: bigint;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
  readonly mac: Buffer;
}

/** Bodies are 500 bytes as a rule, and 16 MiB at most: a page is ended by its bytes as well (export-entries.sql). */
const PAGE = 1000;
const PAGE_BYTES = 1024 * 1024;

/**
 * The entries as lines of JSON, as docs/ledger-format.md describes them, each checkpoint behind the last entry that it covers. Flat in
 * memory. An entry that is missing in the database is missing here too: the verifier says so, and this does not judge.
 */
export async function* exportEntries(db: Database, request: ExportRequest): AsyncGenerator<string, void> {
  yield await headOf(db, request);
  let count = 0;
  for (let next = request.from; next <= request.to;) {
    const { rows } = await db.query<ExportRow>(sql("export-entries"), [
      request.tenant,
      next,
      request.to,
      PAGE,
      PAGE_BYTES,
    ]);
    const last = rows.at(-1);
    if (last === undefined) break;
    const notes = await notesBehind(db, request.tenant, next, last.sequence);
    yield rows.map((row) => lineOf(row) + (notes.get(row.sequence) ?? "")).join("");
    count += rows.length;
    next = last.sequence + 1n;
  }
  // Without it a download that broke off would look like a chain that ends there.
  yield `${JSON.stringify({ end: true, entries: count })}\n`;
}

/** No more than one an entry. */
async function notesBehind(db: Database, tenant: string, from: bigint, to: bigint): Promise<Map<bigint, string>> {
  const stored = await checkpointsFrom(db, tenant, {
    from: Number(from),
    to: Number(to),
    rowsMax: Number(to - from) + 1,
  });
  return new Map(stored.map(({ size, note }) => [BigInt(size), `${JSON.stringify({ checkpoint: note })}\n`]));
}

async function headOf(db: Database, { tenant, from, to }: ExportRequest): Promise<string> {
  const deployment = await loadDeploymentId(db);
  const { rows } = await db.query<{ entry_hash: Buffer }>(sql("entry-hash"), [tenant, from - 1n]);
  const previous = from === 1n ? genesisHash(sha256, deployment, idBytes("tenant", tenant)) : rows[0]?.entry_hash;
  const edge = await edgeOf(db, tenant, Number(from) - 1);
  const head = {
    format: EXPORT_FORMAT,
    deployment,
    tenant,
    origin: originOf(deployment, tenant),
    from: Number(from),
    to: Number(to),
    previous_hash: previous === undefined ? null : hex(previous),
    edge: edge.map(hex),
  };
  return `${JSON.stringify(head)}\n`;
}

/** Written by hand: base64 and hex hold nothing that JSON escapes, and this is a third of the work of an export. */
function lineOf({ sequence, body, entry_hash, mac }: ExportRow): string {
  return `{"sequence":${sequence},"body":"${body.toString("base64")}","entry_hash":"${hex(entry_hash)}","mac":"${hex(mac)}"}\n`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
