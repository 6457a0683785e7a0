import { Worker } from "node:worker_threads";
import type { Checkpoint, NoteKey } from "@tollhouse/ledger";
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
  readonly isContinued?: boolean;
  /** Those that verify the chain's checkpoints. */
  readonly noteKeys: readonly [NoteKey, ...NoteKey[]];
  readonly pin?: Checkpoint;
  /** At the moment of the database that another connection holds under this name; absent = now. */
  readonly snapshot?: string;
}

export interface WalkOptions {
  /** An abort ends the thread, and rejects. */
  readonly signal?: AbortSignal;
  /** Told now and then how many entries were walked, of how many. */
  readonly walked?: (entries: number, of: number) => void;
}

/** From the thread to its owner. */
export type AsideReport =
  | { readonly verified: VerifyResult }
  | { readonly failed: string }
  | { readonly walked: number; readonly of: number };

/**
 * `verifyLedger` in a thread and on a connection of its own: hashing ten million entries takes a minute, in which no call may wait.
 * Throws what kept it from looking (the database away); what it found wrong is a result.
 */
export async function verifyAside(request: VerifyAside, { signal, walked }: WalkOptions = {}): Promise<VerifyResult> {
  const source = import.meta.url.endsWith(".ts");
  const worker = new Worker(new URL(source ? "./verify-worker.ts" : "./verify-worker.js", import.meta.url), {
    workerData: request,
    execArgv: source ? ["--conditions=@tollhouse/source"] : [],
  });
  const end = (): unknown => worker.terminate();
  signal?.addEventListener("abort", end, { once: true });
  try {
    return await new Promise<VerifyResult>((resolve, reject) => {
      worker.on("message", (report: AsideReport) => {
        if ("walked" in report) walked?.(report.walked, report.of);
        else if ("failed" in report) reject(new Error(report.failed));
        else resolve(report.verified);
      });
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error("the verification was ended before it was through")));
      if (signal?.aborted === true) end();
    });
  } finally {
    signal?.removeEventListener("abort", end);
    await worker.terminate();
  }
}
