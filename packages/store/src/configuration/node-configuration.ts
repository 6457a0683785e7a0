import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** What one process has of the configuration. */
export interface NodeConfiguration {
  readonly node: string;
  readonly instance: string;
  /** In force. */
  readonly version: bigint;
  /** In force, and every call that ended before it was is recorded. */
  readonly recorded: bigint;
}

export async function tellConfiguration(db: Queryable, told: NodeConfiguration): Promise<void> {
  await db.query(sql("tell-configuration"), [told.node, told.instance, told.version, told.recorded]);
}

/** Names of the nodes that have not recorded up to here yet; `own`: the one that asks. */
export async function nodesBehind(db: Queryable, version: bigint, own: string): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(sql("nodes-behind"), [version, own]);
  return rows.map(({ name }) => name);
}
