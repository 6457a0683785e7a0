import { checkpointSigner, DEFAULT_TENANT, openDatabase } from "@tollhouse/store";
import { testDatabase } from "@tollhouse/testkit";
import { expect, test } from "vitest";
import { Checkpointer } from "./checkpointer.ts";

test("a database that is away is no ledger that could not be signed: it is said once, and no chain is counted", async () => {
  const database = await testDatabase();
  const db = await openDatabase({ url: database.url });
  const told: string[] = [];
  const checkpoints = new Checkpointer({
    db,
    dbOf: () => db,
    signer: checkpointSigner({ masterKey: Buffer.alloc(32, 5), seeds: [] }),
    tenants: () => [DEFAULT_TENANT],
    mine: () => false,
    failed: (tenant) => told.push(tenant),
    now: Date.now,
  });
  try {
    await checkpoints.makeDue();
    expect(checkpoints.trouble).toBeNull();
    await db.close();
    await checkpoints.makeDue();
    await checkpoints.makeDue();
    expect([checkpoints.trouble?.chains, told]).toEqual([0, [""]]);
  } finally {
    await checkpoints.close();
    await database.drop();
  }
});
