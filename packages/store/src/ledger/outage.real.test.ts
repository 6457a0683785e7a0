import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { faultProxy, testDatabase, type FaultProxy } from "@tollhouse/testkit";
import { expect, test } from "vitest";
import { openDatabase } from "../database/database.ts";
import type { OpenDatabase } from "../database/database.ts";
import { migrate } from "../database/migrate.ts";
import { startEmbedded } from "../embedded/embedded-postgres.ts";
import { foldCounters, loadCounterSums } from "../reports/counter-sums.ts";
import { openSpool } from "../spool/spool.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { startRecorder } from "./recorder.ts";
import { sampleIntent, sampleOutcome } from "./sample-records.ts";
import { DEFAULT_TENANT } from "./tenant-id.ts";
import { verifyLedger } from "./verify-store.ts";

const masterKey = Buffer.alloc(32, 7);
const LONG = process.env["TOLLHOUSE_LONG"] === "1";
/** Every other one is a commit whose answer is lost, the others cut the connections. */
const FAULTS = LONG ? 200 : 8;
const STOPS = LONG ? 100 : 2;
const MS_MAX = LONG ? 3_600_000 : 180_000;

/** Exactly these calls, each once, in a sound chain, with counters that are their fold. */
async function expectCalls(db: OpenDatabase, calls: number): Promise<void> {
  const keys = new LedgerKeys(masterKey);
  expect(await verifyLedger(db, { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys })).toMatchObject({
    result: "PASS",
    entries: BigInt(calls + 1),
  });
  const { rows } = await db.query("SELECT sum(calls) AS calls, sum(cost_nano) AS cost FROM usage_hourly");
  expect(rows).toEqual([{ calls: String(calls), cost: String(calls * 564) }]);
  const sums = [];
  for await (const sum of loadCounterSums(db, DEFAULT_TENANT, 0)) sums.push(sum);
  expect(sums).toEqual(await foldCounters(db, DEFAULT_TENANT));
}

/** A network between the recorder and the PostgreSQL at this URL. */
async function networkTo(target: string): Promise<{ readonly network: FaultProxy; readonly url: string }> {
  const url = new URL(target);
  const network = await faultProxy({ path: join(url.searchParams.get("host") ?? "", `.s.PGSQL.${url.port}`) });
  url.searchParams.delete("host");
  url.host = `127.0.0.1:${network.port}`;
  return { network, url: url.href };
}

test(
  `connections cut at random, and commits whose answer is lost, ${FAULTS} in all: every call is there once`,
  { timeout: MS_MAX },
  async () => {
    const database = await testDatabase();
    const { network, url } = await networkTo(database.url);
    const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
    const spool = await openSpool({ dir });
    const errors: string[] = [];
    const recorder = startRecorder({ spool, databaseUrl: url, masterKey, onError: (line) => errors.push(line) });
    let calls = 0;
    for (let round = 0; round < FAULTS; round++) {
      const lostBefore = network.lostBytes;
      if (round % 2 === 0) network.set({ kind: "answers_lost", after: "COMMIT" });
      for (let burst = 0; burst < 10; burst++) {
        for (let n = 0; n < 5; n++, calls++) {
          void spool.append(sampleIntent(calls));
          void spool.append(sampleOutcome(calls));
        }
        await sleep(5);
      }
      // PostgreSQL has committed, and nobody hears of it.
      if (round % 2 === 0)
        await expect.poll(() => network.lostBytes, { interval: 5, timeout: 60_000 }).toBeGreaterThan(lostBefore);
      else network.set({ kind: "cut" });
      network.set(null);
      // Every other time the next fault meets a recorder that is still trying again.
      if (round % 4 < 2) await recorder.drained();
    }
    await recorder.drained();
    expect(errors.some((line) => line.includes("trying again"))).toBe(true);
    await expectCalls(database.db, calls);
    await recorder.stop();
    await spool.close();
    await network.close();
    await database.drop();
    rmSync(dir, { recursive: true, force: true });
  },
);

test(
  `PostgreSQL stopped ${STOPS} times under load: calls go on, nothing is lost, and the ledger catches up by itself`,
  { timeout: MS_MAX },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "tollhouse-outage-"));
    let server = await startEmbedded({ dataDir: dir, log: () => {} });
    const url = await databaseUrl(server);
    const spool = await openSpool({ dir: join(dir, "spool") });
    const errors: string[] = [];
    const recorder = startRecorder({ spool, databaseUrl: url, masterKey, onError: (line) => errors.push(line) });
    let calls = 0;
    let loading = true;
    const load = (async () => {
      while (loading) {
        void spool.append(sampleIntent(calls));
        void spool.append(sampleOutcome(calls++));
        await sleep(2);
      }
    })();
    for (let stop = 0; stop < STOPS; stop++) {
      await expect.poll(() => recorder.lag().bytes, { timeout: 60_000 }).toBeLessThan(20_000);
      await server.stop();
      await expect.poll(() => errors.length, { timeout: 60_000 }).toBeGreaterThan(stop);
      await expect.poll(() => recorder.lag().records, { timeout: 60_000 }).toBeGreaterThan(100);
      server = await startEmbedded({ dataDir: dir, log: () => {} });
    }
    loading = false;
    await load;
    await recorder.drained();
    const db = await openDatabase({ url });
    await expectCalls(db, calls);
    await db.close();
    await recorder.stop();
    await spool.close();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  },
);

async function databaseUrl(server: Awaited<ReturnType<typeof startEmbedded>>): Promise<string> {
  const db = await openDatabase({ embedded: server });
  await migrate(db);
  const { url } = db;
  await db.close();
  return url;
}
