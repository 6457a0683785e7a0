import { createLimitSnapshot } from "@tollhouse/engine";
import { deriveKey, listLimits, type LedgerKeys, type LimitPlace } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import { createDerivedId } from "./derived-id.ts";
import { LimitService, type LimitServiceParts } from "./limit-service.ts";
import { recordedAmounts } from "./recorded-amounts.ts";

export interface LimitServicesParts extends Omit<LimitServiceParts, "environment" | "first" | "startingAmounts"> {
  readonly masterKey: Uint8Array;
  readonly keys: LedgerKeys;
  readonly environments: readonly string[];
  /** Nano-dollars for a session without a budget of its own, in each environment; null = none. */
  readonly defaultBudget: bigint | null;
}

/** The limits of each environment: nothing is counted, seeded or derived across two of them. */
export async function loadLimitServices(parts: LimitServicesParts): Promise<(environment: string) => LimitService> {
  const services = new Map<string, LimitService>();
  for (const environment of parts.environments) services.set(environment, await loadLimitService(parts, environment));
  return (environment) => {
    const service = services.get(environment);
    if (service === undefined)
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${parts.environments.join(", ")}`);
    return service;
  };
}

async function loadLimitService(parts: LimitServicesParts, environment: string): Promise<LimitService> {
  const { db, keys, masterKey, tenant, defaultBudget } = parts;
  const place: LimitPlace = { tenant, environment };
  const limits = [];
  for await (const limit of listLimits(db, place)) limits.push(limit);
  return new LimitService({
    ...parts,
    ...place,
    first: createLimitSnapshot({
      version: 1,
      limits,
      defaultSessionBudget: defaultBudget,
      derivedId: createDerivedId(deriveKey(masterKey, "derived-limit", tenant), environment),
    }),
    startingAmounts: (limit, nowMs, ended) => recordedAmounts({ db, keys, ...place }, limit, nowMs, ended),
  });
}
