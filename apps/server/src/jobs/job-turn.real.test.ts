import { INSTALLATION_ROLE, joinRoles, openDatabase, type OpenDatabase } from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fixedTurn, takeTurns, type JobTurn } from "./job-turn.ts";

let database: TestDatabase;
let db: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await joinRoles(database.db);
  db = await openDatabase({ url: database.url }, { connectionsMax: 4, role: INSTALLATION_ROLE });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const turn = (letter: string): JobTurn => takeTurns({ db, node: letter.repeat(32), everyMs: 20 });
const having = (turns: readonly JobTurn[]): number => turns.filter((each) => each.mine()).length;

test("of several processes one has the turn, and the next one when it leaves", async () => {
  const turns = ["a", "b", "c"].map(turn);
  await expect.poll(() => having(turns), { timeout: 10_000 }).toBe(1);
  const first = turns.find((each) => each.mine()) as JobTurn;
  await first.close();
  expect(first.mine()).toBe(false);
  await expect.poll(() => having(turns), { timeout: 10_000 }).toBe(1);
  expect(first.mine()).toBe(false);
  for (const each of turns) await each.close();
});

test("who has not asked for its time loses it to whoever asks, and hears so when it asks again", async () => {
  const [sleeper, other] = [takeTurns({ db, node: "d".repeat(32), everyMs: 1_000 }), turn("e")];
  await expect.poll(() => having([sleeper, other]), { timeout: 10_000 }).toBe(1);
  const holder = sleeper.mine() ? sleeper : other;
  await takenOver();
  await expect.poll(() => holder.mine(), { timeout: 10_000 }).toBe(false);
  await sleeper.close();
  await other.close();
});

/** A third one was faster, as after a long sleep of both. */
async function takenOver(): Promise<void> {
  const later = "clock_timestamp() + interval '1 hour'";
  await database.db.query(`UPDATE job_turn SET until = ${later}, node = $1`, ["f".repeat(32)]);
}

test("a process alone has it if it does such work at all", () => {
  expect([fixedTurn(true).mine(), fixedTurn(false).mine()]).toEqual([true, false]);
});
