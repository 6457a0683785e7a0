import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

export const FENCE_CHANNEL = "tollhouse_fence";

export interface FenceRow {
  readonly epoch: bigint;
  readonly state: "open" | "closed";
  readonly reason: string;
  readonly since: Date;
  /** The epoch that was open last; 0 = none was. */
  readonly opened: bigint;
  readonly changed_by: string | null;
  /** The node that rebuilds it now. */
  readonly builder: string | null;
}

/** Which process of which node; ids are 32 hex digits. */
export interface NodeProcess {
  readonly id: string;
  readonly instance: string;
}

export async function readFence(db: Queryable): Promise<FenceRow> {
  const [row] = (await db.query<FenceRow>(sql("fence"))).rows;
  if (row === undefined) throw new Error("the database has no fence: its table `counter_fence` is incomplete");
  return row;
}

/**
 * Each of these does its step if the fence is still where the caller saw it, and says whether it did. Nodes are told of a change by
 * FENCE_CHANNEL.
 */
export function closeFence(
  db: Queryable,
  { id, instance }: NodeProcess,
  epoch: bigint,
  reason: string,
): Promise<boolean> {
  return did(db, "close-fence", [id, instance, epoch, reason]);
}

/** The closed epoch gets the next number, unless a live node other than this one rebuilds it. */
export function recloseFence(db: Queryable, node: string, epoch: bigint): Promise<boolean> {
  return did(db, "reclose-fence", [node, epoch]);
}

/** MUST be called only after everything of this process is in the database, and while nothing more is recorded. */
export function acknowledgeFence(db: Queryable, { id, instance }: NodeProcess, epoch: bigint): Promise<boolean> {
  return did(db, "acknowledge-fence", [id, instance, epoch]);
}

/** True for one node alone, which then MUST rebuild, and open or reclose it. */
export function takeRebuild(db: Queryable, node: string, epoch: bigint): Promise<boolean> {
  return did(db, "take-rebuild", [node, epoch]);
}

export function openFence(db: Queryable, node: string, epoch: bigint, counted: readonly string[]): Promise<boolean> {
  return did(db, "open-fence", [node, epoch, counted]);
}

/** False: another epoch is open, or none, or this node owes something that its counters do not have. */
export function enterEpoch(db: Queryable, { id, instance }: NodeProcess, epoch: bigint): Promise<boolean> {
  return did(db, "enter-epoch", [id, instance, epoch]);
}

/**
 * For a process that keeps counters in its own memory, before it admits anything: whatever it counts is in no epoch, so the next node that
 * shares counters finds none open.
 */
export async function countAlone(db: Queryable): Promise<void> {
  await db.query(sql("count-alone"), ["one process counted in its own memory"]);
}

async function did(db: Queryable, statement: string, values: readonly unknown[]): Promise<boolean> {
  return (await db.query(sql(statement), values)).rowCount === 1;
}
