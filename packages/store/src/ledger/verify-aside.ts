import { Worker } from "node:worker_threads";
import type { NoteKey } from "@tollhouse/ledger";
import type { VerifyResult } from "./verify-store.ts";

/** What a thread of its own needs to walk a chain. */
export interface VerifyAside {
  readonly databaseUrl: string;
  /** The database role that the thread acts as. */
  readonly role: string;
  /** 32 bytes. */
  readonly masterKey: Uint8Array;
  /** 32 hex digits. */
  readonly tenant: string;
  readonly from: bigint;
  readonly to: bigint | "latest";
  /** Those that verify the chain's checkpoints. */
  readonly noteKeys: readonly [NoteKey, ...NoteKey[]];
}

/** From the thread to its owner. */
export type AsideReport = { readonly verified: VerifyResult } | { readonly failed: string };

/**
 * `verifyLedger` in a thread and on a connection of its own: hashing ten million entries takes a minute, in which no call may wait.
 * Throws what kept it from looking (the database away); what it found wrong is a result. An abort ends the thread, and rejects.
 */
export async function verifyAside(request: VerifyAside, signal?: AbortSignal): Promise<VerifyResult> {
  const source = import.meta.url.endsWith(".ts");
  const worker = new Worker(new URL(source ? "./verify-worker.ts" : "./verify-worker.js", import.meta.url), {
    workerData: request,
    execArgv: source ? ["--conditions=@tollhouse/source"] : [],
  });
  const end = (): unknown => worker.terminate();
  signal?.addEventListener("abort", end, { once: true });
  try {
    const report = await new Promise<AsideReport>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the verification was ended before it was through")));
      if (signal?.aborted === true) end();
    });
    if ("failed" in report) throw new Error(report.failed);
    return report.verified;
  } finally {
    signal?.removeEventListener("abort", end);
    await worker.terminate();
  }
}
