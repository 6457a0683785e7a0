import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";

/** A tenant as it is stored. Immutable; another environment makes another one. */
export interface Tenant {
  /** 32 hex digits: what the ledger and the log name it by. */
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  /** By name. */
  readonly environments: readonly TenantEnvironment[];
}

export interface TenantEnvironment {
  readonly name: string;
  readonly createdMs: number;
}

interface TenantRow {
  readonly id: string;
  readonly name: string;
  readonly created_at: Date;
  readonly environments: readonly string[];
  readonly environments_created_at: readonly Date[];
}

const PAGE = 1000;

/** False: another tenant has the name, and nothing was stored. With its environments, or not at all. */
export async function insertTenant(db: Queryable, tenant: Tenant): Promise<boolean> {
  const { id, name, createdMs, environments } = tenant;
  const values = [id, name, new Date(createdMs), environments.map((environment) => environment.name)];
  return (await db.query(sql("insert-tenant"), values)).rows.length === 1;
}

/** False: the tenant has one of this name already. */
export async function insertEnvironment(db: Queryable, tenant: string, added: TenantEnvironment): Promise<boolean> {
  const { rows } = await db.query(sql("insert-environment"), [tenant, added.name, new Date(added.createdMs)]);
  return rows.length === 1;
}

/** All of them, by name. */
export async function* listTenants(db: Queryable): AsyncGenerator<Tenant, void> {
  for (let after = ""; ;) {
    const { rows } = await db.query<TenantRow>(sql("tenants"), [after, PAGE]);
    yield* rows.map(tenantOf);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.name;
  }
}

/** Null: there is no such tenant. */
export async function readTenant(db: Queryable, id: string): Promise<Tenant | null> {
  const [row] = (await db.query<TenantRow>(sql("tenant"), [id])).rows;
  return row === undefined ? null : tenantOf(row);
}

function tenantOf(row: TenantRow): Tenant {
  const times = row.environments_created_at;
  return {
    id: idOfUuid(row.id),
    name: row.name,
    createdMs: row.created_at.getTime(),
    environments: row.environments.map((name, i) => ({ name, createdMs: (times[i] ?? row.created_at).getTime() })),
  };
}
