import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "@tollhouse/testkit";
import type { TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { foldCounters, loadCounterSums } from "../reports/counter-sums.ts";
import { LedgerKeys } from "./ledger-keys.ts";
import { sampleIntent } from "./sample-records.ts";
import { DEFAULT_TENANT, idOfUuid } from "./tenant-id.ts";
import { verifyLedger } from "./verify-store.ts";

const KILLS = process.env["TOLLHOUSE_LONG"] === "1" ? 100 : 5;
const program = new URL("./crash-child.ts", import.meta.url).pathname;

let database: TestDatabase;
let dir: string;
beforeEach(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-crash-"));
});
afterEach(async () => {
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

/** What a run said before it ended. */
function run(first: number, task: "calls" | "finish", killAfterMs: number | null): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const args = ["--conditions=@tollhouse/source", program, dir, database.url, String(first), task];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (said === "" && killAfterMs !== null) setTimeout(() => child.kill("SIGKILL"), killAfterMs);
      said += text;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (task === "finish" && code !== 0) reject(new Error(`the last run ended with ${code}: ${said}`));
      // A line cut by the kill says nothing.
      else resolve(said.slice(0, said.lastIndexOf("\n") + 1).split("\n"));
    });
  });
}

function numbers(lines: readonly string[], kind: string): number[] {
  return lines.filter((line) => line.startsWith(`${kind} `)).map((line) => Number(line.slice(2)));
}

test(
  `kill -9 at ${KILLS} random moments: nothing acknowledged is lost, nothing is there twice, no gap, and the ledger verifies`,
  { timeout: 30_000 + KILLS * 6000 },
  async () => {
    const acknowledged = { i: new Set<number>(), o: new Set<number>(), b: new Set<number>() };
    let recovered = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const lines = await run(kill * 1_000_000, "calls", 50 + ((kill * 7919) % 1900));
      for (const kind of ["i", "o", "b"] as const) for (const n of numbers(lines, kind)) acknowledged[kind].add(n);
      recovered += numbers(lines, "r")[0] ?? 0;
    }
    recovered += numbers(await run(0, "finish", null), "r")[0] ?? 0;

    const { rows } = await database.db.query<{ entry_id: string; type: number; amount_nano: bigint; flags: number }>(
      "SELECT entry_id::text, type, amount_nano, flags FROM ledger_entries",
    );
    const byId = new Map(rows.map((row) => [idOfUuid(row.entry_id), row]));
    expect(byId.size).toBe(rows.length);
    const idOf = (n: number): string => sampleIntent(n).decision;
    for (const n of acknowledged.o)
      expect(byId.get(idOf(n)), `outcome ${n}`).toMatchObject({ type: 2, amount_nano: 564n });
    for (const n of acknowledged.i) expect(byId.get(idOf(n)), `intent ${n}`).toMatchObject({ type: 2 });
    const summarised = rows.filter((row) => row.type === 10).length;
    if (summarised === 0)
      for (const n of acknowledged.b) expect(byId.get(idOf(n)), `blocked ${n}`).toMatchObject({ type: 3 });

    const settledAtHeld = rows.filter((row) => (row.flags & 16) !== 0);
    expect(settledAtHeld.length).toBe(recovered);
    expect(recovered).toBeGreaterThan(0);
    expect(settledAtHeld.every((row) => row.amount_nano === 1000n || row.amount_nano === 1007n)).toBe(true);

    const blocked = await database.db.query<{ sum: string }>("SELECT sum(blocked_calls) FROM ledger_entries");
    expect(Number(blocked.rows[0]?.sum)).toBeGreaterThanOrEqual(acknowledged.b.size);
    const keys = new LedgerKeys(Buffer.alloc(32, 7));
    const verified = await verifyLedger(database.db, { tenant: DEFAULT_TENANT, from: 1n, to: "latest", keys });
    expect(verified).toMatchObject({ result: "PASS", entries: BigInt(rows.length) });
    const sums = [];
    for await (const sum of loadCounterSums(database.db, DEFAULT_TENANT, 0)) sums.push(sum);
    expect(sums).toEqual(await foldCounters(database.db, DEFAULT_TENANT));
    expect((await database.db.query("SELECT 1 FROM open_calls")).rowCount).toBe(0);
  },
);
