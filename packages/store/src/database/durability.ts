import type { Queryable } from "./database.ts";
import { StartRefused } from "./start-refused.ts";

/** Row-level triggers on partitions, and `CREATE DATABASE … STRATEGY WAL_LOG`; older ones are near their end of life. */
const MAJOR_VERSION_MIN = 15;

interface DurabilitySettings {
  readonly version: number;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  readonly aurora: boolean;
}

const QUESTION = `
  SELECT current_setting('server_version_num')::int AS version,
         current_setting('fsync') AS fsync,
         current_setting('full_page_writes') AS full_page_writes,
         current_setting('synchronous_commit') AS synchronous_commit,
         to_regproc('aurora_version') IS NOT NULL AS aurora`;

/**
 * Refuses a server that acknowledges what a power cut can take back: everything Tollhouse promises about spend rests on a
 * COMMIT being true. Asked on our own connection, because a role or database may override the server's settings.
 */
export async function assertDurable(database: Queryable): Promise<void> {
  const { rows } = await database.query<DurabilitySettings>(QUESTION);
  const settings = rows[0];
  if (settings === undefined) throw new Error("the server did not answer for its settings");
  const major = Math.floor(settings.version / 10_000);
  if (major < MAJOR_VERSION_MIN) {
    throw new StartRefused(
      "DATABASE_TOO_OLD",
      `the database is PostgreSQL ${major}; Tollhouse needs ${MAJOR_VERSION_MIN} or newer`,
    );
  }
  const off = switchedOff(settings);
  if (off.length === 0) return;
  throw new StartRefused(
    "DATABASE_NOT_DURABLE",
    `the database may lose what it has acknowledged: ${off.join(", ")}; switch it on for this server, role and database, and start again`,
  );
}

function switchedOff(settings: DurabilitySettings): string[] {
  const names: ("fsync" | "full_page_writes" | "synchronous_commit")[] = ["fsync", "synchronous_commit"];
  // Aurora's storage writes no pages, so it reports full_page_writes=off and cannot tear one.
  if (!settings.aurora) names.push("full_page_writes");
  return names.filter((name) => settings[name] === "off").map((name) => `${name}=off`);
}
