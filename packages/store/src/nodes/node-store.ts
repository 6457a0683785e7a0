import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { NodeProcess } from "./fence-store.ts";

export interface JoiningNode extends NodeProcess {
  readonly name: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly version: string;
  readonly address: string;
  /** Of a node that the database does not know: may its spool hold what the counters do not have? */
  readonly owes: boolean;
}

export interface NodeFigures {
  readonly state: "up" | "draining";
  readonly address: string;
  readonly spoolBytes: number;
  readonly inFlight: number;
  readonly pending: number;
  /** Ends and changes that the shared counters have not been told yet. */
  readonly untold: number;
  /** In the limit's unit; must be 0. */
  readonly overspendMax: bigint;
}

/** What a heartbeat is answered. */
export interface Heard {
  readonly epoch: bigint;
  readonly open: boolean;
}

/** A node as the status page shows it. */
export interface NodeRow {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly roles: readonly string[];
  readonly version: string;
  readonly address: string;
  readonly state: "up" | "draining" | "stopped";
  readonly live: boolean;
  readonly started_at: Date;
  readonly heartbeat_at: Date;
  readonly heartbeat_age_ms: bigint;
  readonly acknowledged: bigint;
  readonly entered: bigint;
  readonly owes: boolean;
  readonly configuration_version: bigint;
  readonly spool_bytes: bigint;
  readonly in_flight: bigint;
  readonly pending_reservations: bigint;
  readonly untold: bigint;
  readonly overspend_max: bigint;
}

/** The later process on a spool's node counts; the one before finds no row at its next heartbeat. */
export async function joinNodes(db: Queryable, node: JoiningNode): Promise<void> {
  const { id, instance, name, pid, roles, version, address, owes } = node;
  await db.query(sql("join-node"), [id, instance, name, pid, roles, version, address, owes]);
  await db.query(sql("forget-nodes"));
}

/** Null: this process is not the node's any more, or the database has forgotten the node. */
export async function beatNode(db: Queryable, of: NodeProcess, figures: NodeFigures): Promise<Heard | null> {
  const { state, address, spoolBytes, inFlight, pending, untold, overspendMax } = figures;
  const values = [of.id, of.instance, state, address, spoolBytes, inFlight, pending, untold, overspendMax];
  return (await db.query<Heard>(sql("beat-node"), values)).rows[0] ?? null;
}

/** Which process the node is now; null: the database does not know the node. */
export async function instanceOf(db: Queryable, id: string): Promise<string | null> {
  return (await db.query<{ instance: string }>(sql("node-instance"), [id])).rows[0]?.instance ?? null;
}

/** `clean`: everything of it is in the database, and its counters have been told. */
export async function leaveNodes(db: Queryable, { id, instance }: NodeProcess, clean: boolean): Promise<void> {
  await db.query(sql("leave-node"), [id, instance, clean]);
}

export async function listNodes(db: Queryable): Promise<readonly NodeRow[]> {
  return (await db.query<NodeRow>(sql("nodes"))).rows;
}
