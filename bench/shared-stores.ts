import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startedRedis, testDatabase } from "@tollhouse/testkit";
import { LOAD_CORE, moveTo } from "./pinned-process.ts";

/** What a server that shares its counters needs. */
export interface SharedStores {
  /** For the server's process. */
  readonly env: Readonly<Record<string, string>>;
  readonly redisPid: number;
  /** The process that all backends are children of. */
  readonly postgresPid: number;
  remove(): Promise<void>;
}

/** PostgreSQL and Redis on the core of the load, as if they were on another machine: what they cost is not the gateway's. */
export async function startSharedStores(): Promise<SharedStores> {
  // Children run where their parent does.
  moveTo(LOAD_CORE, [process.pid]);
  const [redis, database] = await Promise.all([startedRedis(), testDatabase()]);
  const env = {
    REDIS_URL: redis.url,
    DATABASE_URL: database.url,
    TOLLHOUSE_MASTER_KEY: randomBytes(32).toString("base64"),
  };
  const remove = async (): Promise<void> => {
    await redis.remove();
    await database.drop();
  };
  const { rows } = await database.db.query<{ data_directory: string }>("SHOW data_directory");
  const postmaster = await readFile(join(rows[0]?.data_directory ?? "", "postmaster.pid"), "utf8");
  return { env, redisPid: redis.pid, postgresPid: Number.parseInt(postmaster, 10), remove };
}
