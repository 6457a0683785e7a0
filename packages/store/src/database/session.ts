import type { Pool, PoolClient } from "pg";
import { DatabaseUnavailable, isSilent, saysAway } from "./database-unavailable.ts";

/** Gives `work` a connection of its own. `broken`: it must not be given to anybody again. */
export type Session = <T>(work: (client: PoolClient, broken: (error: Error) => void) => Promise<T>) => Promise<T>;

/** Connections as they come: they act as the role that the pool was opened with. */
export function inSession(pool: Pool): Session {
  return (work) => lend(pool, null, work);
}

/** The tenant that a connection is set to. Nobody else has these connections, so what is noted here is what PostgreSQL has. */
const tenants = new WeakMap<PoolClient, string>();

/**
 * Connections set to one tenant, for PostgreSQL's own policies (migrations/0013). Set for as long as it stays the same one, and not in
 * a transaction around each statement: that took two more round trips a statement, and this takes one where the tenant changes.
 */
export function inTenant(pool: Pool, tenant: string): Session {
  return (work) => lend(pool, (client) => setTenant(client, tenant), work);
}

async function setTenant(client: PoolClient, tenant: string): Promise<void> {
  if (tenants.get(client) === tenant) return;
  // Of no tenant until the server has answered.
  tenants.delete(client);
  await client.query("SELECT set_config('tollhouse.tenant', $1, false)", [tenant]);
  tenants.set(client, tenant);
}

async function lend<T>(
  pool: Pool,
  enter: ((client: PoolClient) => Promise<void>) | null,
  work: (client: PoolClient, broken: (error: Error) => void) => Promise<T>,
): Promise<T> {
  const client = await connect(pool);
  let error: Error | undefined;
  let lost: Error | undefined;
  const broken = (reason: unknown): void => {
    error ??= reason instanceof Error ? reason : new Error(String(reason));
  };
  // A checked-out client reports its broken connection as an event too; unheard, it would end the process.
  const left = (reason: Error): void => broken((lost = reason));
  client.on("error", left);
  try {
    if (enter !== null)
      await enter(client).catch((reason: unknown) => {
        broken(reason);
        throw reason;
      });
    return await work(client, broken);
  } catch (reason) {
    if (isSilent(reason)) broken(reason);
    if (lost !== undefined) throw new DatabaseUnavailable(lost);
    throw saysAway(reason) ? new DatabaseUnavailable(reason) : reason;
  } finally {
    client.off("error", left);
    client.release(error);
  }
}

/** Questions that may wait for a connection at once: each holds a request in memory, and pg-pool takes as many as there are. */
export const WAITERS_MAX = 1_000;

/** What the server itself says against a connection, its user for one, stays what it is. */
async function connect(pool: Pool): Promise<PoolClient> {
  if (pool.waitingCount >= WAITERS_MAX)
    throw new DatabaseUnavailable(new Error(`${WAITERS_MAX} questions wait for a connection already`));
  try {
    return await pool.connect();
  } catch (reason) {
    const said = reason instanceof Error && "severity" in reason && !saysAway(reason);
    throw said || !(reason instanceof Error) ? reason : new DatabaseUnavailable(reason);
  }
}
