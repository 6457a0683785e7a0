import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connectRedis,
  INSTALLATION_ROLE,
  joinRoles,
  openSpool,
  readFence,
  startRecorder,
  type FenceRow,
  type RedisCounters,
} from "@tollhouse/store";
import { startedRedis, testDatabase, type StartedRedis, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../process/logger.ts";
import { loadNodes, type Nodes } from "./load-nodes.ts";

// Nodes of one process, each with a spool, a recorder and connections of its own, on a real PostgreSQL and a real Redis.

let database: TestDatabase;
let redis: StartedRedis;
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  [database, redis] = await Promise.all([testDatabase(), startedRedis()]);
  await joinRoles(database.db);
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await database.drop();
  await redis.remove();
});

interface Node {
  readonly nodes: Nodes;
  readonly counters: RedisCounters;
  /** What the fence told whoever tells the counters. */
  readonly told: string[];
  replaced: string | null;
  /** As a stop does, and as a crash: without a word. */
  stop(clean: boolean): Promise<void>;
}

const logger = createLogger({ level: "error", secrets: [] });
const FIGURES = { spoolBytes: 0, inFlight: 0, pending: 0, untold: 0, overspendMax: 0n };

async function node(name: string, { dir = folder(), withoutDatabaseMs = 60_000 } = {}): Promise<Node> {
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
    databaseUrl: database.url,
    role: INSTALLATION_ROLE,
    spool,
    recorder,
    spoolWasEmpty: true,
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
