import { ownPriceRows } from "../own-price-rows.ts";
import type { ProviderSettings } from "../provider-settings.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";
import { RehearsalService, type RehearsalServiceParts } from "./rehearsal-service.ts";

export interface LoadRehearsalsParts extends Omit<RehearsalServiceParts, "databaseUrl" | "ownPrices" | "servicesOf"> {
  readonly db: { readonly url: string };
  readonly settings: { readonly providers: readonly ProviderSettings[] };
  readonly tenants: TenantRegistry;
}

export function loadRehearsals(parts: LoadRehearsalsParts): RehearsalService {
  const { db, settings, tenants } = parts;
  return new RehearsalService({
    ...parts,
    databaseUrl: db.url,
    ownPrices: ownPriceRows(settings.providers),
    servicesOf: (place) => tenants.at(place).policies,
  });
}
