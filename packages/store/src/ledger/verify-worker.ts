import { parentPort, workerData } from "node:worker_threads";
import { openDatabase } from "../database/database.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import type { AsideReport, VerifyAside } from "./verify-aside.ts";
import { verifyLedger } from "./verify-store.ts";

const { databaseUrl, role, masterKey, tenant, from, to, noteKeys } = workerData as VerifyAside;

async function verify(): Promise<AsideReport> {
  const db = await openDatabase({ url: databaseUrl }, { role, connectionsMax: 1 });
  try {
    const keys = new LedgerKeys(masterKey);
    return { verified: await verifyLedger(db, { tenant, from, to, keys, signer: { keys: () => noteKeys } }) };
  } finally {
    await db.close();
  }
}

parentPort?.postMessage(await verify().catch((error: unknown): AsideReport => ({ failed: String(error) })));
