import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DEFAULT_TENANT,
  LedgerKeys,
  listBlocks,
  openSpool,
  startRecorder,
  type AdminRecord,
  type Block,
  type Recorder,
  type Spool,
} from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SAMPLE_MS, sampleGateway, spooled, type SampleGateway } from "../gateway/sample-call.ts";
import { BlockService } from "./block-service.ts";
import { BlockSnapshot } from "./block-snapshot.ts";

const masterKey = Buffer.alloc(32, 7);
const keys = new LedgerKeys(masterKey);
const place = { tenant: DEFAULT_TENANT, environment: "prod" };

let database: TestDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
let gateway: SampleGateway;
let nowMs: number;
let service: BlockService;

beforeAll(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-blocks-"));
  spool = await openSpool({ dir });
  recorder = startRecorder({ spool, databaseUrl: database.url, masterKey, onError: () => undefined });
});
afterAll(async () => {
  await recorder.stop();
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => {
  nowMs = SAMPLE_MS;
  gateway = sampleGateway({ spool });
  service = serviceOn(spool);
});

function serviceOn(written: Pick<Spool, "append">, first = BlockSnapshot.of([])): BlockService {
  const { db } = database;
  const running = gateway.exchanges;
  return new BlockService({ ...place, db, keys, spool: written, first, running, now: () => nowMs });
}

async function stored(expiredSinceMs = 0): Promise<Block[]> {
  await recorder.drained();
  const blocks: Block[] = [];
  for await (const block of listBlocks(database.db, place, expiredSinceMs)) blocks.push(block);
  return blocks;
}

async function told(subject: string): Promise<string[]> {
  const records = await spooled(gateway);
  return records
    .filter((one): one is AdminRecord => one.t === "admin" && one.subject === subject)
    .map(({ action, before, after }) => `${action} ${before === null ? "-" : "+"}${after === null ? "-" : "+"}`);
}

const stops = (agent: string): boolean =>
  service.snapshot.killSwitchOn(
    { dimensions: { agent }, provider: "openai", key: null, model: "m", otherModels: [] },
    nowMs,
  ) !== null;

const wanted = (agent: string, more: object = {}): { scope: string; reason: string } => ({
  scope: `agent:${agent}`,
  reason: "r",
  ...more,
});

test("what is made is in force, in the ledger's spool and in the database; lifted, it is in none but the ledger", async () => {
  const made = await service.create("kill_switch", wanted("a"), "key_9");
  expect([stops("a"), made.operator, made.ended_calls]).toEqual([true, "key_9", 0]);
  expect(await stored()).toMatchObject([{ id: made.id, kind: "kill_switch", scope: "agent:a", operator: "key_9" }]);
  await service.lift("kill_switch", made.id, "key_8");
  expect([stops("a"), service.list("kill_switch"), await stored()]).toEqual([false, [], []]);
  expect(await told(made.id)).toEqual(["kill_switch.activate -+", "kill_switch.deactivate +-"]);
  // Lifted rows stay, to be found from the ledger.
  const { rows } = await database.db.query("SELECT 1 FROM blocks WHERE id = $1 AND lifted_at IS NOT NULL", [made.id]);
  expect(rows).toHaveLength(1);
});

test("expiry is compared with the clock at each look, and time that is over makes no block", async () => {
  const made = await service.create("kill_switch", wanted("brief", { expires_in: 60 }), "x");
  nowMs += 59_999;
  expect([stops("brief"), service.get("kill_switch", made.id).state]).toEqual([true, "active"]);
  nowMs += 1;
  expect([stops("brief"), service.get("kill_switch", made.id).state]).toEqual([false, "expired"]);
  // Loaded again, as after a restart: expired for less than it is listed, then gone.
  expect((await stored(nowMs)).map(({ id }) => id)).toEqual([made.id]);
  expect(await stored(nowMs + 1)).toEqual([]);
  const past = { expires_at: new Date(nowMs).toISOString() };
  await expect(service.create("kill_switch", wanted("late", past), "x")).rejects.toThrow(/expires_at: .*future/);
  await service.lift("kill_switch", made.id, "x");
});

test("what the ledger cannot be told of never was: not in force, not in the database", async () => {
  service = serviceOn({ append: () => Promise.reject(new Error("full")) });
  await expect(service.create("kill_switch", wanted("unwritten"), "x")).rejects.toThrow("full");
  expect([stops("unwritten"), await stored()]).toEqual([false, []]);
});

test("the row is written with the entry, once: what is recorded again changes nothing, lifted or not", async () => {
  const made = await service.create("kill_switch", wanted("again"), "x");
  await service.lift("kill_switch", made.id, "x");
  const records = (await spooled(gateway)).filter((one): one is AdminRecord => one.t === "admin");
  for (const record of records.filter((one) => one.subject === made.id)) await spool.append(record);
  expect(await stored()).toEqual([]);
  const { rows } = await database.db.query("SELECT lifted_at FROM blocks WHERE id = $1", [made.id]);
  expect(rows).toEqual([{ lifted_at: expect.any(Date) }]);
});

test("a session that is frozen anew keeps one freeze, the newest; unfreezing one that is not frozen changes nothing", async () => {
  await service.freeze("s", { reason: "first" }, "x");
  const second = await service.freeze("s", { reason: "second", expires_in: 9 }, "x");
  expect((await stored()).map(({ id, reason }) => [id, reason])).toEqual([[second.id, "second"]]);
  expect(await told(second.id)).toEqual(["session.freeze ++"]);
  expect([service.frozen("s")?.reason, service.frozen("t")]).toEqual(["second", null]);
  expect([await service.unfreeze("s", "x"), await service.unfreeze("s", "x")]).toEqual([true, false]);
  expect(await stored()).toEqual([]);
});

test("changes at once run one after another: none is lost", async () => {
  const made = await Promise.all(
    Array.from({ length: 20 }, (_, i) => service.create("blocklist", { scope: `user:${i}`, reason: "r" }, "x")),
  );
  expect(service.list("blocklist")).toHaveLength(20);
  await Promise.all(made.map(({ id }) => service.lift("blocklist", id, "x")));
  expect([service.list("blocklist"), service.snapshot.empty]).toEqual([[], true]);
});

test("a list is paged by id from the newest on, without what was lifted, and without a gap where one is made or lifted meanwhile", async () => {
  const make = async (name: string): Promise<string> =>
    (await service.create("blocklist", { scope: `user:${name}`, reason: "r" }, "x")).id;
  const made: string[] = [];
  for (let i = 0; i < 7; i++) made.push(await make(String(i)));
  await service.create("kill_switch", wanted("elsewhere"), "x");
  // Of those of one millisecond the order is chance.
  const ids = made.toSorted().reverse();
  const first = service.page("blocklist", { limit: 3 });
  expect([first.blocks.map(({ id }) => id), first.next_cursor]).toEqual([ids.slice(0, 3), ids[2]]);
  const newer = await make("newer");
  await service.lift("blocklist", ids[2] as string, "x");
  await service.lift("blocklist", ids[4] as string, "x");
  const second = service.page("blocklist", { cursor: first.next_cursor as string, limit: 4 });
  const left = [newer, ids[3], ids[5], ids[6]].map(String).filter((id) => id < String(ids[2]));
  expect([second.blocks.map(({ id }) => id), second.next_cursor]).toEqual([
    left.toSorted((a, b) => (a < b ? 1 : -1)),
    null,
  ]);
  expect(service.snapshot.active("blocklist", nowMs)).toBe(6);
  const ofScope = service.page("blocklist", { scope: "user:newer", limit: 3 });
  expect([ofScope.blocks.map(({ id }) => id), ofScope.next_cursor]).toEqual([[newer], null]);
});

test("a block that another process made, with a clock behind this one's, stands where its id belongs", async () => {
  const made = await service.create("blocklist", { scope: "user:here", reason: "r" }, "x");
  expect(service.page("blocklist", { limit: 9 }).blocks).toHaveLength(1);
  const id = `blk_${"0".repeat(32)}`;
  await database.db.query(
    "INSERT INTO blocks (tenant, environment, id, kind, scope, reason, operator, created_at) VALUES ($1, 'prod', $2, 'blocklist', 'user:there', 'r', 'x', now())",
    [DEFAULT_TENANT, id],
  );
  await service.refresh(database.db, [id]);
  expect(service.page("blocklist", { limit: 9 }).blocks.map((one) => one.id)).toEqual([made.id, id]);
  await database.db.query("DELETE FROM blocks WHERE id = $1", [id]);
});

test("a block of one environment is none of another's", async () => {
  const made = await service.create("kill_switch", wanted("elsewhere"), "x");
  const dev = [];
  for await (const block of listBlocks(database.db, { ...place, environment: "dev" }, 0)) dev.push(block);
  expect(dev).toEqual([]);
  await service.lift("kill_switch", made.id, "x");
});
