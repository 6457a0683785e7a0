import { compilePolicies, PolicyInvalid, type CounterIdOf, type PolicySnapshot } from "@tollhouse/engine";
import { listPlans, listPolicies, StartRefused, type LedgerKeys, type Queryable } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";
import { PlanService, readAssignments, type PlanServiceParts } from "./plan-service.ts";
import { PolicyLimitIds } from "./policy-limit-ids.ts";
import { PolicyService, type PolicyServiceParts } from "./policy-service.ts";
import { Turns } from "../turns.ts";

export interface PoliciesParts
  extends
    Omit<PolicyServiceParts, "environment" | "first" | "compile" | "turns" | "hasPlan" | "ids">,
    Pick<PlanServiceParts, "db" | "spool"> {
  readonly masterKey: Uint8Array;
  readonly keys: LedgerKeys;
  readonly environments: readonly string[];
}

/** What the call path asks of an environment. */
export interface PolicyRules {
  readonly snapshot: PolicySnapshot;
  /** Another one whenever a policy, a plan or who is on one has changed. */
  readonly revision: number;
  planOf: PlanService["planOf"];
  readonly idOf: CounterIdOf;
}

/** Policies and plans of one environment. */
export interface PolicyServices extends PolicyRules {
  readonly policies: PolicyService;
  readonly plans: PlanService;
}

/** To be awaited before the port opens. A stored policy that cannot be compiled stops the start: left out, it would allow. */
export async function loadPolicies(parts: PoliciesParts): Promise<(place: Place) => PolicyServices> {
  const services = new Map<string, PolicyServices>();
  for (const environment of parts.environments) services.set(environment, await loadPlace(parts, environment));
  return ({ tenant, environment }) => {
    const found = tenant === parts.tenant ? services.get(environment) : undefined;
    if (found === undefined)
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${parts.environments.join(", ")}`);
    return found;
  };
}

async function loadPlace(parts: PoliciesParts, environment: string): Promise<PolicyServices> {
  const { db, keys, masterKey, tenant } = parts;
  const place: Place = { tenant, environment };
  const ids = new PolicyLimitIds(place, masterKey, keys);
  const turns = new Turns();
  const plans: PlanService = new PlanService({
    ...parts,
    ...place,
    turns,
    plans: await listPlans(db, place),
    assigned: await readAssignments(db, place),
    policies: () => policies.snapshot,
  });
  const compile = (from: Queryable, version: number): Promise<PolicySnapshot> => compileStored(from, place, version);
  const first = await compile(db, 1);
  const hasPlan = (name: string): boolean => plans.has(name);
  const policies = new PolicyService({ ...parts, ...place, ids, turns, first, compile, hasPlan });
  return {
    policies,
    plans,
    get snapshot() {
      return policies.snapshot;
    },
    get revision() {
      return policies.snapshot.version + plans.revision;
    },
    planOf: (dimensions, said) => plans.planOf(dimensions, said),
    idOf: ids.of,
  };
}

async function compileStored(from: Queryable, place: Place, version: number): Promise<PolicySnapshot> {
  const stored = [];
  for await (const policy of listPolicies(from, place)) stored.push(policy);
  try {
    return compilePolicies(stored, version);
  } catch (error) {
    if (!(error instanceof PolicyInvalid)) throw error;
    const what = `the stored policy ${error.policy} of ${place.environment} cannot be read: ${error.field}: ${error.expected}`;
    throw new StartRefused("POLICY_INVALID", what, error);
  }
}
