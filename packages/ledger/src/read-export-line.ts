import { fromBase64, fromHex } from "./bytes.ts";
import { HASH_BYTES, TENANT_BYTES } from "./chain.ts";
import { subtreesOf } from "./merkle.ts";
import type { StoredEntry } from "./verify.ts";

/** First line of an export (docs/ledger-format.md). */
export const EXPORT_FORMAT = "tollhouse-ledger-export/v1";

/** Lines that are no export of this format, or not one whole. */
export class BadExport extends Error {
  override readonly name = "BadExport";
}

export interface ExportHead {
  readonly deployment: string;
  /** 32 hex digits, and the same as bytes. */
  readonly tenant: string;
  readonly tenantId: Uint8Array;
  readonly origin: string;
  readonly from: number;
  readonly previousHash: Uint8Array;
  /** What the tree goes on from: a hash for each whole subtree before `from`. */
  readonly edge: readonly Uint8Array[];
}

export type ExportLine =
  | { readonly is: "head"; readonly head: ExportHead }
  | { readonly is: "entry"; readonly entry: StoredEntry }
  | { readonly is: "checkpoint"; readonly note: string }
  | { readonly is: "end"; readonly entries: number };

type Fields = { readonly [name: string]: unknown };

const ENTRY_FIELDS = "body,entry_hash,mac,sequence";
const HEAD_FIELDS = "deployment,edge,format,from,origin,previous_hash,tenant,to";

/** One line of an export, without its newline. Says what it is, and judges nothing. Throws BadExport. */
export function readExportLine(line: string): ExportLine {
  const fields = parseLine(line);
  const names = Object.keys(fields).toSorted().join(",");
  if (names === HEAD_FIELDS) return { is: "head", head: headOf(fields) };
  if (names === ENTRY_FIELDS) return { is: "entry", entry: entryOf(fields) };
  const { checkpoint, end, entries } = fields;
  if (names === "checkpoint") {
    if (typeof checkpoint !== "string") throw new BadExport("checkpoint is not a text");
    return { is: "checkpoint", note: checkpoint };
  }
  if (names !== "end,entries" || end !== true || typeof entries !== "number")
    throw new BadExport("a line that an export does not have");
  return { is: "end", entries };
}

function parseLine(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new BadExport("a line that is no JSON object");
}

function headOf(fields: Fields): ExportHead {
  const { format, deployment, tenant, origin, from, previous_hash, edge } = fields;
  if (format !== EXPORT_FORMAT) throw new BadExport(`expected the format ${EXPORT_FORMAT}`);
  if (
    typeof deployment !== "string" ||
    typeof tenant !== "string" ||
    typeof origin !== "string" ||
    !isNumber(from) ||
    !Array.isArray(edge)
  )
    throw new BadExport("the first line is not what an export has");
  const tenantId = hexBytes("tenant", tenant, TENANT_BYTES);
  const hashes = edge.map((hash: unknown) => hexBytes("edge", hash, HASH_BYTES));
  if (hashes.length !== subtreesOf({ from: 0, to: from - 1 }).length)
    throw new BadExport("edge has not one hash for each whole subtree before the first entry");
  const previousHash = hexBytes("previous_hash", previous_hash, HASH_BYTES);
  return { deployment, tenant, tenantId, origin, from, previousHash, edge: hashes };
}

function entryOf({ sequence, body, entry_hash: entryHash, mac }: Fields): StoredEntry {
  const bytes = typeof body === "string" ? fromBase64(body) : null;
  if (!isNumber(sequence) || bytes === null) throw new BadExport("sequence or body is not what an entry has");
  return {
    sequence: BigInt(sequence),
    body: bytes,
    entryHash: hexBytes("entry_hash", entryHash, HASH_BYTES),
    mac: hexBytes("mac", mac, HASH_BYTES),
  };
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function hexBytes(name: string, text: unknown, length: number): Uint8Array {
  const bytes = typeof text === "string" ? fromHex(text, length) : null;
  if (bytes === null) throw new BadExport(`${name}: expected ${length} bytes as lower-case hexadecimal digits`);
  return bytes;
}
