import { settledSums, type CounterChange, type Queryable } from "@tollhouse/store";

const IDS_AT_ONCE = 5_000;

/** By how much counters are behind what was used: of each counter and window that was used. In the transaction that read `used`. */
export async function missedUse(
  tx: Queryable,
  tenant: string,
  used: ReadonlyMap<string, ReadonlyMap<string, bigint>>,
): Promise<CounterChange[]> {
  const missed: CounterChange[] = [];
  const ids = [...used.keys()];
  for (let i = 0; i < ids.length; i += IDS_AT_ONCE) {
    const some = ids.slice(i, i + IDS_AT_ONCE);
    const windows = new Set(some.flatMap((id) => [...(used.get(id)?.keys() ?? [])]));
    const settled = new Map(
      (await settledSums(tx, tenant, some, [...windows])).map((sum) => [`${sum.limitId} ${sum.windowId}`, sum.settled]),
    );
    for (const limitId of some)
      for (const [windowId, amount] of used.get(limitId) ?? []) {
        const behind = amount - (settled.get(`${limitId} ${windowId}`) ?? 0n);
        if (behind !== 0n) missed.push({ limitId, windowId, amount: behind });
      }
  }
  return missed;
}
