import { listProviderKeys } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";
import type { Logger } from "../process/logger.ts";
import type { OwnProviderKey } from "./own-provider-key.ts";
import { ProviderKeyService, type ProviderKeyServiceParts } from "./provider-key-service.ts";

export interface ProviderKeyServicesParts extends Omit<ProviderKeyServiceParts, "environment" | "first"> {
  readonly environments: readonly string[];
  readonly logger: Pick<Logger, "warning" | "error" | "hide">;
}

/**
 * The provider keys of each environment, opened before the port is. One that cannot be used does not stop the start: it is said in the
 * log, and the calls that would use it are refused.
 */
export async function loadProviderKeys(parts: ProviderKeyServicesParts): Promise<(place: Place) => ProviderKeyService> {
  const services = new Map<string, ProviderKeyService>();
  for (const environment of parts.environments) {
    const first = await listProviderKeys(parts.db, { tenant: parts.tenant, environment });
    const service = new ProviderKeyService({ ...parts, environment, first });
    parts.logger.hide(() => service.secrets());
    for (const { provider } of first) tell(parts, environment, service.find(provider));
    services.set(environment, service);
  }
  return ({ tenant, environment }) => {
    const service = tenant === parts.tenant ? services.get(environment) : undefined;
    if (service === undefined)
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${parts.environments.join(", ")}`);
    return service;
  };
}

function tell(
  { logger, tenant, upstreams }: ProviderKeyServicesParts,
  environment: string,
  own: OwnProviderKey | undefined,
): void {
  if (own === undefined || own.state === "active") return;
  const { id, provider, origin } = own.key;
  const fields = { provider_key: id, provider, tenant, environment, stored_for: origin };
  switch (own.state) {
    case "origin_changed":
      return logger.warning(
        "a provider key is not used: its provider has another address than the one it was stored for",
        { ...fields, address: upstreams.get(provider)?.origin },
      );
    case "not_configured":
      return logger.warning("a provider key is not used: its provider is not configured any more", fields);
    case "unreadable":
      return logger.error(
        "a provider key cannot be decrypted: it was stored for another tenant, environment, provider or address, or was changed",
        fields,
      );
  }
}
