import { decodeBody, ENTRY_TYPES, LedgerFormatError, type StoredEntry } from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { fieldBytes } from "./field-bytes.ts";
import { columnAt } from "./projection.ts";
import { PURGED, purgeSaidBy, type SaidPurge } from "./purges.ts";
import type { StoredRow } from "./stored-row.ts";

interface PurgeRow {
  readonly sequence: bigint;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
  readonly mac: Buffer;
  readonly previous_hash: Buffer | null;
}

const [TYPE, TIME, ENVIRONMENT] = [columnAt("type"), columnAt("time_us"), columnAt("environment")];

/** Is the entry one of the chain, behind one with this hash? */
export type IsGenuine = (stored: StoredEntry, previousHash: Uint8Array) => boolean;

/** Types whose entries have details. By number. */
const CALLS: boolean[] = [];
for (const type of [
  "call_settled",
  "call_blocked",
  "call_released",
  "usage_recorded",
  "correction",
  "blocked_summary",
] as const)
  CALLS[ENTRY_TYPES[type]] = true;

/**
 * What a chain itself says was purged. Each of these entries was checked with its hash and its MAC, wherever a walk begins and ends: nobody
 * can take a projection away by writing a row beside the chain.
 */
export class GenuinePurges {
  readonly #purges: readonly (SaidPurge & { readonly name: Buffer })[];

  constructor(purges: readonly SaidPurge[]) {
    this.#purges = purges.map((purge) => ({ ...purge, name: Buffer.from(purge.environment) }));
  }

  static async load(tx: Queryable, tenant: string, isGenuine: IsGenuine): Promise<GenuinePurges> {
    const { rows } = await tx.query<PurgeRow>(sql("purges-of-chain"), [tenant, fieldBytes({ action: PURGED })]);
    return new GenuinePurges(widest(rows.flatMap((row) => saidBy(row, isGenuine))));
  }

  /** May the row have no details? Goes by its columns: whoever asks holds them against the body. */
  cover(sequence: bigint, row: StoredRow): boolean {
    if (this.#purges.length === 0 || CALLS[row.bytes.readInt16BE(row.start(TYPE))] !== true) return false;
    const [start, length] = [row.start(ENVIRONMENT), row.length(ENVIRONMENT)];
    return this.#purges.some(
      (purge) =>
        purge.sequence > sequence &&
        purge.name.length === length &&
        row.bytes.compare(purge.name, 0, length, start, start + length) === 0 &&
        row.bytes.readBigInt64BE(row.start(TIME)) < purge.beforeUs,
    );
  }
}

function saidBy(row: PurgeRow, isGenuine: IsGenuine): SaidPurge[] {
  const { sequence, body, entry_hash: entryHash, mac, previous_hash: previousHash } = row;
  if (previousHash === null || !isGenuine({ sequence, body, entryHash, mac }, previousHash)) return [];
  try {
    const said = purgeSaidBy(decodeBody(body));
    return said === null ? [] : [said];
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    return [];
  }
}

/** As a rule the last of each environment: a later one covers all that those before it do. */
function widest(purges: readonly SaidPurge[]): SaidPurge[] {
  return purges.filter(
    (one) =>
      !purges.some(
        (other) =>
          other !== one &&
          other.environment === one.environment &&
          other.sequence > one.sequence &&
          other.beforeUs >= one.beforeUs,
      ),
  );
}
