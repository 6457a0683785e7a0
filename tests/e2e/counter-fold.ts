import { DEFAULT_TENANT, foldCounters, openDatabase, type MemoryCounterStore } from "@tollhouse/store";
import { expect } from "vitest";
import type { StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";

/** At rest: every counter in memory, those of policies too, is the fold of the ledger's own bytes, and holds nothing. */
export async function expectMemoryIsTheFold(world: StartedTollhouse): Promise<void> {
  await world.recorded();
  const counters = world.tollhouse.gateway.countersOf(DEFAULT_TENANT) as MemoryCounterStore;
  expect(counters.audit()).toEqual([]);
  const db = await openDatabase({ url: world.database.url }, { connectionsMax: 1 });
  try {
    const folded = await foldCounters(db, DEFAULT_TENANT);
    const expected = sorted(folded.map(({ limitId, windowId, settled }) => ({ limitId, windowId, settled })));
    const inMemory = [...counters.dump()];
    expect(inMemory.filter(({ reserved }) => reserved !== 0n)).toEqual([]);
    expect(sorted(inMemory)).toEqual(expected);
  } finally {
    await db.close();
  }
}

interface Count {
  readonly limitId: string;
  readonly windowId: string;
  readonly settled: bigint;
}

function sorted(counts: readonly Count[]): string[] {
  return counts
    .filter(({ settled }) => settled !== 0n)
    .map(({ limitId, windowId, settled }) => `${limitId} ${windowId} ${settled}`)
    .toSorted();
}
