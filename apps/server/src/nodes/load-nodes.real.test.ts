import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  INSTALLATION_ROLE,
  joinRoles,
  openSpool,
  readFence,
  startRecorder,
  type FenceRow,
  type RedisCounters,
} from "@tollhouse/store";
import { connectRedis } from "@tollhouse/store/redis-counters";
import { faultProxy, startedRedis, testDatabase, type StartedRedis, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createLogger } from "../process/logger.ts";
import { loadNodes, type Nodes } from "./load-nodes.ts";

// Nodes of one process, each with a spool, a recorder and connections of its own, on a real PostgreSQL and a real Redis.

let database: TestDatabase;
let redis: StartedRedis;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  [database, redis] = await Promise.all([testDatabase(), startedRedis()]);
  await joinRoles(database.db);
  // Whoever waits for a lease to end waits less.
  await database.db.query(
    "CREATE OR REPLACE FUNCTION node_lease() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '3 seconds' $$",
  );
});
afterAll(async () => {
  await database.drop();
  await redis.remove();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

interface Node {
  readonly id: string;
  readonly dir: string;
  readonly nodes: Nodes;
  readonly counters: RedisCounters;
  /** What the fence told whoever tells the counters. */
  readonly told: string[];
  replaced: string | null;
  /** As a stop does. */
  stop(clean: boolean): Promise<void>;
}

const logger = createLogger({ level: "error", secrets: [] });
const FIGURES = { spoolBytes: 0, inFlight: 0, pending: 0, untold: 0, overspendMax: 0n };

interface NodeOptions {
  readonly dir?: string;
  readonly databaseUrl?: string;
  readonly withoutDatabaseMs?: number;
  readonly spoolWasEmpty?: boolean;
}

async function node(name: string, options: NodeOptions = {}): Promise<Node> {
  const { dir = folder(), databaseUrl = database.url, withoutDatabaseMs = 60_000, spoolWasEmpty = true } = options;
  const spool = await openSpool({ dir });
  const masterKey = Buffer.alloc(32, 7);
  const recorder = startRecorder({
    spool,
    databaseUrl: database.url,
    masterKey,
    role: INSTALLATION_ROLE,
    onError: () => undefined,
  });
  await recorder.drained();
  const counters = connectRedis({ urls: [redis.url], installation: "one", node: spool.node });
  const told: string[] = [];
  const nodes = loadNodes({
    databaseUrl,
    role: INSTALLATION_ROLE,
    spool,
    recorder,
    spoolWasEmpty,
    counters,
    teller: { layDown: () => told.push("laid down"), entered: () => told.push("entered") },
    node: { name, roles: ["gateway"], version: "0", address: () => "" },
    figures: () => FIGURES,
    withoutDatabaseMs,
    onReplaced: (reason) => (made.replaced = reason),
    logger,
    now: Date.now,
  });
  let stopped = false;
  const made: Node = {
    id: spool.node,
    dir,
    nodes,
    counters,
    told,
    replaced: null,
    async stop(clean) {
      if (stopped) return;
      stopped = true;
      await nodes.close({ clean });
      await counters.close();
      await recorder.stop();
      await spool.close();
    },
  };
  closing.push(() => made.stop(true));
  return made;
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const WITHIN_MS = 20_000;

async function until(what: string, met: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + WITHIN_MS; !(await met());) {
    if (performance.now() > deadline) throw new Error(`waited ${WITHIN_MS} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** All count in one epoch, which is open, and not one of those before. */
async function together(all: readonly Node[], after = 0n): Promise<bigint> {
  let fence: FenceRow | null = null;
  await until("all admit in one epoch", async () => {
    fence = await readFence(database.db);
    const { epoch, state } = fence;
    return (
      state === "open" && epoch > after && all.every(({ nodes }) => nodes.admitting() && nodes.state().epoch === epoch)
    );
  });
  return (fence as FenceRow | null)?.epoch ?? 0n;
}

const rebuilds = (all: readonly Node[]): number => all.reduce((sum, { nodes }) => sum + nodes.state().rebuilds, 0);

test("nodes that start at once count in one epoch, which one of them has made", async () => {
  const all = await Promise.all(["a", "b", "c", "d", "e"].map((name) => node(name)));
  await together(all);
  expect(all.map(({ nodes }) => nodes.waitingFor())).toEqual(all.map(() => null));
  expect((await readFence(database.db)).reason).toBe("rebuilt");
  expect(rebuilds(all)).toBeGreaterThan(0);
});

test("a store that is emptied is found also while nobody calls, and counted anew once, with everybody laid down before", async () => {
  const all = await Promise.all(["a", "b", "c"].map((name) => node(name)));
  const first = await together(all);
  const before = rebuilds(all);
  for (const { told } of all) told.length = 0;
  await redis.command("FLUSHALL");
  await together(all, first);
  expect(rebuilds(all) - before).toBe(1);
  for (const { told } of all) expect(told).toEqual(["laid down", "entered"]);
});

test("whoever left with something untold has it counted anew, once, by those who stay; whoever left clean changes nothing", async () => {
  const [staying, clean, unclean] = await Promise.all(["a", "b", "c"].map((name) => node(name)));
  const all = [staying, clean, unclean] as Node[];
  const first = await together(all);
  await clean?.stop(true);
  const back = await node("b", { dir: (clean as Node).dir });
  expect(await together([staying as Node, unclean as Node, back])).toBe(first);
  await unclean?.stop(false);
  await together([staying as Node, back], first);
  expect((await readFence(database.db)).epoch).toBeGreaterThan(first);
});

test("a spool that nobody here knows and that is not empty may hold what no epoch has: it is counted before it enters", async () => {
  const here = await node("a");
  const first = await together([here]);
  const empty = await node("b");
  expect(await together([here, empty])).toBe(first);
  const used = await node("c", { spoolWasEmpty: false });
  await together([here, empty, used], first);
});

test("a node that the database has forgotten joins again, and is counted anew", async () => {
  const [here, forgotten] = (await Promise.all(["a", "b"].map((name) => node(name)))) as [Node, Node];
  const first = await together([here, forgotten]);
  await database.db.query("DELETE FROM nodes WHERE id = $1", [forgotten.id]);
  await together([here, forgotten], first);
  expect(forgotten.replaced).toBeNull();
});

test("of two processes on one data folder, or on a copy of it, the later counts, and the earlier is told to end", async () => {
  const earlier = await node("a");
  await together([earlier]);
  const dir = folder();
  cpSync(earlier.dir, dir, { recursive: true });
  const later = await node("a", { dir });
  await until("the earlier is told", () => earlier.replaced !== null);
  await earlier.stop(false);
  await together([later]);
  expect(later.replaced).toBeNull();
});

test("an attempt to count anew that fails is made again under the next number, for as long as it takes", async () => {
  const [here, other] = (await Promise.all(["a", "b"].map((name) => node(name)))) as [Node, Node];
  const first = await together([here, other]);
  // Of a tenant that there is not: the attempt cannot be whole.
  const stray = ["e".repeat(32), "lim_stray"];
  await database.db.query(
    "INSERT INTO counter_sums (tenant, limit_id, window_id, settled, last_ms) VALUES ($1, $2, 'lifetime', 1, 0)",
    stray,
  );
  await redis.command("FLUSHALL");
  const numbers = new Set<bigint>();
  await until("it was tried three times", async () => {
    const { epoch, state } = await readFence(database.db);
    expect([state, epoch > first]).not.toEqual(["open", true]);
    if (state === "closed") numbers.add(epoch);
    return numbers.size >= 3;
  });
  expect([here.nodes.admitting(), other.nodes.waitingFor()]).toEqual([false, "counters"]);
  const waited = here.nodes.untilAdmitting(WITHIN_MS);
  await database.db.query("DELETE FROM counter_sums WHERE tenant = $1 AND limit_id = $2", stray);
  expect(await waited).toBe(true);
  await together([here, other], first);
});

test("a database that says nothing stops nobody who counts, until too long; and nothing is counted anew for it", async () => {
  const url = new URL(database.url);
  const network = await faultProxy({ path: join(url.searchParams.get("host") ?? "", `.s.PGSQL.${url.port}`) });
  closing.push(() => network.close());
  url.searchParams.delete("host");
  url.host = `127.0.0.1:${network.port}`;
  const here = await node("a", { databaseUrl: url.href, withoutDatabaseMs: 4_000 });
  const first = await together([here]);
  network.set({ kind: "silent" });
  await until("it admits no more", () => !here.nodes.admitting());
  // Its lease has been over for a while, and it went on.
  const { rows } = await database.db.query("SELECT FROM live_nodes WHERE id = $1", [here.id]);
  expect(rows).toEqual([]);
  expect([here.nodes.waitingFor(), here.nodes.state().epoch]).toEqual(["database", first]);
  network.set(null);
  expect(await here.nodes.untilAdmitting(WITHIN_MS)).toBe(true);
  expect(await together([here])).toBe(first);
});
