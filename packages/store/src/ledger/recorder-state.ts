import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { NOTHING_RECORDED } from "../spool/open-calls.ts";
import type { RecorderState } from "../spool/open-calls.ts";
import type { IntentRecord } from "../spool/records.ts";
import type { Flood } from "./blocked-floods.ts";

/** RecorderState, with the seconds of blocked calls that were still being counted. */
export interface StoredRecorderState extends RecorderState {
  readonly floods: { readonly [tenant: string]: Flood };
}

interface PositionRow {
  readonly start_segment: bigint;
  readonly start_offset: bigint;
  readonly done_segment: bigint;
  readonly done_offset: bigint;
  readonly floods: { readonly [tenant: string]: Flood };
}

interface OpenCallRow {
  readonly intent: string;
  readonly reserved_usd: bigint;
  readonly reserved_tokens: bigint;
  readonly ended: boolean;
}

/**
 * Where the recorder of this spool folder is. A folder that the database does not know starts at its beginning.
 *
 * For whoever owns the folder, once the process before is gone: waits for a commit which that one had sent. Landing behind what is read here,
 * it would leave open calls in the database that ended long ago, and the start after next would settle and count them again.
 */
export async function loadRecorderState(db: Queryable, node: string): Promise<StoredRecorderState> {
  const [row] = (await db.query<PositionRow>(sql("claim-spool-position"), [node])).rows;
  if (!row) throw new Error("the database neither has nor takes the place of this spool's recorder");
  // Open calls are stored together with a place.
  if (row.done_segment === 0n) return { ...NOTHING_RECORDED, floods: {} };
  const open = await db.query<OpenCallRow>(sql("open-calls"), [node]);
  return {
    start: { segment: Number(row.start_segment), offset: Number(row.start_offset) },
    done: { segment: Number(row.done_segment), offset: Number(row.done_offset) },
    floods: row.floods,
    open: open.rows.map((call) => ({
      intent: JSON.parse(call.intent) as IntentRecord,
      reservedUsd: call.reserved_usd,
      reservedTokens: call.reserved_tokens,
      endedElsewhere: call.ended,
    })),
  };
}

/** Part of every chain's genesis. Throws where the schema is not ours. */
export async function loadDeploymentId(db: Queryable): Promise<string> {
  const [row] = (await db.query<{ value: string }>(sql("deployment-id"))).rows;
  if (!row) throw new Error("the database has no deployment id: its table `installation` is incomplete");
  return row.value;
}
