import { randomUUID, randomUUIDv7 } from "node:crypto";
import {
  FIRST_ENVIRONMENTS,
  type EnvironmentAnswer,
  type EnvironmentCreate,
  type TenantAnswer,
  type TenantCreate,
} from "@tollhouse/contract";
import {
  DEFAULT_TENANT,
  insertEnvironment,
  insertTenant,
  type AdminRecord,
  type Database,
  type Spool,
  type Tenant,
  type TenantEnvironment,
} from "@tollhouse/store";
import type { Access } from "../control/access.ts";
import { Problem } from "../control/problem.ts";
import type { TenantRegistry } from "./tenant-registry.ts";

export interface TenantServiceParts {
  /** As the installation: a tenant may make no other. */
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  readonly registry: TenantRegistry;
  now(): number;
}

interface Change {
  readonly tenant: string;
  readonly environment: string | null;
  readonly subject: string;
  readonly thing: "tenant" | "environment";
  readonly after: object;
}

/** Who is served: makes tenants and environments, and puts them in force without a restart. */
export class TenantService {
  readonly #parts: TenantServiceParts;

  constructor(parts: TenantServiceParts) {
    this.#parts = parts;
  }

  /** A page by name; `cursor`: the last name of the page before, "" = from the first. */
  list(cursor: string, limit: number): { tenants: TenantAnswer[]; next: string | null } {
    const rest = this.#parts.registry.all().filter(({ name }) => name > cursor);
    const page = rest.slice(0, limit).map(describeTenant);
    return { tenants: page, next: rest.length > limit ? (page.at(-1)?.name ?? null) : null };
  }

  get(name: string): TenantAnswer {
    const tenant = this.#parts.registry.byName(name);
    if (tenant === null) throw new Problem("NOT_FOUND", `There is no tenant ${name.slice(0, 64)}`);
    return describeTenant(tenant);
  }

  /** Its chain begins with its first own entry; that it was made stands in the chain of the default tenant, the installation's own. */
  create({ name }: TenantCreate, { actor }: Access): Promise<TenantAnswer> {
    return this.#parts.registry.turns.run(async () => {
      const { db, registry } = this.#parts;
      if (registry.byName(name) !== null) throw taken("tenant", name);
      const createdMs = this.#parts.now();
      // Not of the time, as other ids are: when a tenant came is nobody's business who sees its id.
      const id = randomUUID().replaceAll("-", "");
      const tenant = { id, name, createdMs, environments: FIRST_ENVIRONMENTS.map((env) => ({ name: env, createdMs })) };
      // Read first, while nothing can have failed: there is nothing to read, but for the database being there.
      const loaded = await registry.load(tenant);
      const after = describeTenant(tenant);
      const change: Change = { tenant: DEFAULT_TENANT, environment: null, subject: name, thing: "tenant", after };
      await this.#recorded(actor, change, () => insertTenant(db, tenant));
      registry.putInForce(loaded);
      return after;
    });
  }

  /** What a key may see of them is its own one. */
  environments({ tenant, environment: own }: Access): EnvironmentAnswer[] {
    const { environments } = this.#parts.registry.of(tenant).tenant;
    return environments.filter(({ name }) => own === null || name === own).map(describeEnvironment);
  }

  createEnvironment({ name }: EnvironmentCreate, { tenant: id, actor }: Access): Promise<EnvironmentAnswer> {
    return this.#parts.registry.turns.run(async () => {
      const { db, registry } = this.#parts;
      const loaded = registry.of(id);
      if (loaded.environments.includes(name)) throw taken("environment", name);
      const added = { name, createdMs: this.#parts.now() };
      const services = await registry.loadPlace(loaded, name);
      const after = describeEnvironment(added);
      const change: Change = { tenant: id, environment: name, subject: name, thing: "environment", after };
      await this.#recorded(actor, change, () => insertEnvironment(db, id, added));
      const environments = [...loaded.tenant.environments, added].sort((a, b) => (a.name < b.name ? -1 : 1));
      registry.putPlaceInForce({ ...loaded.tenant, environments }, name, services);
      return after;
    });
  }

  /** Recorded first, then stored; what the database refuses was never made, and the ledger says so too. */
  async #recorded(actor: string, change: Change, store: () => Promise<boolean>): Promise<void> {
    const text = JSON.stringify(change.after);
    await this.#record(actor, change, "create", null, text);
    let stored: boolean;
    try {
      stored = await store();
    } catch (error) {
      await this.#record(actor, change, "delete", text, null);
      throw error;
    }
    if (stored) return;
    await this.#record(actor, change, "delete", text, null);
    throw taken(change.thing, change.subject);
  }

  #record(
    actor: string,
    { tenant, environment, subject, thing }: Change,
    verb: "create" | "delete",
    before: string | null,
    after: string | null,
  ): Promise<void> {
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action: `${thing}.${verb}`,
      subject,
      before,
      after,
    };
    return this.#parts.spool.append(record);
  }
}

function taken(thing: string, name: string): Problem {
  const problem = `expected one that no other ${thing} has`;
  return new Problem("ALREADY_EXISTS", `The ${thing} ${name} is there already`, [{ field: "name", problem }]);
}

function describeTenant({ id, name, createdMs, environments }: Tenant): TenantAnswer {
  const names = environments.map((environment) => environment.name);
  return { id, name, environments: names, created_at: new Date(createdMs).toISOString() };
}

function describeEnvironment({ name, createdMs }: TenantEnvironment): EnvironmentAnswer {
  return { name, created_at: new Date(createdMs).toISOString() };
}
