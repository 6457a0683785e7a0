import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DEFAULT_TENANT, SpoolUnavailable, type AdminRecord, type CounterChange } from "@tollhouse/store";
import { Turns } from "../turns.ts";
import { StartingCounters, type StartingChange } from "./starting-counters.ts";

// Of two processes, the part that follows once every node is known to have a change.

const place = { tenant: DEFAULT_TENANT, environment: "prod" };

let database: TestDatabase;
let happened: string[];
let appended: AdminRecord[];
let adjusted: { id: string; changes: readonly CounterChange[] }[];
let refuses: boolean;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  [happened, appended, adjusted, refuses] = [[], [], [], false];
});

function process(name: string): StartingCounters {
  return new StartingCounters({
    ...place,
    db: database.db,
    spool: {
      append: (record) => {
        appended.push(record as AdminRecord);
        return refuses ? Promise.reject(new SpoolUnavailable("full")) : Promise.resolve();
      },
    } as ConstructorParameters<typeof StartingCounters>[0]["spool"],
    together: {
      everywhere: () => Promise.resolve(),
      everywhereRecorded: () => Promise.resolve(),
      adjust: async (_, id, changes) => void adjusted.push({ id, changes }),
      recorded: async () => void happened.push(`${name} is recorded`),
      turns: new Turns(),
    },
    failed: (error) => void happened.push(String(error)),
    now: () => 1_700_000_000_000,
  });
}

function change(id: string, behind: StartingChange["behind"]): StartingChange {
  return { id, version: 1, session: null, slots: null, action: "policy.count", actor: "admin-key", behind };
}

const moves = (count: number): CounterChange[] =>
  Array.from({ length: count }, (_, n) => ({ limitId: `lim_${n}`, windowId: "lifetime", amount: BigInt(n + 1) }));

test("of two in one place the second looks only when what the first has counted is recorded", async () => {
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const looking = (name: string) => async (): Promise<CounterChange[]> => {
    happened.push(`${name} looks`);
    if (name === "first") await mayGoOn;
    return [];
  };
  const first = process("first").count(change("pol_1", looking("first")));
  await waitFor(() => Promise.resolve(happened.length === 1));
  const second = process("second").count(change("pol_2", looking("second")));
  await waitFor(async () => {
    const { rows } = await database.db.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    return rows.length === 1;
  });
  goOn();
  await Promise.all([first, second]);
  expect(happened).toEqual(["first looks", "first is recorded", "second looks", "second is recorded"]);
});

test("whoever tries again tells the same, in the same parts, under the same ids", async () => {
  const count = async (name: string, list: CounterChange[]): Promise<void> =>
    process(name).count(change("pol_many", () => Promise.resolve(list)));
  await count("first", moves(5_000));
  const told = appended.map(({ id, counters }) => ({ id, counters }));
  expect(told.length).toBeGreaterThan(1);
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
  expect(told.flatMap(({ counters }) => counters ?? [])).toHaveLength(5_000);
  expect(Math.max(...told.map(({ counters }) => counters?.length ?? 0))).toBeLessThanOrEqual(2_000);
  expect(adjusted.map(({ id, changes }) => [id, changes.length])).toEqual(
    told.map(({ id, counters }) => [id, counters?.length]),
  );
  appended = [];
  await count("second", moves(5_000));
  expect(appended.map(({ id, counters }) => ({ id, counters }))).toEqual(told);
});

test("the row that says what is left to do goes with the count, and stays where the ledger takes none", async () => {
  const starting = process("one");
  const wanted = change("lim_1", () => Promise.resolve(moves(1)));
  await database.db.transaction((tx) => starting.begin(tx, wanted));
  const rows = async (): Promise<number> =>
    (await database.db.query("SELECT FROM starting_counters WHERE id = 'lim_1'")).rows.length;
  refuses = true;
  await starting.countOrLeave(wanted);
  expect(happened).toEqual([expect.stringContaining("full")]);
  expect(await rows()).toBe(1);
  // What was not written down is not counted either.
  expect(adjusted.flatMap(({ changes }) => changes.map(({ amount }) => amount))).toEqual([1n, -1n]);
  refuses = false;
  await starting.count(wanted);
  expect(await rows()).toBe(0);
});

async function waitFor(what: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + 15_000;
  while (!(await what())) {
    if (performance.now() > until) throw new Error("waited too long");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
