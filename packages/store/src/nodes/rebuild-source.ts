import type { Amounts } from "@tollhouse/engine";
import type { OpenReservation, RebuildSource } from "../counters/shared-counters.ts";
import type { Database, Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";
import { readFence } from "./fence-store.ts";
import type { IntentRecord } from "../spool/records.ts";

export interface RebuildSnapshot {
  readonly source: RebuildSource;
  /** Nodes that had laid down for the epoch: what is in the snapshot is all there is of them. */
  readonly acknowledged: readonly string[];
}

export interface RebuildOptions {
  readonly epoch: bigint;
  readonly nowMs: number;
  /** How long a reservation is held without its owner: from now on, or from the last that was heard of an owner who is gone. */
  readonly holdMs: number;
}

type Each<T> = T extends AsyncIterable<infer Item> ? Item : never;
type Sum = Each<ReturnType<RebuildSource["sums"]>>;
type Open = Each<ReturnType<RebuildSource["open"]>>;

interface SumRow {
  readonly tenant: string;
  readonly limit_id: string;
  readonly window_id: string;
  readonly settled: bigint;
}

interface OpenRow {
  readonly node: string;
  readonly decision: string;
  readonly intent: string;
  readonly reserved_usd: bigint;
  readonly reserved_tokens: bigint;
}

interface OwnerRow {
  readonly id: string;
  readonly acknowledged: boolean;
  readonly heartbeat_age_ms: bigint;
  readonly live: boolean;
}

const PAGE = 5000;
/** Longer than the longest window that can be running (a month). */
const COUNTS_MS = 32 * 24 * 3_600_000;
const DECISION = /^[0-9a-f]{32}$/;
const FIRST_ID = "0".repeat(32);

/** Everything that counters are made of, as one snapshot of the database has it. A page of it is in memory at a time. */
export function inRebuildSnapshot<T>(
  db: Database,
  { epoch, nowMs, holdMs }: RebuildOptions,
  work: (snapshot: RebuildSnapshot) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY");
    // The first question takes the snapshot.
    const owners = (await tx.query<OwnerRow>(sql("nodes-of-rebuild"), [epoch])).rows;
    const deadlines = new Map(
      owners.map(({ id, live, heartbeat_age_ms }) => [id, nowMs + holdMs - (live ? 0 : Number(heartbeat_age_ms))]),
    );
    const acknowledged = owners.filter((owner) => owner.acknowledged).map(({ id }) => id);
    const { opened } = await readFence(tx);
    const tenants = (await tx.query<{ id: string }>("SELECT id FROM tenants ORDER BY id")).rows;
    const source = {
      tenants: tenants.map(({ id }) => idOfUuid(id)),
      sums: () => sumsOf(tx, nowMs - COUNTS_MS),
      // Of a node that nobody knows (its row is forgotten long after it was gone) nothing is waited for.
      open: () => openOf(tx, (owner) => deadlines.get(owner) ?? nowMs),
      left: { epoch: opened, unknown: (found: readonly OpenReservation[]) => unknownOf(tx, found, acknowledged) },
    };
    return work({ source, acknowledged });
  });
}

/**
 * Of a node that has laid down the database has all. Of one that is away it lacks the last second, or more: what neither is open nor has
 * ended here was reserved by it, and may have been sent.
 */
async function unknownOf(
  tx: Queryable,
  found: readonly OpenReservation[],
  acknowledged: readonly string[],
): Promise<readonly OpenReservation[]> {
  const ofOthers = found.filter(({ owner, id }) => !acknowledged.includes(owner) && DECISION.test(id));
  if (ofOthers.length === 0) return [];
  const values = [ofOthers.map(({ tenant }) => tenant), ofOthers.map(({ id }) => id)];
  const known = new Set((await tx.query<{ id: string }>(sql("known-calls"), values)).rows.map(({ id }) => id));
  return ofOthers.filter(({ id }) => !known.has(id));
}

async function* sumsOf(tx: Queryable, sinceMs: number): AsyncGenerator<Sum, void> {
  for (let after: readonly [string, string, string] = [FIRST_ID, "", ""]; ;) {
    const { rows } = await tx.query<SumRow>(sql("all-counter-sums"), [...after, Math.floor(sinceMs), PAGE]);
    for (const { tenant, limit_id, window_id, settled } of rows)
      yield { tenant: idOfUuid(tenant), limitId: limit_id, windowId: window_id, amount: settled };
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = [last.tenant, last.limit_id, last.window_id];
  }
}

async function* openOf(tx: Queryable, deadlineOf: (owner: string) => number): AsyncGenerator<Open, void> {
  for (let after: readonly [string, string] = [FIRST_ID, FIRST_ID]; ;) {
    const { rows } = await tx.query<OpenRow>(sql("all-open-calls"), [...after, PAGE]);
    for (const row of rows) {
      const { tenant, counters, expiresMs = 0 } = JSON.parse(row.intent) as IntentRecord;
      const amounts: Amounts = { usd: row.reserved_usd, tokens: row.reserved_tokens, requests: 1n };
      yield {
        tenant,
        id: row.decision,
        owner: row.node,
        // A check is anybody's to record until its time is over.
        deadlineMs: Math.max(deadlineOf(row.node), expiresMs),
        held: counters.map(({ limit, window, measure }) => ({
          limitId: limit,
          windowId: window,
          measure,
          amount: amounts[measure],
        })),
      };
    }
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = [last.node, last.decision];
  }
}
