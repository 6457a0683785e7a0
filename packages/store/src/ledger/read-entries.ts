import { decodeBody, decodeFields, ENTRY_TYPES } from "@tollhouse/ledger";
import type { Entry, EntryFields, EntryType } from "@tollhouse/ledger";
import type { Database, Queryable } from "../database/database.ts";
import { DetailsPurged, PurgedDetails } from "../retention/details-purged.ts";
import { USAGE_AXES } from "../reports/usage-axes.ts";
import { filterText, resolveFilter, StatementValues } from "../reports/usage-filter.ts";
import type { ResolvedFilter, UsageFilter } from "../reports/usage-filter.ts";
import type { LedgerKeys } from "./ledger-keys.ts";

/** Which entries of a chain. */
export interface EntriesWanted {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly from: bigint;
  readonly to: bigint;
  readonly types?: readonly EntryType[] | undefined;
  /** Half-open `[fromMs, toMs)`, by the time that the entry says. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly filter?: UsageFilter;
}

/** An entry as its bytes say it. */
export interface ReadEntry {
  readonly entry: Entry;
  readonly fields: EntryFields;
  readonly entryHash: Uint8Array;
}

interface EntryRow {
  readonly sequence: bigint;
  readonly body: Buffer;
  readonly entry_hash: Buffer;
  readonly found: bigint;
}

export interface PageBounds {
  /** Sequences that one statement looks at: what nothing matches must not read the whole chain at once. */
  readonly window: bigint;
  /** A page ends by its bytes too: bodies are 500 bytes as a rule, and 16 MiB at most. */
  readonly bytes: number;
}

const BOUNDS: PageBounds = { window: 2_000n, bytes: 1024 * 1024 };

/**
 * In the order of their sequences, some at a time, in memory that does not grow; what they say is read of their bytes, which stay. Throws
 * DetailsPurged where a filter needs what was purged of some of them.
 */
export async function* readEntries(
  db: Database,
  keys: LedgerKeys,
  wanted: EntriesWanted,
  { window, bytes }: PageBounds = BOUNDS,
): AsyncGenerator<readonly ReadEntry[], void> {
  await assertDetails(db, wanted);
  const filter = await resolveFilter(db, keys, wanted.tenant, wanted.filter ?? {});
  for (let next = wanted.from; next <= wanted.to;) {
    const end = next + window - 1n < wanted.to ? next + window - 1n : wanted.to;
    const values = new StatementValues();
    const { rows } = await db.query<EntryRow>(
      pageText(wanted, filter, { from: next, to: end, bytes }, values),
      values.list,
    );
    if (rows.length > 0) yield rows.map(read);
    const last = rows.at(-1);
    // Fewer than were found: the page ended by its bytes.
    next = last !== undefined && BigInt(rows.length) < last.found ? last.sequence + 1n : end + 1n;
  }
}

async function assertDetails(db: Queryable, { tenant, filter = {}, fromMs = 0 }: EntriesWanted): Promise<void> {
  const needed = USAGE_AXES.filter((axis) => axis !== "environment" && (filter[axis]?.length ?? 0) > 0);
  if (needed.length === 0) return;
  const { latestUs } = await PurgedDetails.of(db, tenant, filter.environment);
  if (latestUs !== null && BigInt(fromMs) * 1000n < latestUs) throw new DetailsPurged("since", latestUs);
}

function pageText(
  { tenant, types, fromMs = 0, toMs = Infinity }: EntriesWanted,
  filter: ResolvedFilter,
  { from, to, bytes }: { readonly from: bigint; readonly to: bigint; readonly bytes: number },
  values: StatementValues,
): string {
  const where = [
    `tenant = ${values.add(tenant)} AND sequence BETWEEN ${values.add(from)} AND ${values.add(to)}`,
    ...(types === undefined ? [] : [`type = ANY (${values.add(types.map((type) => ENTRY_TYPES[type]))}::smallint[])`]),
    ...(fromMs <= 0 ? [] : [`time_us >= ${values.add(BigInt(fromMs) * 1000n)}`]),
    ...(toMs === Infinity ? [] : [`time_us < ${values.add(BigInt(toMs) * 1000n)}`]),
  ];
  return `SELECT sequence, body, entry_hash, found FROM (
  SELECT sequence, body, entry_hash, count(*) OVER () AS found,
    sum(octet_length(body)) OVER (ORDER BY sequence) - octet_length(body) AS before
  FROM ledger_entries WHERE ${where.join(" AND ")}${filterText(filter, values)}
) AS page
WHERE before < ${values.add(bytes)} ORDER BY sequence`;
}

/** Of a stored entry whose bytes are none, nothing can be said in a table: whoever wants to know what is wrong verifies. */
function read({ sequence, body, entry_hash: entryHash }: EntryRow): ReadEntry {
  try {
    const entry = decodeBody(body);
    return { entry, fields: decodeFields(entry.fields), entryHash };
  } catch (cause) {
    throw new Error(`the bytes of the ledger's entry at ${sequence} are not those of an entry`, { cause });
  }
}
