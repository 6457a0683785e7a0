import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { ChainRow } from "./chain-rows.ts";
import { coarseDeltas } from "./coarse-rollups.ts";
import { PROJECTION } from "./projection.ts";
import { counterDeltas, USAGE_AXES, usageDeltas } from "./rollup.ts";
import type { UsageDelta } from "./rollup.ts";
import { columnsOfLives, sessionLives } from "./session-lives.ts";

/** Entries with their places in the chain. A part of the transaction that also adds their sums. */
export async function insertRows(tx: Queryable, rows: readonly ChainRow[]): Promise<void> {
  await tx.query(sql("insert-entries"), [
    rows.map((row) => row.tenant),
    rows.map((row) => row.sequence),
    ...PROJECTION.map((_, i) => rows.map((row) => row.projection[i] ?? null)),
    rows.map((row) => viewOf(row.body)),
    rows.map((row) => viewOf(row.entryHash)),
    rows.map((row) => viewOf(row.mac)),
  ]);
}

/** Adds what these rows say to every roll-up and counter sum. */
export async function addSums(tx: Queryable, rows: readonly ChainRow[]): Promise<void> {
  if (rows.length === 0) return;
  await addUsage(tx, rows);
  await addCounters(tx, rows);
}

/** pg takes bytes as Buffers; a copy of each would be half of what the collector has to clear away. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function addUsage(tx: Queryable, rows: readonly ChainRow[]): Promise<void> {
  const deltas = usageDeltas(rows);
  if (deltas.length === 0) return;
  await tx.query(sql("upsert-usage-hourly"), [
    deltas.map((delta) => delta.tenant),
    deltas.map((delta) => delta.hour),
    deltas.map((delta) => viewOf(delta.rowKey)),
    ...USAGE_AXES.map((_, i) => deltas.map((delta) => delta.axes[i] ?? null)),
    deltas.map((delta) => delta.calls),
    deltas.map((delta) => delta.released),
    deltas.map((delta) => delta.blocked),
    deltas.map((delta) => delta.costUnknown),
    deltas.map((delta) => delta.inputTokens),
    deltas.map((delta) => delta.outputTokens),
    deltas.map((delta) => delta.costNano),
  ]);
  for (const coarse of coarseDeltas(deltas)) await tx.query(sql(coarse.statement), columnsOf(coarse.deltas));
  await tx.query(sql("upsert-usage-of-sessions"), columnsOfLives(sessionLives(deltas)));
}

/** Tenant, time, row key, the seven sums, the axes: an array each. */
function columnsOf(deltas: readonly UsageDelta[]): unknown[] {
  return [
    deltas.map((delta) => delta.tenant),
    deltas.map((delta) => delta.hour),
    deltas.map((delta) => viewOf(delta.rowKey)),
    deltas.map((delta) => delta.calls),
    deltas.map((delta) => delta.released),
    deltas.map((delta) => delta.blocked),
    deltas.map((delta) => delta.costUnknown),
    deltas.map((delta) => delta.inputTokens),
    deltas.map((delta) => delta.outputTokens),
    deltas.map((delta) => delta.costNano),
    ...(deltas[0]?.axes ?? []).map((_, i) => deltas.map((delta) => delta.axes[i] ?? null)),
  ];
}

async function addCounters(tx: Queryable, rows: readonly ChainRow[]): Promise<void> {
  const deltas = counterDeltas(rows);
  if (deltas.length === 0) return;
  await tx.query(sql("upsert-counter-sums"), [
    deltas.map((delta) => delta.tenant),
    deltas.map((delta) => delta.limitId),
    deltas.map((delta) => delta.windowId),
    deltas.map((delta) => delta.settled),
    deltas.map((delta) => delta.lastMs),
  ]);
}
