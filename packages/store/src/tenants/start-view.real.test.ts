import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { sql } from "../database/sql.ts";
import { DEFAULT_TENANT } from "../ledger/tenant-id.ts";
import { insertLimit, listLimits, type NewLimit } from "../reports/limit-store.ts";
import { ASKED_OF_EVERY_PLACE, StartView } from "./start-view.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

const dev = { tenant: DEFAULT_TENANT, environment: "dev" };
const prod = { tenant: DEFAULT_TENANT, environment: "prod" };
const limit: NewLimit = {
  id: "lim_1",
  scope: "org",
  measure: "usd",
  amount: 1n,
  window: "day",
  timeZone: "UTC",
  mode: "hard",
};

test("each statement reads the one table that is named, by the place that stands first in its values", () => {
  for (const [statement, table] of Object.entries(ASKED_OF_EVERY_PLACE)) {
    const text = sql(statement);
    expect([statement, [...text.matchAll(/\b(?:FROM|JOIN) (\w+)/g)].map(([, read]) => read)]).toEqual([
      statement,
      [table],
    ]);
    expect(text).toMatch(/WHERE tenant = \$1( AND environment = \$2\b|;$)/);
  }
});

test("answers as the database does; what is made after its end is seen", async () => {
  await insertLimit(database.db, prod, limit);
  const start = await StartView.open(database.db);
  const view = start.of(database.db);
  const idsAt = async (place: typeof dev): Promise<string[]> => {
    const ids = [];
    for await (const page of listLimits(view, place)) ids.push(...page.map(({ id }) => id));
    return ids;
  };
  expect([await idsAt(prod), await idsAt(dev)]).toEqual([["lim_1"], []]);
  await insertLimit(database.db, dev, { ...limit, id: "lim_2" });
  expect(await idsAt(dev)).toEqual([]);
  start.end();
  expect(await idsAt(dev)).toEqual(["lim_2"]);
});
