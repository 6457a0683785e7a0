import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase, type OpenDatabase } from "../database/database.ts";
import { INSTALLATION_ROLE, joinRoles } from "../database/roles.ts";
import { beatNode, joinNodes } from "../nodes/node-store.ts";
import { noteOverspend, worstOverspend } from "./overspend-store.ts";

let database: TestDatabase;
let db: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await joinRoles(database.db);
  db = await openDatabase({ url: database.url }, { connectionsMax: 1, role: INSTALLATION_ROLE });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

test("only the worst overspend is kept, whoever tells of one in whichever order", async () => {
  expect(await worstOverspend(db)).toBe(0n);
  for (const amount of [7n, 9_000_000_000_000_000_000n, 8n]) await noteOverspend(db, amount);
  expect(await worstOverspend(db)).toBe(9_000_000_000_000_000_000n);
});

test("what one of several nodes saw counts as well", async () => {
  await database.db.query("DELETE FROM installation WHERE name = 'worst_overspend'");
  const node = { pid: 1, roles: ["gateway"], version: "0", address: "", owes: false };
  const process = { id: "a".repeat(32), instance: "b".repeat(32) };
  await joinNodes(db, { ...node, ...process, name: "a" });
  expect(await worstOverspend(db)).toBe(0n);
  const figures = { state: "up", address: "", spoolBytes: 0, inFlight: 0, pending: 0, untold: 0 } as const;
  await beatNode(db, process, { ...figures, overspendMax: 7n });
  expect(await worstOverspend(db)).toBe(7n);
});
