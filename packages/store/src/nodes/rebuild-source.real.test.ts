import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { INSTALLATION_ROLE, joinRoles } from "../database/roles.ts";
import { openDatabase, type OpenDatabase } from "../database/database.ts";
import { startRecorder, type Recorder } from "../ledger/recorder.ts";
import { sampleIntent, sampleOutcome } from "../ledger/sample-records.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { openSpool, type Spool } from "../spool/spool.ts";
import {
  acknowledgeFence,
  closeFence,
  enterEpoch,
  openFence,
  readFence,
  recloseFence,
  takeRebuild,
} from "./fence-store.ts";
import { beatNode, instanceOf, joinNodes, leaveNodes, listNodes, type JoiningNode } from "./node-store.ts";
import { inRebuildSnapshot } from "./rebuild-source.ts";

const HOLD_MS = 30_000;
const nowMs = Date.UTC(2026, 10, 21, 7);
const GONE = "b".repeat(32);

let database: TestDatabase;
let db: OpenDatabase;
let dir: string;
let spool: Spool;
let recorder: Recorder;
beforeEach(async () => {
  database = await testDatabase();
  await joinRoles(database.db);
  // As the server asks: what is not granted fails here.
  db = await openDatabase({ url: database.url }, { connectionsMax: 3, role: INSTALLATION_ROLE });
  dir = mkdtempSync(join(tmpdir(), "tollhouse-spool-"));
  spool = await openSpool({ dir });
  const masterKey = Buffer.alloc(32, 7);
  recorder = startRecorder({
    spool,
    databaseUrl: database.url,
    masterKey,
    role: INSTALLATION_ROLE,
    onError: () => undefined,
  });
});
afterEach(async () => {
  await recorder.stop();
  await spool.close();
  await db.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

function process(id: string, instance = id): JoiningNode {
  return { id, instance, name: `node ${id[0]}`, pid: 1, roles: ["gateway"], version: "0", address: "", owes: false };
}

async function all<T>(from: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of from) items.push(item);
  return items;
}

async function age(id: string, seconds: number): Promise<void> {
  const back = "clock_timestamp() - make_interval(secs => $2)";
  await db.query(`UPDATE nodes SET heartbeat_at = ${back} WHERE id = $1`, [id, seconds]);
}

test("one snapshot: settled sums, every open call with its extensions, owner and deadline, and who had laid down", async () => {
  const me = process(spool.node);
  await joinNodes(db, me);
  await joinNodes(db, process(GONE));
  await age(GONE, 20);
  const { epoch } = await readFence(db);
  void spool.append(sampleIntent(1));
  void spool.append(sampleOutcome(1));
  void spool.append(sampleIntent(2));
  void spool.append({ t: "extend", decision: sampleIntent(2).decision, usd: "250", tokens: "10" });
  await recorder.layDown(() => undefined);
  await db.query("INSERT INTO open_calls SELECT $1, gen_random_uuid(), intent, 7, 8 FROM open_calls", [GONE]);
  expect(await acknowledgeFence(db, me, epoch)).toBe(true);
  const read = await inRebuildSnapshot(db, { epoch, nowMs, holdMs: HOLD_MS }, async ({ source, acknowledged }) => {
    const sums = await all(source.sums());
    // Committed meanwhile: of another snapshot.
    recorder.goOn();
    void spool.append(sampleOutcome(2));
    await recorder.drained();
    return { sums, open: await all(source.open()), tenants: source.tenants, acknowledged };
  });
  expect(read.tenants).toEqual([DEFAULT_TENANT]);
  expect(read.acknowledged).toEqual([spool.node]);
  const amounts = ([usd, tokens, requests]: bigint[]): unknown[] => [
    { limitId: "lim_org", windowId: "2026-11-21T00:00Z", amount: usd },
    { limitId: expect.stringMatching(/^lim_run_\d$/), windowId: "lifetime", amount: tokens },
    { limitId: "lim_calls", windowId: "2026-11-21T06:00Z", amount: requests },
  ];
  expect(read.sums).toHaveLength(3);
  for (const sum of amounts([564n, 184n, 1n]))
    expect(read.sums).toContainEqual({ tenant: DEFAULT_TENANT, ...(sum as object) });
  const mine = read.open.find(({ owner }) => owner === spool.node);
  expect(mine).toMatchObject({
    tenant: DEFAULT_TENANT,
    id: sampleIntent(2).decision,
    held: amounts([1250n, 510n, 1n]),
  });
  expect(mine?.deadlineMs).toBe(nowMs + HOLD_MS);
  const others = read.open.find(({ owner }) => owner === GONE);
  expect(others?.held.map(({ amount }) => amount)).toEqual([7n, 8n, 1n]);
  expect(others?.deadlineMs).toBeLessThanOrEqual(nowMs + HOLD_MS - 20_000);
  expect(others?.deadlineMs).toBeGreaterThan(nowMs + HOLD_MS - 25_000);
});

test("of what the counters still held, a rebuild holds on what a node that is away had reserved and the database does not know", async () => {
  const { epoch } = await readFence(db);
  for (const id of [spool.node, GONE]) await joinNodes(db, process(id));
  void spool.append(sampleIntent(1));
  void spool.append(sampleOutcome(1));
  void spool.append(sampleIntent(2));
  await recorder.layDown(() => undefined);
  await acknowledgeFence(db, process(spool.node), epoch);
  const held = (id: string, owner: string) => ({ tenant: DEFAULT_TENANT, id, owner, deadlineMs: nowMs, held: [] });
  const [ended, open] = [sampleIntent(1).decision, sampleIntent(2).decision];
  const found = [held(ended, GONE), held(open, GONE), held("1".repeat(32), GONE), held("2".repeat(32), spool.node)];
  const unknown = await inRebuildSnapshot(db, { epoch, nowMs, holdMs: HOLD_MS }, async ({ source }) =>
    source.left?.unknown(found),
  );
  expect(unknown?.map(({ id }) => id)).toEqual(["1".repeat(32)]);
});

test("an epoch is rebuilt by one node, when all that live have laid down, and entered by whoever owes nothing", async () => {
  const [a, b] = [process("a".repeat(32)), process(GONE)];
  await joinNodes(db, a);
  await joinNodes(db, b);
  const { epoch } = await readFence(db);
  await acknowledgeFence(db, a, epoch);
  expect(await takeRebuild(db, a.id, epoch)).toBe(false);
  await acknowledgeFence(db, b, epoch);
  expect(await Promise.all([takeRebuild(db, a.id, epoch), takeRebuild(db, b.id, epoch)])).toContain(false);
  const builder = (await readFence(db)).builder ?? "";
  const other = builder === a.id ? b.id : a.id;
  expect([await openFence(db, other, epoch, []), await recloseFence(db, other, epoch)]).toEqual([false, false]);
  expect(await openFence(db, builder, epoch, [a.id, b.id])).toBe(true);
  expect([await enterEpoch(db, a, epoch), await enterEpoch(db, b, epoch)]).toEqual([true, true]);
  const figures = {
    state: "up",
    address: "",
    spoolBytes: 1,
    inFlight: 2,
    pending: 3,
    untold: 4,
    overspendMax: 0n,
  } as const;
  expect(await beatNode(db, a, figures)).toEqual({ epoch, open: true });

  // Crashed, and started again within its lease: the epoch has what it owes only if nobody died in between.
  const again = process(a.id, "c".repeat(32));
  await joinNodes(db, again);
  expect([await beatNode(db, a, figures), await instanceOf(db, a.id)]).toEqual([null, again.instance]);
  expect(await enterEpoch(db, again, epoch)).toBe(false);
  const closes = [closeFence(db, again, epoch, "comes back"), closeFence(db, b, epoch, "fenced")];
  expect((await Promise.all(closes)).filter(Boolean)).toHaveLength(1);
  expect((await readFence(db)).epoch).toBeGreaterThan(epoch);
  await leaveNodes(db, b, true);
  expect((await listNodes(db)).map(({ state, owes }) => [state, owes])).toEqual([
    ["up", true],
    ["stopped", false],
  ]);
});
