import type { ProviderAdapter } from "@tollhouse/providers";
import type { MemoryCounterStore, OutcomeRecord, Spool, SpoolRecord } from "@tollhouse/store";
import type { SpoolDisk } from "../../packages/store/src/spool/spool-disk.ts";
import { type DatabaseSenses, SimulatedDatabase, type StoredEntry } from "./simulated-database.ts";

/** A mistake somebody might make, put between two parts of the product. None of it is in the product's own code. */
export interface PlantedBug {
  readonly counters?: (store: MemoryCounterStore) => MemoryCounterStore;
  /** After the counters were set from the database. */
  readonly seed?: (store: MemoryCounterStore, recovered: readonly OutcomeRecord[]) => void;
  readonly spool?: (spool: Spool) => Spool;
  readonly disk?: (disk: SpoolDisk) => SpoolDisk;
  readonly adapter?: (adapter: ProviderAdapter) => ProviderAdapter;
  readonly database?: (senses: DatabaseSenses) => SimulatedDatabase;
}

export const NO_BUG: PlantedBug = {};

/** A seed that shows it, to be tried first; the first one where none stands here. */
export const SHOWN_BY: Readonly<Record<string, number>> = {
  "settle is not idempotent": 11,
  "a settled call is released afterwards": 3,
  "an outcome is dropped while the disk is full": 15,
  "the recorder's place is committed apart from its entries": 36,
  "an extension is not recorded": 72,
  "usage that is missing counts as none": 2,
  "a torn tail is left where it is": 18,
  "a refused write holds its money for ever": 17,
};

export const PLANTED_BUGS: Readonly<Record<string, PlantedBug>> = {
  "settle is not idempotent": {
    counters: (store) => {
      const settled = new Set<string>();
      return over(store, {
        settle: (id, used) => {
          const deltas = store.settle(id, used);
          if (settled.has(id))
            for (const { limitId, windowId, amount } of deltas) bump(store, limitId, windowId, amount);
          settled.add(id);
          return deltas;
        },
      });
    },
  },
  "a limit is checked without the amount": {
    counters: (store) =>
      over(store, {
        reserve: (id, limits, amounts, nowMs) => {
          const result = store.reserve(id, limits, amounts, nowMs);
          if (result.outcome === "reserved" || result.by.settled + result.by.reserved >= result.by.limit.amount)
            return result;
          store.restore(id, limits, amounts, nowMs);
          return store.reserve(id, limits, amounts, nowMs);
        },
      }),
  },
  "a reservation expires while its call runs": {
    counters: (store) => {
      const expired = new Set<string>();
      return over(store, {
        reserve: (id, limits, amounts, nowMs) => {
          const result = store.reserve(id, limits, amounts, nowMs);
          if (result.outcome === "reserved")
            setTimeout(() => {
              store.release(id);
              expired.add(id);
            }, 400);
          return result;
        },
        extend: (id, more) => (expired.has(id) ? { outcome: "reserved", states: [] } : store.extend(id, more)),
        settle: (id, used) => (expired.has(id) ? [] : store.settle(id, used)),
      });
    },
  },
  "counters are seeded by increments": {
    seed: (store, recovered) => {
      for (const { limitId, windowId, settled } of Array.from(store.dump()))
        if (recovered.length > 0) store.seed(limitId, windowId, settled + settled);
    },
  },
  "a settled call is released afterwards": {
    counters: (store) =>
      over(store, {
        settle: (id, used) => {
          const deltas = store.settle(id, used);
          for (const { limitId, windowId, amount } of deltas) bump(store, limitId, windowId, -amount);
          return deltas;
        },
      }),
  },
  "an outcome is dropped while the disk is full": {
    spool: (spool) =>
      appending(spool, (record) => (record.t === "outcome" && spool.state().refusing !== null ? null : record)),
  },
  "a replay is not told apart from news": { database: (senses) => new ForgetfulDatabase(senses) },
  "the recorder's place is committed apart from its entries": { database: (senses) => new HastyDatabase(senses) },
  "a call is forwarded before its intent is written": {
    spool: (spool) =>
      over(spool, { append: (record) => (record.t === "intent" ? later(spool, record) : spool.append(record)) }),
  },
  "an extension is not recorded": {
    spool: (spool) => appending(spool, (record) => (record.t === "extend" ? null : record)),
  },
  "a crash releases what was open": {
    spool: (spool) =>
      appending(spool, (record) =>
        record.t === "outcome" && record.doubt === "node stopped before the outcome"
          ? { ...record, end: "released", cost: "0", deltas: [] }
          : record,
      ),
  },
  "usage that is missing counts as none": {
    adapter: (adapter) => over(adapter, { meter: (...args) => zeroWhereSilent(adapter.meter(...args)) }),
  },
  "a torn tail is left where it is": { disk: (disk) => over(disk, { truncate: () => undefined }) },
  "a refused write holds its money for ever": { counters: (store) => over(store, { release: () => undefined }) },
  "sequences are counted in memory": { database: (senses) => new CountingDatabase(senses) },
  "an acknowledged intent is only in a buffer": {
    disk: (disk) => over(disk, { syncData: () => Promise.resolve(), syncAtOnce: () => undefined }),
  },
};

