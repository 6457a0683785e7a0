import { listTenants, StartView, type Database, type Tenant } from "@tollhouse/store";
import { TenantRegistry, type TenantRegistryParts } from "./tenant-registry.ts";

/** Each reads its own rows: a few at once keep the connections busy, and more would only wait for one. */
const AT_ONCE = 8;

/** Every tenant, in memory before the port opens. `db`: as the installation. */
export async function loadTenants(db: Database, parts: TenantRegistryParts): Promise<TenantRegistry> {
  const registry = new TenantRegistry(parts);
  const start = await StartView.open(db);
  const tenants: Tenant[] = [];
  for await (const tenant of listTenants(db)) tenants.push(tenant);
  const waiting = tenants.values();
  // All take from one queue.
  const load = async (): Promise<void> => {
    for (const tenant of waiting) registry.putInForce(await registry.load(tenant, start));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, load));
  start.end();
  return registry;
}
