import { createHash } from "node:crypto";
import {
  deleteStarting,
  insertStarting,
  lockStarting,
  settledSums,
  type AdminRecord,
  type CounterChange,
  type CounterSum,
  type Database,
  type Queryable,
  type Spool,
  type Starting,
} from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { Turns } from "../turns.ts";

/** What a process that counts together with others knows of them. */
export interface Together {
  /** Resolves once every live node has in force what is committed now, and has recorded what ended before. Throws LIMITS_UNAVAILABLE. */
  everywhere(): Promise<void>;
  /** The same, for what ended before now. */
  everywhereRecorded(): Promise<void>;
  /** Told until it is acknowledged; once an id. Resolves when it is, or when that takes too long to wait for. */
  adjust(tenant: string, id: string, changes: readonly CounterChange[]): Promise<void>;
  /** Everything that this process has appended before is in the database. Throws LIMITS_UNAVAILABLE where that takes too long. */
  recorded(): Promise<void>;
  /** Of the process: whoever counts asks on one connection while it holds another. */
  readonly turns: Turns;
}

export interface StartingCountersParts extends Place {
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  readonly together: Together;
  readonly failed: (error: unknown) => void;
  now(): number;
}

/** What counts from now on: its row, and by how much its counters are behind what was used. */
export interface StartingChange extends Starting {
  readonly action: "limit.count" | "policy.count";
  readonly actor: string;
  /** Of one snapshot of the database: what was used under it less what its counters have settled. */
  behind(): Promise<readonly CounterChange[]>;
}

type CounterMove = NonNullable<AdminRecord["counters"]>[number];

/** Counters a ledger entry: a policy may start with a hundred thousand. */
const COUNTERS_A_RECORD = 2_000;

/**
 * Gives counters what was used before they came, where several processes count. Nobody sees the calls of all of them end, so the limit is in force
 * first; once every process has it and has recorded what ended without it, use less what is settled is what it has missed, however many
 * calls end meanwhile: they are in both. It may be tried again, by anybody: what is counted already is not missing any more, and
 * an entry and a change are made once for their id, which follows from the change.
 */
export class StartingCounters {
  readonly #parts: StartingCountersParts;

  constructor(parts: StartingCountersParts) {
    this.#parts = parts;
  }

  /** In the transaction that stores the limit or policy. */
  begin(tx: Queryable, starting: Starting): Promise<void> {
    return insertStarting(tx, this.#parts, starting);
  }

  /** It is no more, or never was. */
  forget(tx: Queryable, starting: Starting): Promise<void> {
    return deleteStarting(tx, this.#parts, starting);
  }

  /** To be awaited out of the turn of the service: this process, too, has to hear of its own change. */
  async count(change: StartingChange): Promise<void> {
    await this.#parts.together.everywhere();
    await this.#alone(async (tx) => {
      // On a connection of its own: a snapshot that is newer than the lock.
      const behind = await change.behind();
      await Promise.all(
        [...partsOf(behind)].map(([part, changes]) => this.append(this.#record(change, part, changes))),
      );
      await this.#parts.together.recorded();
      await this.forget(tx, change);
    });
  }

  /** `work` reads sums that have every call that ended before now, and appends what follows; nobody else counts here meanwhile. */
  async appendRecorded<T>(work: () => Promise<T>): Promise<T> {
    await this.#parts.together.everywhereRecorded();
    return this.#alone(async () => {
      const made = await work();
      await this.#parts.together.recorded();
      return made;
    });
  }

  /** As far as it is recorded. */
  settled(limitIds: readonly string[], windowIds: readonly string[]): Promise<readonly CounterSum[]> {
    return settledSums(this.#parts.db, this.#parts.tenant, limitIds, windowIds);
  }

  /** What the entry moves, the counters of all processes move. */
  async append(record: AdminRecord): Promise<void> {
    const { tenant, spool, together } = this.#parts;
    const changes = (record.counters ?? []).map((moved) => changeOf(moved, 1n));
    const appended = spool.append(record);
    if (changes.length === 0) return appended;
    // In the same turn: whatever is rebuilt has both or neither.
    const told = together.adjust(tenant, record.id, changes);
    await appended.catch((error: unknown) => {
      const back = (record.counters ?? []).map((moved) => changeOf(moved, -1n));
      void together.adjust(tenant, `${record.id}:back`, back);
      throw error;
    });
    // Whoever looks next finds it counted.
    await told;
  }

  #alone<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const { db, together } = this.#parts;
    return together.turns.run(() =>
      db.transaction(async (tx) => {
        await lockStarting(tx, this.#parts);
        return work(tx);
      }),
    );
  }

  /** For what stays in force in any case: where it cannot be counted now, the row that is left says that it must be. */
  async countOrLeave(change: StartingChange): Promise<void> {
    await this.count(change).catch(this.#parts.failed);
  }

  #record(change: StartingChange, part: string, changes: readonly CounterChange[]): AdminRecord {
    const { tenant, environment } = this.#parts;
    const { id, action, actor } = change;
    return {
      t: "admin",
      id: this.#idOf(change, part),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action,
      subject: id,
      before: null,
      after: null,
      counters: changes.map(({ limitId, windowId, amount }) => ({
        limit: limitId,
        window: windowId,
        amount: amount.toString(),
      })),
    };
  }

  /** The same whoever makes it: a UUID of version 8, with what it is about in it. */
  #idOf({ id, version, session }: StartingChange, part: string): string {
    const { tenant, environment } = this.#parts;
    const name = JSON.stringify([tenant, environment, id, version, session, part]);
    const hash = createHash("sha256").update(`starting counters ${name}`).digest("hex");
    return `${hash.slice(0, 12)}8${hash.slice(13, 16)}8${hash.slice(17, 32)}`;
  }
}

/** By the counter, so that who tries again finds the same parts. */
function partsOf(changes: readonly CounterChange[]): Map<string, CounterChange[]> {
  const digits = Math.ceil(Math.log(Math.max(1, changes.length / COUNTERS_A_RECORD)) / Math.log(16));
  const parts = new Map<string, CounterChange[]>();
  for (const change of changes) {
    const part = digits === 0 ? "" : createHash("sha256").update(change.limitId).digest("hex").slice(0, digits);
    const list = parts.get(part);
    if (list === undefined) parts.set(part, [change]);
    else list.push(change);
  }
  return parts;
}

function changeOf({ limit, window, amount }: CounterMove, sign: bigint): CounterChange {
  return { limitId: limit, windowId: window, amount: BigInt(amount) * sign };
}
