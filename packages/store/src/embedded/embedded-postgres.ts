import { join } from "node:path";
import { Client } from "pg";
import type { SocketConnection } from "../database/pool.ts";
import { packagedBinaries, usableBinaries, type Binaries } from "./binaries.ts";
import { clusterHome, type ClusterHome } from "./cluster-home.ts";
import { initialise, SUPERUSER } from "./initialise.ts";
import { stopOrphan } from "./orphan.ts";
import { takeOwnerLock } from "./owner-lock.ts";
import { startPostmaster, type Postmaster } from "./postmaster.ts";
import { runUser, type RunUser } from "./run-user.ts";
import { removeSocketFolder, socketFolder } from "./socket-folder.ts";

export interface EmbeddedOptions {
  /** TOLLHOUSE_DATA_DIR; made if missing. Relative paths are taken from the working directory, once. */
  readonly dataDir: string;
  /** Told each line of the server's own log, and what the launcher does about an earlier server. */
  readonly log: (line: string) => void;
  /**
   * Told once if the server ends without `stop()`: everything that needs the database fails from then on. The data dir stays
   * ours; `stop()`, then `startEmbedded` again, brings it back.
   */
  readonly onDeath?: (reason: string) => void;
  /** A PostgreSQL 18 (folder with bin/, lib/, share/); default: the one of npm for this platform. */
  readonly binaries?: string;
  /** Where root keeps a cluster whose data dir `nobody` cannot reach; default /var/lib/tollhouse. */
  readonly systemFolder?: string;
}

/** The embedded server, running. One a data dir. */
export interface EmbeddedPostgres {
  readonly connection: SocketConnection;
  readonly pid: number;
  /** Folder of the database; not always inside the data dir (see ClusterHome). */
  readonly home: string;
  /** Lets running transactions be rolled back, writes everything out, and gives the data dir free. May be called again. */
  stop(): Promise<void>;
}

const PORT = 5432;

/**
 * Starts PostgreSQL on a data dir, making the database first if there is none. When this resolves, the server takes
 * connections and `connection.database` exists. Takes about 0.1 s, and about a second the first time; the event loop stays free.
 *
 * Throws StartRefused: DATA_DIR_IN_USE (names the owner), DATA_DIR_UNUSABLE, BINARIES_UNUSABLE, DATABASE_DID_NOT_START.
 * A start killed on any line can be repeated; nothing acknowledged is lost.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const user = await runUser();
  const native = options.binaries ?? packagedBinaries();
  const home = await clusterHome(options.dataDir, user, options.systemFolder);
  // First of all: whatever is found in the home from here on belongs to nobody who lives.
  const lock = await takeOwnerLock(join(home.path, "lock"));
  try {
    const server = await bringUp(await usableBinaries(native, home.path, user), home, user, options);
    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      try {
        await server.postmaster.stop();
        await removeSocketFolder(home);
      } finally {
        lock.release();
      }
    };
    return {
      connection: server.connection,
      pid: server.postmaster.pid,
      home: home.path,
      stop: () => (stopped ??= stop()),
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Server {
  readonly postmaster: Postmaster;
  readonly connection: SocketConnection;
}

async function bringUp(
  binaries: Binaries,
  home: ClusterHome,
  user: RunUser,
  options: EmbeddedOptions,
): Promise<Server> {
  await initialise(home, binaries, user);
  await stopOrphan(home.cluster, user, options.log);
  const host = await socketFolder(home, PORT, user);
  const place = { program: binaries.postgres, cluster: home.cluster, socketFolder: host, port: PORT };
  const postmaster = await startPostmaster(place, user, options.log, options.onDeath);
  const connection = { host, port: PORT, user: SUPERUSER, database: SUPERUSER };
  try {
    await ensureDatabase(connection);
  } catch (error) {
    await postmaster.stop();
    throw error;
  }
  return { postmaster, connection };
}

/** Not part of initialising: a start killed between the two finds a whole cluster without it. */
async function ensureDatabase(connection: SocketConnection): Promise<void> {
  const client = new Client({ ...connection, database: "postgres" });
  await client.connect();
  try {
    const found = await client.query("SELECT 1 FROM pg_database WHERE datname = $1", [connection.database]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(connection.database)}`);
  } finally {
    await client.end();
  }
}
