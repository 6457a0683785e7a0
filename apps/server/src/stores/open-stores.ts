import { join } from "node:path";
import {
  assertMasterKey,
  hasMasterKey,
  holdDatabase,
  INSTALLATION_ROLE,
  isUnwritten,
  LedgerKeys,
  loadAdminKey,
  loadMasterKey,
  loadRecorderState,
  openSpool,
  recordedCalls,
  recoverSpool,
  startEmbedded,
  startRecorder,
  type AdminKey,
  type DatabaseHold,
  type EmbeddedPostgres,
  type OpenCall,
  type OpenDatabase,
  type Recorder,
  type Spool,
} from "@tollhouse/store";
import type { Counting } from "../counting/counting.ts";
import { startAlone } from "../counting/count-alone.ts";
import type { TogetherParts } from "../counting/count-together.ts";
import type { Logger } from "../process/logger.ts";
import type { Settings } from "../settings.ts";
import { openDatabases, type Databases } from "../tenants/open-databases.ts";

/** Everything that outlives a call: PostgreSQL, the keys, the spool with its recorder, the counters. */
export interface Stores {
  readonly embedded: EmbeddedPostgres | null;
  readonly databases: Databases;
  /** As the installation. */
  readonly db: OpenDatabase;
  readonly hold: DatabaseHold;
  readonly masterKey: Uint8Array;
  readonly adminKey: AdminKey;
  readonly keys: LedgerKeys;
  readonly spool: Spool;
  readonly recorder: Recorder;
  /** What the process before left open: calls, which get their end before another one is admitted, and checks of SDKs, which go on. */
  readonly calls: readonly OpenCall[];
  readonly checks: readonly OpenCall[];
  readonly counting: Counting;
}

export interface OpenStoresParts {
  readonly settings: Settings;
  /** As the status page shows it. */
  readonly nodeName: string;
  readonly logger: Logger;
  readonly now: () => number;
  /** The process cannot go on: the embedded database died, or another process took the database over. */
  readonly onDeath: (reason: string) => void;
}

/**
 * Opens them in the order in which one needs the other. What the last process had ended is in the database before counters are
 * read. Throws StartRefused with one line for the operator.
 */
export async function openStores(parts: OpenStoresParts): Promise<Stores> {
  const { settings, nodeName, logger, now, onDeath } = parts;
  const embedded = settings.databaseUrl === null ? await startDatabase(settings, logger, onDeath) : null;
  const target = embedded === null ? { url: settings.databaseUrl as string } : { embedded };
  const databases = await openDatabases(target, (line) => logger.warning(line));
  const { db } = databases;
  const hold = await holdDatabase(db, settings.redisUrls === null ? "memory" : "shared", onDeath);
  const masterKey = await loadMasterKey({
    dataDir: settings.dataDir,
    fromEnv: settings.masterKey?.toString("hex"),
    embedded: embedded !== null,
    isTied: await hasMasterKey(db),
  });
  await assertMasterKey(db, masterKey);
  const adminKey = await loadAdminKey(db, masterKey, settings.adminKey ?? undefined);
  const keys = new LedgerKeys(masterKey);
  const spool = await openSpool({
    dir: join(settings.dataDir, "spool"),
    bytesMax: settings.spoolBytesMax,
    sync: settings.spoolSync,
  });
  const { lostBytes } = spool.state();
  if (lostBytes > 0)
    logger.error("the disk lost records that it had said were durable: the calls they tell of are not in the ledger", {
      bytes: lostBytes,
    });
  const spoolWasEmpty = isUnwritten(spool.end());
  const state = await loadRecorderState(db, spool.node);
  const { calls, checks } = await recoverSpool(spool, state, now(), (left) => recordedCalls(db, left));
  const recorder = startRecorder({
    spool,
    databaseUrl: db.url,
    masterKey,
    role: INSTALLATION_ROLE,
    onError: (message) => logger.error(message),
  });
  await recorder.drained();
  const { redisUrls } = settings;
  const counting =
    redisUrls === null
      ? await startAlone({ db, logger, now })
      : await countTogether({ settings, redisUrls, nodeName, db, spool, spoolWasEmpty, recorder, logger, onDeath });
  return { embedded, databases, db, hold, masterKey, adminKey, keys, spool, recorder, calls, checks, counting };
}

function startDatabase(
  settings: Settings,
  logger: Logger,
  onDeath: (reason: string) => void,
): Promise<EmbeddedPostgres> {
  return startEmbedded({ dataDir: settings.dataDir, log: (line) => logger.debug(line), onDeath });
}

/** With what it loads: a Redis client is half as much as the server, and one process alone has none. */
async function countTogether(parts: TogetherParts): Promise<Counting> {
  const { startTogether } = await import("../counting/count-together.ts");
  return startTogether(parts);
}
