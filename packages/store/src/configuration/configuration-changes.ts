import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idOfUuid } from "../ledger/tenant-id.ts";

/** What nodes keep of the configuration, each by one service of theirs. `barrier`: nothing changed. */
export const CONFIGURATION_SUBJECTS = [
  "tenants",
  "blocks",
  "keys",
  "limits",
  "plans",
  "plan_assignments",
  "policies",
  "anomaly_rules",
  "provider_keys",
  "payload_settings",
  "barrier",
] as const;
export type ConfigurationSubject = (typeof CONFIGURATION_SUBJECTS)[number];

export interface ConfigurationChange {
  readonly version: bigint;
  /** 32 hex digits. Null, and so is the environment: of none. */
  readonly tenant: string | null;
  readonly environment: string | null;
  readonly subject: ConfigurationSubject;
  /** Ids of rows; null: any of the subject's. */
  readonly ids: readonly string[] | null;
}

export interface ConfigurationNews {
  /** Where the configuration is. */
  readonly newest: bigint;
  /** In order, as many as were asked for at most. */
  readonly changes: readonly ConfigurationChange[];
  /** Some that came after the version asked for are kept no more, or the database is an older one: everything must be read. */
  readonly gap: boolean;
}

interface ChangeRow {
  readonly newest: bigint;
  readonly version: bigint | null;
  readonly of_tenant: string | null;
  readonly environment: string | null;
  readonly subject: string;
  readonly ids: readonly string[] | null;
}

/** Told by PostgreSQL on this channel that there is news. A hint: it may be lost, and may come twice. */
export const CONFIGURATION_CHANNEL = "tollhouse_configuration";

/** The number of the newest change that is committed. Numbers have no gaps, and are in the order of the commits. */
export async function configurationVersion(db: Queryable): Promise<bigint> {
  const [row] = (await db.query<{ version: bigint }>(sql("configuration-version"), [])).rows;
  if (row === undefined) throw new Error("configuration_version has no row");
  return row.version;
}

/** What changed after `version`. */
export async function configurationNews(
  db: Queryable,
  version: bigint,
  changesMax: number,
): Promise<ConfigurationNews> {
  const { rows } = await db.query<ChangeRow>(sql("configuration-changes"), [version, changesMax]);
  const [first] = rows;
  if (first === undefined) throw new Error("configuration_version has no row");
  const changes = rows.flatMap(changeOf);
  const next = changes[0]?.version ?? first.newest + 1n;
  return { newest: first.newest, changes, gap: next !== version + 1n };
}

/** A number that comes after every change that was committed before now. */
export async function makeConfigurationBarrier(db: Queryable): Promise<bigint> {
  await db.query(sql("insert-configuration-barrier"), []);
  return configurationVersion(db);
}

function changeOf({ version, of_tenant, environment, subject, ids }: ChangeRow): ConfigurationChange[] {
  if (version === null) return [];
  const known = CONFIGURATION_SUBJECTS.find((name) => name === subject);
  // Of a release after this one, whose tables this one does not have in memory.
  return known === undefined
    ? [{ version, tenant: null, environment: null, subject: "barrier", ids: null }]
    : [{ version, tenant: of_tenant === null ? null : idOfUuid(of_tenant), environment, subject: known, ids }];
}
