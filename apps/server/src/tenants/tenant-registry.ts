import {
  listTenants,
  readTenant,
  type Database,
  type Queryable,
  type StartView,
  type Tenant,
  type TenantDatabases,
} from "@tollhouse/store";
import type { BlockService } from "../blocks/block-service.ts";
import { Problem } from "../control/problem.ts";
import type { KeyDirectory } from "../keys/key-directory.ts";
import type { KeyService } from "../keys/key-service.ts";
import { loadKeys } from "../keys/load-keys.ts";
import type { Place } from "../place.ts";
import { Turns } from "../turns.ts";
import { loadPlace, type InstallationParts, type PlaceServices } from "./load-place.ts";

export interface TenantRegistryParts extends InstallationParts {
  readonly databases: TenantDatabases;
  readonly directory: KeyDirectory;
  /** A tenant that is made while others are served: its shared counters are there before it is in force. */
  openCounters?(tenant: string): Promise<void>;
}

/** What a tenant has in memory. */
export interface LoadedTenant {
  readonly tenant: Tenant;
  /** Its own view: PostgreSQL shows it no other rows. */
  readonly db: Database;
  readonly keys: KeyService;
  readonly keyIds: readonly string[];
  readonly places: Map<string, PlaceServices>;
  /** The same blocks by environment, for a stop in all of them. */
  readonly everywhere: Map<string, BlockService>;
  /** By name. Grows: the keys of a tenant know a new environment as soon as it is in force. */
  readonly environments: string[];
}

/** The services of every tenant and environment, in memory. A look-up costs two Map gets, and nothing is awaited. */
export class TenantRegistry {
  readonly #parts: TenantRegistryParts;
  readonly #byId = new Map<string, LoadedTenant>();
  readonly #byName = new Map<string, LoadedTenant>();
  /** Changes of who is served: two of one name must not both find that there is none. */
  readonly turns = new Turns();

  constructor(parts: TenantRegistryParts) {
    this.#parts = parts;
  }

  /** Throws a Problem where the tenant has no such environment. */
  at({ tenant, environment }: Place): PlaceServices {
    const loaded = this.#byId.get(tenant);
    return loaded?.places.get(environment) ?? noEnvironment(loaded, tenant);
  }

  /** Whoever asks was let in as somebody of this tenant, so it is there. */
  of(tenant: string): LoadedTenant {
    const loaded = this.#byId.get(tenant);
    if (loaded === undefined) throw new Error(`tenant ${tenant} is not loaded`);
    return loaded;
  }

  /** The tenant's own view; undefined = there is no such tenant. */
  dbOf(tenant: string): Database | undefined {
    return this.#byId.get(tenant)?.db;
  }

  byName(name: string): Tenant | null {
    return this.#byName.get(name)?.tenant ?? null;
  }

  /** By name. */
  all(): Tenant[] {
    return [...this.#byName.values()].map(({ tenant }) => tenant).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Every environment that is in force. */
  *places(): Generator<Place, void> {
    for (const { tenant, places } of this.#byId.values())
      for (const environment of places.keys()) yield { tenant: tenant.id, environment };
  }

  has({ tenant, environment }: Place): boolean {
    return this.#byId.get(tenant)?.places.has(environment) === true;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** Reads what a tenant has, and puts nothing in force yet. `start`: while the process starts. */
  async load(tenant: Tenant, start?: StartView): Promise<LoadedTenant> {
    const { databases } = this.#parts;
    const own = databases.of(tenant.id);
    const db = start?.of(own) ?? own;
    const environments = tenant.environments.map(({ name }) => name);
    const everywhere = new Map<string, BlockService>();
    const { keys, ids } = await loadKeys({ ...this.#parts, db, tenant: tenant.id, environments });
    const loaded = {
      tenant,
      db,
      keys,
      keyIds: ids,
      places: new Map<string, PlaceServices>(),
      everywhere,
      environments,
    };
    for (const environment of environments) add(loaded, environment, await this.loadPlace(loaded, environment));
    if (start === undefined) await this.#parts.openCounters?.(tenant.id);
    return loaded;
  }

  /** Puts in force what the database has of this tenant (null: of all) and this process does not: another one has made it. */
  refresh(from: Queryable, id: string | null): Promise<void> {
    return this.turns.run(async () => {
      if (id === null) for await (const tenant of listTenants(from)) await this.#add(from, tenant);
      else {
        const tenant = await readTenant(from, id);
        if (tenant !== null) await this.#add(from, tenant);
      }
    });
  }

  async #add(from: Queryable, tenant: Tenant): Promise<void> {
    const known = this.#byId.get(tenant.id);
    if (known === undefined) return this.putInForce(await this.load(tenant));
    for (const { name } of tenant.environments) {
      if (known.places.has(name)) continue;
      const services = await this.loadPlace(known, name);
      await known.keys.refresh(from, name, null);
      this.putPlaceInForce(tenant, name, services);
    }
  }

  loadPlace({ tenant, db, everywhere }: LoadedTenant, environment: string): Promise<PlaceServices> {
    return loadPlace({ ...this.#parts, db, everywhere }, { tenant: tenant.id, environment });
  }

  putInForce(loaded: LoadedTenant): void {
    this.#byId.set(loaded.tenant.id, loaded);
    this.#byName.set(loaded.tenant.name, loaded);
    this.#parts.directory.add(loaded.keys, loaded.keyIds);
  }

  /** `tenant`: as it is with its new environment. */
  putPlaceInForce(tenant: Tenant, environment: string, services: PlaceServices): void {
    const loaded = { ...this.of(tenant.id), tenant };
    loaded.environments.push(environment);
    loaded.environments.sort();
    add(loaded, environment, services);
    this.#byId.set(tenant.id, loaded);
    this.#byName.set(tenant.name, loaded);
  }
}

function add({ places, everywhere }: LoadedTenant, environment: string, services: PlaceServices): void {
  places.set(environment, services);
  everywhere.set(environment, services.blocks.blocks);
}

function noEnvironment(loaded: LoadedTenant | undefined, tenant: string): never {
  if (loaded === undefined) throw new Error(`tenant ${tenant} is not loaded`);
  throw new Problem("REQUEST_INVALID", `environment: expected one of ${loaded.environments.join(", ")}`);
}
