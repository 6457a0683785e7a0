import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import {
  assertMasterKey,
  hasMasterKey,
  holdDatabase,
  importEntries,
  ImportRefused,
  LedgerKeys,
  loadMasterKey,
  startEmbedded,
  StartRefused,
  type EmbeddedPostgres,
  type Imported,
} from "@tollhouse/store";
import type { Settings } from "../settings.ts";
import { openDatabases } from "../tenants/open-databases.ts";
import { loadSigner } from "./load-signer.ts";

/**
 * `--import-ledger FILE`: takes the chain of an export into an installation that has recorded nothing, and starts nothing else. Throws
 * StartRefused with one line for the operator; then nothing was imported.
 */
export async function importLedger(settings: Settings, path: string): Promise<Imported> {
  const none = (): void => {};
  const { databaseUrl, dataDir } = settings;
  const embedded = databaseUrl === null ? await startEmbedded({ dataDir, log: none, onDeath: none }) : null;
  try {
    return await importInto(settings, path, embedded);
  } finally {
    await embedded?.stop();
  }
}

async function importInto(settings: Settings, path: string, embedded: EmbeddedPostgres | null): Promise<Imported> {
  const databases = await openDatabases(
    embedded === null ? { url: settings.databaseUrl as string } : { embedded },
    () => {},
  );
  const { db } = databases;
  const hold = await holdDatabase(db, "memory", () => {}).catch(async (error: unknown) => {
    await databases.close();
    throw error;
  });
  try {
    const masterKey = await loadMasterKey({
      dataDir: settings.dataDir,
      fromEnv: settings.masterKey?.toString("hex"),
      embedded: embedded !== null,
      isTied: await hasMasterKey(db),
    });
    // Only what was imported ties the database to a key: the attempt with a wrong one leaves nothing.
    if (await hasMasterKey(db)) await assertMasterKey(db, masterKey);
    const signer = loadSigner(settings, masterKey);
    const imported = await importEntries({ db, keys: new LedgerKeys(masterKey), signer, lines: linesOf(path) });
    await assertMasterKey(db, masterKey);
    return imported;
  } catch (error) {
    if (!(error instanceof ImportRefused)) throw error;
    throw new StartRefused("LEDGER_NOT_IMPORTED", `${path}: nothing was imported: ${error.message}`, error);
  } finally {
    hold.release();
    await databases.close();
  }
}

async function* linesOf(path: string): AsyncGenerator<string, void> {
  const file = createReadStream(path);
  try {
    yield* createInterface({ input: file, crlfDelay: Infinity });
  } catch (cause) {
    throw new StartRefused("LEDGER_NOT_IMPORTED", `${path}: expected an export that can be read`, cause);
  } finally {
    file.destroy();
  }
}