/** The same object but for some of its methods; private fields stay where they are. */
function over<T extends object>(base: T, own: Partial<T>): T {
  return new Proxy(base, {
    get(target, name) {
      const mine = Reflect.get(own, name) as unknown;
      if (mine !== undefined) return mine;
      const theirs = Reflect.get(target, name, target) as unknown;
      return typeof theirs === "function" ? (theirs as (...args: unknown[]) => unknown).bind(target) : theirs;
    },
  });
}

function appending(spool: Spool, change: (record: SpoolRecord) => SpoolRecord | null): Spool {
  return over(spool, {
    append: (record) => {
      const changed = change(record);
      return changed === null ? Promise.resolve() : spool.append(changed);
    },
  });
}

function later(spool: Spool, record: SpoolRecord): Promise<void> {
  setTimeout(() => void spool.append(record).catch(() => undefined), 5);
  return Promise.resolve();
}

function bump(store: MemoryCounterStore, limitId: string, windowId: string, amount: bigint): void {
  store.seed(limitId, windowId, store.settledIn(limitId, windowId) + amount);
}

function zeroWhereSilent(meter: ReturnType<ProviderAdapter["meter"]>): ReturnType<ProviderAdapter["meter"]> {
  const nothing = {
    usage: { input: 0, output: 0 },
    model: null,
    tier: null,
    geo: null,
    providerId: null,
    costNano: null,
    doubt: null,
  };
  return over(meter, { report: () => meter.report() ?? (nothing as unknown as ReturnType<typeof meter.report>) });
}

/** Says of no entry that it is there, and has no constraint that would say so either. */
class ForgetfulDatabase extends SimulatedDatabase {
  protected override read(name: string, values: readonly unknown[]): Record<string, unknown>[] {
    return name === "entries-present" ? [] : super.read(name, values);
  }
  protected override insertEntry(entry: StoredEntry): void {
    this.entries.push(entry);
  }
}

/** Writes the place at once, whatever becomes of the transaction. */
class HastyDatabase extends SimulatedDatabase {
  protected override isWrite(name: string): boolean {
    return name !== "upsert-spool-position" && super.isWrite(name);
  }
  protected override read(name: string, values: readonly unknown[]): Record<string, unknown>[] {
    if (name !== "upsert-spool-position") return super.read(name, values);
    this.apply([{ name, values }]);
    return [];
  }
}

/** Sequence numbers go on from the last one asked for, whether or not it was used. */
class CountingDatabase extends SimulatedDatabase {
  #head = 0n;
  protected override read(name: string, values: readonly unknown[]): Record<string, unknown>[] {
    const rows = super.read(name, values);
    if (name !== "chain-heads") return rows;
    return rows.map((row) => {
      const sequence = row["sequence"] as bigint;
      const missed = this.#head > sequence ? this.#head : sequence;
      this.#head = missed + 1n;
      return { ...row, sequence: missed };
    });
  }
}
