import { DEFAULT_TENANT, LedgerKeys, listLimits } from "@tollhouse/store";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadLimitServices, type LimitServicesParts } from "./limit-services.ts";

const masterKey = Buffer.alloc(32, 3);
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** Straight into the table, as something that is not ours could have written it. */
async function store(environment: string, count: number, scope: string): Promise<void> {
  await database.db.query(
    `INSERT INTO limits (tenant, environment, id, scope, measure, amount, window_kind, time_zone, mode, version)
     SELECT $1, $2, 'lim_' || $2 || lpad(n::text, 6, '0'), ${scope}, (ARRAY['usd', 'tokens', 'requests'])[n % 3 + 1], n,
       (ARRAY['day', 'month'])[n % 2 + 1], 'UTC', 'hard', n % 2 + 1
     FROM generate_series(1, $3::int) n`,
    [DEFAULT_TENANT, environment, count],
  );
}

function load(environment: string): ReturnType<typeof loadLimitServices> {
  const { db } = database;
  const needed = { db, masterKey, keys: new LedgerKeys(masterKey), tenant: DEFAULT_TENANT, defaultBudget: null };
  // Loading asks for nothing else.
  return loadLimitServices({ ...needed, environments: [environment] } as unknown as LimitServicesParts);
}

test("each of more limits than a page holds is in force as it is stored, and found by its id and its scope", async () => {
  await store("prod", 23_000, "'user:u' || n / 2");
  const { snapshot } = (await load("prod"))({ tenant: DEFAULT_TENANT, environment: "prod" });
  const { rows } = await database.db.query<{ id: string; scope: string; amount: bigint }>("SELECT * FROM limits");
  expect(rows).toHaveLength(23_000);
  for (const { id, scope, amount, ...stored } of rows) {
    const { measure, mode, version } = stored as unknown as { measure: "usd"; mode: "hard"; version: number };
    const limit = { id, scope, amount, measure, mode, version };
    const call = { dimensions: { user: scope.slice(5) }, model: "m", provider: "p", key: null };
    if (snapshot.byId(id)?.amount !== amount) expect(snapshot.byId(id)).toMatchObject(limit);
    if (!snapshot.match(call).some((matched) => matched.id === id)) expect(snapshot.match(call)).toContain(limit);
  }
  expect(snapshot.all()).toHaveLength(rows.length);
  expect(snapshot.byId("lim_prod000003")).toEqual({
    id: "lim_prod000003",
    scope: "user:u1",
    measure: "usd",
    amount: 3n,
    window: "month",
    timeZone: "UTC",
    mode: "hard",
    version: 2,
    derived: false,
  });
});

test.each([
  ["of several lines", "E'user:a\\nb'"],
  ["of a kind that is none", "'colour:red'"],
  ["without a value", "'user:'"],
  ["with a tab", "E'user:a\\tb'"],
])("a stored limit with a scope %s stops the start, and is named", async (_, scope) => {
  await store("dev", 3, `CASE n WHEN 2 THEN ${scope} ELSE 'user:' || n END`);
  await expect(load("dev")).rejects.toMatchObject({
    code: "LIMIT_INVALID",
    message: expect.stringContaining("lim_dev000002.scope: expected a scope") as string,
  });
  await database.db.query("DELETE FROM limits WHERE environment = 'dev'");
});

test("pages of one environment hold none of another's", async () => {
  await store("dev", 2, "'user:' || n");
  const ids: string[] = [];
  for await (const page of listLimits(database.db, { tenant: DEFAULT_TENANT, environment: "dev" }))
    ids.push(...page.map(({ id }) => id));
  expect(ids.toSorted()).toEqual(["lim_dev000001", "lim_dev000002"]);
});
