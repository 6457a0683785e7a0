import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDatabase } from "../database/database.ts";
import { startEmbedded } from "./embedded-postgres.ts";

const long = process.env["TOLLHOUSE_LONG"] === "1";
const FIRST_START_ROUNDS = long ? 100 : 3;
const ORPHAN_ROUNDS = long ? 50 : 2;

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "th-crash-"));
  await chmod(dataDir, 0o711);
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** A process that starts the database and, once it runs, inserts rows one by one and prints each that was acknowledged. */
function subject(): ChildProcess {
  const source = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    import { startEmbedded } from ${source("./embedded-postgres.ts")};
    import { openDatabase } from ${source("../database/database.ts")};
    const embedded = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: () => undefined });
    const database = await openDatabase({ embedded });
    await database.query("CREATE TABLE IF NOT EXISTS kept (n bigint PRIMARY KEY)");
    const { rows } = await database.query("SELECT coalesce(max(n), 0) AS n FROM kept");
    for (let n = rows[0].n + 1n; ; n += 1n) {
      await database.query("INSERT INTO kept VALUES ($1)", [n]);
      process.stdout.write(n + "\\n");
    }`;
  return spawn(process.execPath, ["--conditions=@tollhouse/source", "--input-type=module-typescript", "-e", program], {
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
}

/** Starts here, and answers the rows found and the pid that served them. */
async function rowsNow(): Promise<Set<bigint>> {
  const embedded = await startEmbedded({ dataDir, log: () => undefined });
  const database = await openDatabase({ embedded });
  const table = await database.query("SELECT 1 FROM pg_tables WHERE tablename = 'kept'");
  const { rows } = table.rowCount === 0 ? { rows: [] } : await database.query<{ n: bigint }>("SELECT n FROM kept");
  await database.close();
  await embedded.stop();
  return new Set(rows.map((row) => row.n));
}

const postmasterPid = async (): Promise<number> => {
  const text = await readFile(join(dataDir, "postgres", "cluster", "postmaster.pid"), "utf8").catch(() => "");
  return Number(text.split("\n")[0]);
};

test(
  `a first start killed at any moment can be repeated (${FIRST_START_ROUNDS} rounds)`,
  { timeout: FIRST_START_ROUNDS * 20_000 },
  async () => {
    for (let round = 0; round < FIRST_START_ROUNDS; round += 1) {
      // Spread over the whole start, which takes about 1.2 s here with the process's own; jittered within each step.
      const afterMs = ((round + Math.random()) / FIRST_START_ROUNDS) * 1_300;
      const child = subject();
      await sleep(afterMs);
      await killed(child);
      await expect(rowsNow(), `killed after ${afterMs} ms`).resolves.toBeDefined();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    }
  },
);

test(
  `a killed parent's server is found and stopped, and every acknowledged row is there (${ORPHAN_ROUNDS} rounds)`,
  { timeout: ORPHAN_ROUNDS * 20_000 },
  async () => {
    for (let round = 0; round < ORPHAN_ROUNDS; round += 1) {
      const child = subject();
      let printed = "";
      child.stdout?.on("data", (data: Buffer) => (printed += data.toString()));
      await expect.poll(() => printed.split("\n").length, { timeout: 15_000 }).toBeGreaterThan(20);
      await sleep(Math.random() * 200);
      await killed(child);
      const orphan = await postmasterPid();
      expect(() => process.kill(orphan, 0), "the orphan lives").not.toThrow();
      // Every second round the orphan dies too, alone: its backends must end before a new server may write.
      if (round % 2 === 1) process.kill(orphan, "SIGKILL");
      const found = await rowsNow();
      const acknowledged = printed
        .split("\n")
        .filter((line) => line !== "")
        .map(BigInt);
      expect(
        acknowledged.filter((n) => !found.has(n)),
        `round ${round}: lost`,
      ).toEqual([]);
    }
  },
);
