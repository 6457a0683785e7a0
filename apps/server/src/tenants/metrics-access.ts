import type { AdminKey } from "@tollhouse/store";
import type { TenantRegistry } from "./tenant-registry.ts";

/**
 * Metrics are sums over all tenants: with two of them, each would read the other's spend off the difference. Alone, the tenant and the
 * installation are the same, and a scraper needs no key.
 */
export function createMetricsAccess(
  tenants: TenantRegistry,
  adminKey: AdminKey,
): (authorization: string | undefined) => boolean {
  return (authorization = "") =>
    tenants.count === 1 || (/^bearer /i.test(authorization) && adminKey.matches(authorization.slice(7).trim()));
}
