import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectionUrl, migrate, openDatabase, startEmbedded } from "@tollhouse/store";
import { isAlive, TEMPLATE, type TestServerState } from "./test-database.ts";

/** The process that owns the test run's PostgreSQL: `test-server.ts <folder> <pid of the run>`. Ends after that pid has. */
async function serve(folder: string, runPid: number): Promise<void> {
  try {
    const server = await startEmbedded({ dataDir: join(folder, "data"), log: () => undefined });
    try {
      await makeTemplate(connectionUrl(server.connection));
      await tell(folder, { url: connectionUrl({ ...server.connection, database: "postgres" }) });
      while (isAlive(runPid)) await sleep(250);
    } finally {
      await server.stop();
    }
  } catch (error) {
    await tell(folder, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    while (isAlive(runPid)) await sleep(250);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeTemplate(url: string): Promise<void> {
  const admin = await openDatabase({ url }, { connectionsMax: 1 });
  try {
    await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  } finally {
    await admin.close();
  }
  const template = await openDatabase({ url: url.replace(/\/[^/?]+\?/, `/${TEMPLATE}?`) }, { connectionsMax: 1 });
  try {
    await migrate(template);
  } finally {
    // A template with a connection cannot be cloned.
    await template.close();
  }
}

async function tell(folder: string, state: Omit<TestServerState, "pid">): Promise<void> {
  const draft = join(folder, "state.draft");
  await writeFile(draft, JSON.stringify({ ...state, pid: process.pid }));
  await rename(draft, join(folder, "state.json"));
}

const [folder, pid] = process.argv.slice(2);
if (folder === undefined || pid === undefined) throw new Error("expected: test-server <folder> <pid>");
await serve(folder, Number(pid));
