import { testDatabase } from "@tollhouse/testkit";
import { expect, test } from "vitest";
import { sql } from "../database/sql.ts";

/** What may be a million rows, and is read page by page until there is no more: by a start, or by whoever counts anew. */
const PAGED = ["all-counter-sums", "counter-sums", "all-open-calls", "blocks", "limits", "limit-ids"];

test("each page comes along its key: none sorts all that is left, a million rows for every page of them", async () => {
  const database = await testDatabase();
  try {
    await database.db.transaction(async (tx) => {
      await tx.query("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)");
      for (const statement of PAGED) {
        const { rows } = await tx.query<{ "QUERY PLAN": string }>(`EXPLAIN (GENERIC_PLAN) ${sql(statement)}`);
        const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
        const page = plan.slice(plan.indexOf("Limit"));
        expect(page, statement).toContain("Index");
        expect(page, statement).not.toContain("Sort");
      }
    });
  } finally {
    await database.drop();
  }
});
