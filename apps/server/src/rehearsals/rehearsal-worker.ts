import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { openTenantDatabases } from "@tollhouse/store";
import { RehearsalTooLarge } from "./rehearsal-counters.ts";
import { rehearse, type RehearsalJob, type RehearsalResult } from "./rehearse.ts";
import type { RehearsalSums, RehearsedChange } from "./rehearsal.ts";

/** From the worker to its owner. */
export type RehearsalReport =
  /** Answered by any message: a reader that is slow slows the rehearsal down, and nothing piles up. */
  | {
      readonly t: "page";
      readonly changes: readonly RehearsedChange[];
      readonly sums: RehearsalSums;
      readonly atMs: number;
    }
  | { readonly t: "done"; readonly result: RehearsalResult }
  | { readonly t: "too_large"; readonly message: string };

export interface RehearsalOrder {
  readonly databaseUrl: string;
  readonly job: RehearsalJob;
}

const port = parentPort;
if (!port) throw new Error("a rehearsal runs in a worker thread only");

const report = (message: RehearsalReport): void => port.postMessage(message);
const { databaseUrl, job } = workerData as RehearsalOrder;
// Two connections: the next page is read while one is worked on. As the tenant: PostgreSQL shows no rows of others.
const databases = await openTenantDatabases({ url: databaseUrl }, { connectionsMax: 2 });
try {
  const result = await rehearse(databases.of(job.tenant), job, async (changes, sums, atMs) => {
    const heard = once(port, "message");
    report({ t: "page", changes, sums, atMs });
    await heard;
  });
  report({ t: "done", result });
} catch (error) {
  if (!(error instanceof RehearsalTooLarge)) throw error;
  report({ t: "too_large", message: error.message });
} finally {
  await databases.close();
}
