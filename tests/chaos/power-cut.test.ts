import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase, startEmbedded } from "@tollhouse/store";
import { describe, expect, test } from "vitest";
import { powerCutDisk, type PowerCutDisk } from "./power-cut-disk.ts";

const long = process.env["TOLLHOUSE_LONG"] === "1";
const EXISTING_ROUNDS = long ? 10 : 2;
const FRESH_ROUNDS = long ? 15 : 2;

const refusal = await powerCutDisk().then(
  async (disk) => {
    await disk.remove();
    return null;
  },
  (error: unknown) => String(error).split("\n")[0],
);
const title =
  refusal === null ? "power cut" : `power cut: NOT RUN, this machine may not mount a loop device (${refusal})`;

interface Subject {
  readonly child: ChildProcess;
  /** Numbers of the rows whose INSERT was acknowledged. */
  acknowledged(): bigint[];
}

/** Starts the embedded database and inserts rows one by one, printing each that was acknowledged. */
function subject(dataDir: string): Subject {
  const program = `
    import { openDatabase, startEmbedded } from "@tollhouse/store";
    const embedded = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, log: () => undefined });
    const database = await openDatabase({ embedded });
    await database.query("CREATE TABLE IF NOT EXISTS kept (n bigint PRIMARY KEY, filler text)");
    const { rows } = await database.query("SELECT coalesce(max(n), 0) AS n FROM kept");
    for (let n = rows[0].n + 1n; ; n += 1n) {
      await database.query("INSERT INTO kept VALUES ($1, repeat('x', 500))", [n]);
      process.stdout.write(n + "\\n");
    }`;
  const args = ["--conditions=@tollhouse/source", "--input-type=module-typescript", "-e", program];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  let printed = "";
  child.stdout?.on("data", (data: Buffer) => (printed += data.toString()));
  const whole = (): string[] => printed.split("\n").slice(0, -1);
  return {
    child,
    acknowledged: () => whole().flatMap((line) => (/^\d+$/.test(line) ? [BigInt(line)] : [])),
  };
}

/** Off and on again; what was running is gone. */
async function cut(disk: PowerCutDisk, running: Subject): Promise<void> {
  const ended = new Promise((resolve) => running.child.once("close", resolve));
  await disk.cutPower();
  await ended;
  await disk.powerOn();
}

async function appears(path: string): Promise<void> {
  for (let waited = 0; waited < 30_000 && !existsSync(path); waited += 5) await sleep(5);
}

async function rowsOn(dataDir: string): Promise<Set<bigint>> {
  const embedded = await startEmbedded({ dataDir, log: () => undefined });
  const database = await openDatabase({ embedded });
  const table = await database.query("SELECT 1 FROM pg_tables WHERE tablename = 'kept'");
  const rows = table.rowCount === 0 ? [] : (await database.query<{ n: bigint }>("SELECT n FROM kept")).rows;
  await database.close();
  await embedded.stop();
  return new Set(rows.map((row) => row.n));
}

describe.runIf(refusal === null)(title, () => {
  test("the simulated cut does lose what was not flushed", { timeout: 60_000 }, async () => {
    const disk = await powerCutDisk();
    try {
      await writeFile(join(disk.mountPoint, "unflushed"), "x");
      await disk.cutPower();
      await disk.powerOn();
      await expect(writeFile(join(disk.mountPoint, "unflushed"), "x", { flag: "wx" })).resolves.toBeUndefined();
    } finally {
      await disk.remove();
    }
  });

  test(
    `loses no acknowledged row of an existing database (${EXISTING_ROUNDS} rounds)`,
    { timeout: EXISTING_ROUNDS * 60_000 },
    async () => {
      const disk = await powerCutDisk();
      const dataDir = join(disk.mountPoint, "data");
      try {
        for (let round = 0; round < EXISTING_ROUNDS; round += 1) {
          const running = subject(dataDir);
          for (let waited = 0; running.acknowledged().length < 100 && waited < 40_000; waited += 20) await sleep(20);
          await sleep(Math.random() * 1_500);
          await cut(disk, running);
          expect(running.acknowledged().length).toBeGreaterThanOrEqual(100);
          const found = await rowsOn(dataDir);
          expect(
            running.acknowledged().filter((n) => !found.has(n)),
            `round ${round}: lost`,
          ).toEqual([]);
        }
      } finally {
        await disk.remove();
      }
    },
  );

  test(
    `in a first start leaves a folder that starts (${FRESH_ROUNDS} rounds)`,
    { timeout: FRESH_ROUNDS * 60_000 },
    async () => {
      for (let round = 0; round < FRESH_ROUNDS; round += 1) {
        const disk = await powerCutDisk();
        const dataDir = join(disk.mountPoint, "data");
        try {
          const running = subject(dataDir);
          // Every second one just after the new database got its name: that is when it must be whole already.
          if (round % 2 === 0) await appears(join(dataDir, "postgres", "cluster"));
          const afterMs = Math.random() * (round % 2 === 0 ? 200 : 2_500);
          await sleep(afterMs);
          await cut(disk, running);
          const found = await rowsOn(dataDir);
          expect(
            running.acknowledged().filter((n) => !found.has(n)),
            `cut after ${afterMs} ms: lost`,
          ).toEqual([]);
        } finally {
          await disk.remove();
        }
      }
    },
  );
});
