import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openDatabase, type OpenDatabase } from "../database/database.ts";
import { INSTALLATION_ROLE, joinRoles } from "../database/roles.ts";
import {
  acknowledgeFence,
  closeFence,
  countAlone,
  enterEpoch,
  openFence,
  readFence,
  recloseFence,
  takeRebuild,
} from "./fence-store.ts";
import { beatNode, joinNodes, leaveNodes, listNodes, type JoiningNode } from "./node-store.ts";

// What each step refuses. Times are moved by writing them: a lease is five seconds of PostgreSQL's clock.

let database: TestDatabase;
let db: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await joinRoles(database.db);
  db = await openDatabase({ url: database.url }, { connectionsMax: 2, role: INSTALLATION_ROLE });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
beforeEach(async () => {
  await db.query("DELETE FROM nodes");
  await countAlone(db);
});

const A = node("a");
const B = node("b");
const FIGURES = {
  state: "up",
  address: "",
  spoolBytes: 0,
  inFlight: 0,
  pending: 0,
  untold: 0,
  overspendMax: 0n,
} as const;

function node(letter: string, process = letter): JoiningNode {
  const id = letter.repeat(32);
  return {
    id,
    instance: process.repeat(32),
    name: `node ${letter}`,
    pid: 1,
    roles: ["gateway"],
    version: "0",
    address: "",
    owes: false,
  };
}

async function setBack(column: "heartbeat_at" | "alive_since", { id }: JoiningNode, seconds: number): Promise<void> {
  const then = "clock_timestamp() - make_interval(secs => $2)";
  await db.query(`UPDATE nodes SET ${column} = ${then} WHERE id = $1`, [id, seconds]);
}

/** They lay down for the closed epoch, the first of them rebuilds it, and all enter. */
async function opened(...members: readonly [JoiningNode, ...JoiningNode[]]): Promise<bigint> {
  const { epoch } = await readFence(db);
  for (const member of members) await acknowledgeFence(db, member, epoch);
  const [{ id }] = members;
  expect(await takeRebuild(db, id, epoch)).toBe(true);
  expect(
    await openFence(
      db,
      id,
      epoch,
      members.map((member) => member.id),
    ),
  ).toBe(true);
  for (const member of members) expect(await enterEpoch(db, member, epoch)).toBe(true);
  return epoch;
}

test("a member that is missing is waited for by whoever has not been there for a lease, and by nobody else", async () => {
  await joinNodes(db, A);
  await joinNodes(db, B);
  const epoch = await opened(A, B);
  await closeFence(db, A, epoch, "fenced");
  const next = (await readFence(db)).epoch;
  await acknowledgeFence(db, A, next);
  await setBack("heartbeat_at", B, 60);
  // It has just been started, as after an outage of the whole machine: the other one may only be late.
  expect(await takeRebuild(db, A.id, next)).toBe(false);
  await setBack("alive_since", A, 60);
  expect(await takeRebuild(db, A.id, next)).toBe(true);
});

test("a builder that is gone is replaced, and can neither open what it built nor enter what others did", async () => {
  await joinNodes(db, A);
  await joinNodes(db, B);
  const epoch = await opened(A, B);
  await closeFence(db, B, epoch, "fenced");
  const first = (await readFence(db)).epoch;
  await acknowledgeFence(db, A, first);
  await acknowledgeFence(db, B, first);
  expect(await takeRebuild(db, A.id, first)).toBe(true);
  expect(await recloseFence(db, B.id, first)).toBe(false);
  await setBack("heartbeat_at", A, 60);
  await setBack("alive_since", B, 60);
  expect(await recloseFence(db, B.id, first)).toBe(true);
  expect(await openFence(db, A.id, first, [A.id, B.id])).toBe(false);
  const second = await opened(B);
  expect(second).toBeGreaterThan(first);
  expect(await enterEpoch(db, A, second)).toBe(false);
});

test("a process that ends uncleanly after it had laid down is followed by one that owes: it may have ended calls untold", async () => {
  for (const each of [A, B]) await joinNodes(db, each);
  const { epoch } = await readFence(db);
  for (const each of [A, B]) await acknowledgeFence(db, each, epoch);
  expect(await takeRebuild(db, A.id, epoch)).toBe(true);
  // Counted in the epoch as one that had laid down, and gone before it entered.
  expect(await openFence(db, A.id, epoch, [A.id, B.id])).toBe(true);
  const again = { ...B, instance: "c".repeat(32) };
  await joinNodes(db, again);
  expect(await enterEpoch(db, again, epoch)).toBe(false);
});

test("who left clean enters as a new process, who left with something untold does not", async () => {
  await joinNodes(db, A);
  await joinNodes(db, B);
  const epoch = await opened(A, B);
  await leaveNodes(db, A, true);
  await leaveNodes(db, B, false);
  const [a, b] = [node("a", "c"), node("b", "d")];
  await joinNodes(db, a);
  await joinNodes(db, b);
  expect([await enterEpoch(db, a, epoch), await enterEpoch(db, b, epoch)]).toEqual([true, false]);
});

test("what one process counted in its own memory is in no epoch that was open before", async () => {
  await joinNodes(db, A);
  const epoch = await opened(A);
  await leaveNodes(db, A, true);
  await countAlone(db);
  const again = node("a", "c");
  await joinNodes(db, again);
  expect(await enterEpoch(db, again, epoch)).toBe(false);
  const fence = await readFence(db);
  expect([fence.state, fence.builder]).toEqual(["closed", null]);
  expect(fence.epoch).toBeGreaterThan(epoch);
});

test("the worst overspend that a node saw outlives its process", async () => {
  await joinNodes(db, A);
  await beatNode(db, A, { ...FIGURES, overspendMax: 7n });
  await beatNode(db, A, FIGURES);
  await leaveNodes(db, A, true);
  await joinNodes(db, node("a", "c"));
  expect((await listNodes(db)).map(({ overspend_max }) => overspend_max)).toEqual([7n]);
});
