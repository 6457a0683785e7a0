import { abandonedStarting, deleteStarting, type Database, type LimitPlace, type Starting } from "@tollhouse/store";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";

/** Longer than whoever made it waits for the others. */
const ABANDONED_S = 30;
const AT_ONCE = 20;

/**
 * Counts what a process has left that ended between putting a limit or policy in force and counting it. Any process may, and two at once do
 * no harm: it is counted once for its id. `db`: as the installation.
 */
export async function countAbandoned(
  db: Database,
  registry: TenantRegistry,
  olderThanS: number = ABANDONED_S,
): Promise<void> {
  for (const left of await abandonedStarting(db, olderThanS, AT_ONCE)) await countOne(db, registry, left);
}

async function countOne(db: Database, registry: TenantRegistry, left: LimitPlace & Starting): Promise<void> {
  if (!registry.has(left)) return;
  const { starting, limits, policies } = registry.at(left);
  const change = left.slots === null ? limits.abandoned(left) : policies.policies.abandoned(left);
  if (change === null) await deleteStarting(db, left, left);
  else await starting?.count(change);
}
