import {
  INSTALLATION_ROLE,
  joinRoles,
  migrate,
  openDatabase,
  openTenantDatabases,
  type DatabaseTarget,
  type OpenDatabase,
  type TenantDatabases,
} from "@tollhouse/store";

export interface Databases {
  /** As the installation: rows of all tenants, for the start and the recorder. Nothing that a request asks goes through it. */
  readonly db: OpenDatabase;
  /** As one tenant. */
  readonly tenants: TenantDatabases;
  close(): Promise<void>;
}

/** The longest question of a request takes some seconds over ten million entries; whoever asks a server that is stopped is told so. */
const ANSWER_MS = 60_000;

/** Migrates as the owner of the tables, who is gone before anything else is asked: from then on nobody here owns anything. */
export async function openDatabases(target: DatabaseTarget, log: (line: string) => void): Promise<Databases> {
  const owner = await openDatabase(target, { connectionsMax: 1, log });
  try {
    await migrate(owner);
    await joinRoles(owner);
  } finally {
    await owner.close();
  }
  const db = await openDatabase(target, { role: INSTALLATION_ROLE, log });
  try {
    const tenants = await openTenantDatabases(target, { log, answerTimeoutMs: ANSWER_MS });
    const close = async (): Promise<void> => {
      await tenants.close();
      await db.close();
    };
    return { db, tenants, close };
  } catch (error) {
    await db.close();
    throw error;
  }
}
