import { mkdirSync } from "node:fs";
import { originOf } from "@tollhouse/ledger";
import {
  checkpointSigner,
  DEFAULT_TENANT,
  INSTALLATION_ROLE,
  LedgerKeys,
  loadDeploymentId,
  verifyAside,
  verifyInParts,
  type OpenDatabase,
  type VerifyAside,
} from "@tollhouse/store";
import { fillChain } from "./chain-data.ts";
import { withDatabase } from "./filled-database.ts";
import { processTimes, residentMib, timesBetween } from "./process-times.ts";
import { count, spread, table } from "./table.ts";

/** Of the chain that is filled: a folder that is kept can be walked again. */
const MASTER_KEY = Buffer.alloc(32, 1);

export interface WalkAsked {
  readonly entries: number;
  readonly threads: readonly number[];
  /** 0: the chain is filled and not walked, so that what needs a quiet machine comes later. */
  readonly rounds: number;
  /** Filled as far as it is not yet; stays. Absent: a temporary one. */
  readonly folder?: string;
}

/** E16, second half: one chain, walked by threads as the server does it. */
export async function measureVerify({ entries, threads, rounds, folder }: WalkAsked): Promise<void> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  await withDatabase(async (db) => {
    const signer = checkpointSigner({ masterKey: MASTER_KEY, seeds: [] });
    await fillChain(db, new LedgerKeys(MASTER_KEY), signer, entries);
    if (rounds === 0) return;
    const origin = originOf(await loadDeploymentId(db), DEFAULT_TENANT);
    const noteKeys = signer.keys({ tenant: DEFAULT_TENANT, origin });
    const of = {
      databaseUrl: db.url,
      role: INSTALLATION_ROLE,
      masterKey: MASTER_KEY,
      tenant: DEFAULT_TENANT,
      noteKeys,
    };
    const rows: string[][] = [];
    for (const many of threads) rows.push(await rowOf(many, rounds, () => walkedBy(many, db, of, entries)));
    console.log(
      table(
        `E16: a chain of ${count(entries)} entries, walked`,
        ["threads", "seconds", "entries a second", "threads µs an entry", "PostgreSQL µs an entry", "MiB more"],
        rows,
      ),
    );
  }, folder);
}

async function rowOf(threads: number, rounds: number, walk: () => Promise<Walked>): Promise<string[]> {
  const walked: Walked[] = [];
  for (let round = 0; round < rounds; round++) walked.push(await walk());
  const spreadOf = (figure: keyof Walked, places: number): string =>
    spread(
      walked.map((each) => each[figure]),
      places,
    );
  return [
    count(threads),
    spreadOf("seconds", 1),
    spreadOf("perSecond", 0),
    spreadOf("threadUs", 2),
    spreadOf("serverUs", 2),
    spreadOf("mib", 0),
  ];
}

interface Walked {
  readonly seconds: number;
  readonly perSecond: number;
  readonly threadUs: number;
  readonly serverUs: number;
  readonly mib: number;
}

async function walkedBy(
  threads: number,
  db: OpenDatabase,
  of: Omit<VerifyAside, "from" | "to">,
  entries: number,
): Promise<Walked> {
  const idle = residentMib(process.pid);
  const before = processTimes(process.pid);
  const used = process.cpuUsage();
  const began = performance.now();
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, residentMib(process.pid))), 50);
  const chain = { tenant: DEFAULT_TENANT, from: 1n, to: BigInt(entries) };
  const found = await verifyInParts(db, chain, {
    partsMax: threads,
    entriesMin: 1,
    walk: (range, options) => verifyAside({ ...of, ...range }, options),
  });
  clearInterval(watch);
  const seconds = (performance.now() - began) / 1000;
  if (found.result !== "PASS" || found.entries !== BigInt(entries)) throw new Error(`${found.problem}`);
  // Threads have ended: their time is that of the process.
  const { user, system } = process.cpuUsage(used);
  const { children } = timesBetween(before, processTimes(process.pid));
  return {
    seconds,
    perSecond: entries / seconds,
    threadUs: (user + system) / entries,
    serverUs: children / entries,
    mib: most - idle,
  };
}
