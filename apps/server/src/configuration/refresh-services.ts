import type { ConfigurationSubject, Queryable } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { TenantRegistry } from "../tenants/tenant-registry.ts";

/** Something of one subject to be read anew. `ids` null: all of it. */
export interface Stale {
  readonly tenant: string | null;
  readonly environment: string | null;
  readonly subject: ConfigurationSubject;
  readonly ids: readonly string[] | null;
}

/** What each environment has of its own, in the order in which it is read anew: what stops calls comes first. */
export const SUBJECTS_OF_A_PLACE = [
  "blocks",
  "keys",
  "limits",
  "plans",
  "plan_assignments",
  "policies",
  "anomaly_rules",
  "provider_keys",
  "payload_settings",
] as const satisfies readonly ConfigurationSubject[];

/** Has the one service that keeps it read it anew, in turn with the service's own changes. In force when this resolves. */
export async function refreshServices(registry: TenantRegistry, from: Queryable, stale: Stale): Promise<void> {
  const { tenant, environment, subject, ids } = stale;
  if (subject === "barrier") return;
  if (subject === "tenants") return registry.refresh(from, tenant);
  if (tenant === null || environment === null) throw new Error(`${subject} of no environment`);
  const place: Place = { tenant, environment };
  // Whatever is loaded from now on is read as it is now.
  if (!registry.has(place)) return;
  const services = registry.at(place);
  const { plans, policies } = services.policies;
  switch (subject) {
    case "blocks":
      return services.blocks.blocks.refresh(from, ids);
    case "keys":
      return registry.of(tenant).keys.refresh(from, environment, ids);
    case "limits":
      return services.limits.refresh(from, ids);
    case "plans":
      return plans.refreshPlans(from);
    case "plan_assignments":
      return plans.refreshAssignments(from);
    case "policies":
      return policies.refresh(from, ids);
    case "anomaly_rules":
      return services.anomalies.refresh(from);
    case "provider_keys":
      return services.providerKeys.refresh(from);
    case "payload_settings":
      return services.payloads.refresh(from);
    default:
      throw new Error(`unknown subject ${String(subject satisfies never)}`);
  }
}
