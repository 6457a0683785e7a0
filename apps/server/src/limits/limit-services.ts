import { createLimitSnapshot, type Limit, type LimitSnapshot } from "@tollhouse/engine";
import { deriveKey, listLimits, StartRefused, type Queryable } from "@tollhouse/store";
import type { Place } from "../place.ts";
import { Problem } from "../control/problem.ts";
import { createDerivedId } from "./derived-id.ts";
import { LimitService, type LimitServiceParts } from "./limit-service.ts";
import { recordedAmounts } from "./recorded-amounts.ts";

export interface LimitServicesParts extends Omit<
  LimitServiceParts,
  "environment" | "first" | "compile" | "startingAmounts"
> {
  readonly masterKey: Uint8Array;
  readonly environments: readonly string[];
  /** Nano-dollars for a session without a budget of its own, in each environment; null = none. */
  readonly defaultBudget: bigint | null;
}

/** The limits of each environment: nothing is counted, seeded or derived across two of them. */
export async function loadLimitServices(parts: LimitServicesParts): Promise<(place: Place) => LimitService> {
  const services = new Map<string, LimitService>();
  for (const environment of parts.environments) services.set(environment, await loadLimitService(parts, environment));
  return ({ tenant, environment }) => {
    const service = tenant === parts.tenant ? services.get(environment) : undefined;
    if (service === undefined)
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${parts.environments.join(", ")}`);
    return service;
  };
}

async function loadLimitService(parts: LimitServicesParts, environment: string): Promise<LimitService> {
  const { db, keys, masterKey, tenant, defaultBudget } = parts;
  const place: Place = { tenant, environment };
  const derivedId = createDerivedId(deriveKey(masterKey, "derived-limit", tenant), environment);
  const compile = (from: Queryable, version: number): Promise<LimitSnapshot> =>
    compileStored(from, place, (limits) =>
      createLimitSnapshot({ version, limits, defaultSessionBudget: defaultBudget, derivedId }),
    );
  return new LimitService({
    ...parts,
    ...place,
    first: await compile(db, 1),
    compile,
    startingAmounts: (limit, nowMs, ended) => recordedAmounts({ db, keys, ...place }, limit, nowMs, ended),
  });
}

/** A stored limit that cannot be read stops the start, and keeps a running process at what it has: left out, it would allow. */
async function compileStored(
  db: Queryable,
  place: Place,
  compile: (limits: readonly Limit[]) => LimitSnapshot,
): Promise<LimitSnapshot> {
  const limits: Limit[] = [];
  try {
    for await (const page of listLimits(db, place)) for (const limit of page) limits.push(limit);
    return compile(limits);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const what = `a stored limit of ${place.environment} cannot be read: ${error.message}`;
    throw new StartRefused("LIMIT_INVALID", what, error);
  }
}
