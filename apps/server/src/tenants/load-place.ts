import type { Counters, Database, LedgerKeys, MemoryCounterStore, Recorder, Spool } from "@tollhouse/store";
import type { AnomalyService } from "../anomalies/anomaly-service.ts";
import { loadAnomalyServices } from "../anomalies/load-anomaly-services.ts";
import type { BlockService } from "../blocks/block-service.ts";
import { loadBlockServices, type BlockServices } from "../blocks/load-block-services.ts";
import type { Exchange } from "../gateway/exchange.ts";
import type { Upstream } from "../gateway/upstreams.ts";
import type { LimitService } from "../limits/limit-service.ts";
import { loadLimitServices } from "../limits/limit-services.ts";
import { StartingCounters, type Together } from "../limits/starting-counters.ts";
import type { SettledTap } from "../limits/settled-tap.ts";
import type { Place } from "../place.ts";
import { loadPolicies, type PolicyServices } from "../policies/load-policies.ts";
import type { Logger } from "../process/logger.ts";
import type { Metrics } from "../process/metrics.ts";
import { loadPayloadService, type PayloadService } from "../sdk/payload-service.ts";
import { loadProviderKeys } from "../provider-keys/load-provider-keys.ts";
import type { ProviderKeyService } from "../provider-keys/provider-key-service.ts";

/** What the installation has once, and every tenant's services use. */
export interface InstallationParts {
  readonly spool: Spool;
  readonly recorder: Recorder;
  readonly masterKey: Uint8Array;
  readonly keys: LedgerKeys;
  readonly counters: MemoryCounterStore;
  countersOf(tenant: string): Counters;
  readonly tap: SettledTap;
  /** Calls under way, of all tenants. */
  readonly running: Iterable<Exchange>;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where several processes count: how they wait for each other. */
  readonly together?: Together;
  /** Nano-dollars for a session without a budget of its own; null = none. */
  readonly defaultBudget: bigint | null;
  readonly now: () => number;
}

/** What one environment of one tenant has in memory. */
export interface PlaceServices {
  readonly limits: LimitService;
  readonly blocks: BlockServices;
  readonly policies: PolicyServices;
  readonly anomalies: AnomalyService;
  readonly providerKeys: ProviderKeyService;
  readonly payloads: PayloadService;
  /** Where several processes count. */
  readonly starting?: StartingCounters;
}

export interface LoadPlaceParts extends InstallationParts {
  /** The tenant's own view: PostgreSQL shows it no other rows. */
  readonly db: Database;
  readonly everywhere: ReadonlyMap<string, BlockService>;
}

/** The one place where the services of an environment are loaded; whoever adds a service adds it here. */
export async function loadPlace(parts: LoadPlaceParts, place: Place): Promise<PlaceServices> {
  const standing = parts.countersOf(place.tenant);
  const starting = startingOf(parts, place);
  const here = { ...parts, ...starting, standing, tenant: place.tenant, environments: [place.environment] };
  // Side by side: the database makes the rows of one while those of the other are read.
  const [limitsOf, policiesOf] = await Promise.all([loadLimitServices(here), loadPolicies(here)]);
  const blocksOf = await loadBlockServices({ ...here, limitsOf, policiesOf });
  const anomaliesOf = await loadAnomalyServices({ ...here, blocksOf });
  const providerKeysOf = await loadProviderKeys(here);
  return {
    limits: limitsOf(place),
    blocks: blocksOf(place),
    policies: policiesOf(place),
    anomalies: anomaliesOf(place),
    providerKeys: providerKeysOf(place),
    payloads: await loadPayloadService(here),
    ...starting,
  };
}

function startingOf(parts: LoadPlaceParts, place: Place): { readonly starting?: StartingCounters } {
  const { db, spool, together, logger, now } = parts;
  if (together === undefined) return {};
  const failed = (error: unknown): void =>
    logger.warning("what was used before a change is not counted yet; tried again", {
      error: error instanceof Error ? error : new Error(String(error)),
    });
  return { starting: new StartingCounters({ ...place, db, spool, together, failed, now }) };
}
