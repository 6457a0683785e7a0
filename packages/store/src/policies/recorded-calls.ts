import {
  decodeBody,
  decodeFields,
  ENTRY_FLAGS,
  ENTRY_TYPES,
  type EntryFields,
  type EntryType,
  type EntryUsageSource,
} from "@tollhouse/ledger";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { DetailsPurged, PurgedDetails } from "../retention/details-purged.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** An entry that says something of calls, or moves their counters. */
export interface RecordedEntry {
  readonly type: EntryType;
  readonly flags: number;
  readonly sequence: bigint;
  readonly timeUs: bigint;
  readonly amountNano: bigint;
  readonly usageSource: EntryUsageSource;
  /** 32 hex digits: of what says a call anew, the call's. */
  readonly entryId: string;
  /** Does it name an earlier entry, or a check? */
  readonly refers: boolean;
  readonly fields: EntryFields;
  /** Null: the call named no user, or that user was erased. */
  readonly user: { readonly lookup: string; readonly readable: string | null } | null;
}

export interface RecordedRange extends LimitPlace {
  /** Half-open, by the time a call was decided. */
  readonly fromMs: number;
  readonly toMs: number;
}

interface RecordedRow {
  readonly sequence: bigint;
  readonly type: number;
  readonly flags: number;
  readonly time_us: bigint;
  readonly amount_nano: bigint;
  readonly body: Buffer;
  readonly lookup: Buffer | null;
  readonly readable: string | null;
}

const PAGE = 1_000;
const TYPES = [
  ENTRY_TYPES.call_settled,
  ENTRY_TYPES.call_blocked,
  ENTRY_TYPES.call_released,
  ENTRY_TYPES.usage_recorded,
  ENTRY_TYPES.correction,
  ENTRY_TYPES.admin_action,
  ENTRY_TYPES.blocked_summary,
];

/**
 * Oldest first, a page at a time: memory stays flat. The next page is read while the one before is worked on. Throws DetailsPurged where the
 * range begins before what can be told of calls.
 */
export async function* recordedEntries(
  db: Queryable,
  { tenant, environment, fromMs, toMs }: RecordedRange,
): AsyncGenerator<readonly RecordedEntry[], void> {
  const { latestUs } = await PurgedDetails.of(db, tenant, [environment]);
  if (latestUs !== null && BigInt(fromMs) * 1000n < latestUs) throw new DetailsPurged("from", latestUs);
  const read = async (timeUs: bigint, sequence: bigint): Promise<readonly RecordedRow[]> => {
    const values = [tenant, environment, TYPES, timeUs, sequence, BigInt(toMs) * 1000n, PAGE];
    return (await db.query<RecordedRow>(sql("calls-to-rehearse"), values)).rows;
  };
  let page = read(BigInt(fromMs) * 1000n, 0n);
  for (;;) {
    const rows = await page;
    const last = rows.length < PAGE ? undefined : rows.at(-1);
    if (last !== undefined) {
      page = read(last.time_us, last.sequence);
      // Heard when it is its turn; whoever stops before does not come to it.
      page.catch(() => undefined);
    }
    yield rows.map(entryOf);
    if (last === undefined) return;
  }
}

function entryOf({ type, flags, sequence, time_us, amount_nano, body, lookup, readable }: RecordedRow): RecordedEntry {
  const entry = decodeBody(body);
  const isRestated = type === ENTRY_TYPES.correction && (flags & ENTRY_FLAGS.restated) !== 0;
  return {
    type: TYPE_NAMES.get(type) as EntryType,
    flags,
    sequence,
    timeUs: time_us,
    amountNano: amount_nano,
    usageSource: entry.usageSource,
    entryId: Buffer.from(isRestated ? entry.refId : entry.entryId).toString("hex"),
    refers: entry.refId.some((byte) => byte !== 0),
    fields: decodeFields(entry.fields),
    user: lookup === null ? null : { lookup: lookup.toString("hex"), readable },
  };
}

const TYPE_NAMES = new Map<number, EntryType>(
  (Object.keys(ENTRY_TYPES) as EntryType[]).map((name) => [ENTRY_TYPES[name], name]),
);
