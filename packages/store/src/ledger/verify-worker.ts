import { parentPort, workerData } from "node:worker_threads";
import { openDatabase } from "../database/database.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import type { AsideReport, VerifyAside } from "./verify-aside.ts";
import { verifyLedger, type VerifyResult } from "./verify-store.ts";

const { databaseUrl, role, masterKey, noteKeys, snapshot, ...range } = workerData as VerifyAside;
const TOLD_MS = 250;

function tell(report: AsideReport): void {
  parentPort?.postMessage(report);
}

async function verify(): Promise<VerifyResult> {
  const db = await openDatabase({ url: databaseUrl }, { role, connectionsMax: 1, isForRows: true });
  let toldMs = performance.now();
  const walked = (entries: number, of: number): void => {
    if (performance.now() - toldMs < TOLD_MS) return;
    toldMs = performance.now();
    tell({ walked: entries, of });
  };
  try {
    const keys = new LedgerKeys(masterKey);
    return await verifyLedger(db, { ...range, keys, signer: { keys: () => noteKeys }, walked }, snapshot);
  } finally {
    await db.close();
  }
}

await verify().then(
  (verified) => tell({ verified }),
  (error: unknown) => tell({ failed: String(error) }),
);
