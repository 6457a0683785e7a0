import { connectionUrl, migrate, openDatabase, startEmbedded, type OpenDatabase } from "@tollhouse/store";
import { temporaryFolder } from "./server-under-test.ts";

/** An embedded database of the newest schema, in a folder that stays, or in a temporary one. */
export async function withDatabase<T>(work: (db: OpenDatabase) => Promise<T>, folder?: string): Promise<T> {
  const temporary = folder === undefined ? await temporaryFolder() : null;
  const embedded = await startEmbedded({ dataDir: folder ?? temporary?.path ?? "", log: () => undefined });
  const db = await openDatabase({ url: connectionUrl(embedded.connection) });
  try {
    await migrate(db);
    return await work(db);
  } finally {
    await db.close();
    await embedded.stop();
    await temporary?.remove();
  }
}
