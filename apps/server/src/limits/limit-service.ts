import { randomUUIDv7 } from "node:crypto";
import { parseScope, type LimitAnswer, type LimitCreate, type LimitUpdate } from "@tollhouse/contract";
import type { Limit, LimitSnapshot } from "@tollhouse/engine";
import {
  deleteLimit,
  insertLimit,
  readLimits,
  updateLimit,
  type AdminRecord,
  type CounterChange,
  type Counters,
  type CounterState,
  type Database,
  type LedgerKeys,
  type MemoryCounterStore,
  type Queryable,
  type Spool,
  type Starting,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import { limitState } from "../gateway/refusal.ts";
import { describe, fallbackOf, ledgerText, newLimit, parseAmount } from "./limit-text.ts";
import { missedByLimit } from "./recorded-amounts.ts";
import { changedLimits, withStored } from "./refreshed-limits.ts";
import type { StartingAmounts } from "./starting-amounts.ts";
import type { StartingChange, StartingCounters } from "./starting-counters.ts";
import { withSpent, type SpentParts } from "./with-spent.ts";

export interface LimitServiceParts extends SpentParts {
  readonly db: Database;
  readonly spool: Spool;
  readonly counters: MemoryCounterStore;
  /** The same, or those that several nodes share: how they stand. */
  readonly standing: Pick<Counters, "look">;
  /** Where several processes count; else every limit starts with what this process knows. */
  readonly starting?: StartingCounters;
  readonly keys: LedgerKeys;
  readonly first: LimitSnapshot;
  /** All limits as the database has them, as the snapshot of this version. */
  compile(from: Queryable, version: number): Promise<LimitSnapshot>;
}

/** Limits of one environment: holds the snapshot in force, and is the only code that changes it. */
export class LimitService {
  readonly #parts: LimitServiceParts;
  #snapshot: LimitSnapshot;
  /** Changes run one after another: each starts from the snapshot that the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: LimitServiceParts) {
    this.#parts = parts;
    this.#snapshot = parts.first;
  }

  get snapshot(): LimitSnapshot {
    return this.#snapshot;
  }

  async get(id: string): Promise<LimitAnswer> {
    return await this.#answer(this.#find(id));
  }

  /** Those of the ids that are limits, all as they stand at one time. */
  async answers(ids: readonly string[]): Promise<readonly LimitAnswer[]> {
    const limits = ids.flatMap((id) => this.#snapshot.byId(id) ?? []);
    const states = await this.#parts.standing.look(limits, this.#parts.now());
    return states.map((state, i) => ({ ...describe(limits[i] ?? state.limit), state: limitState(state) }));
  }

  /**
   * The limit counts what its scope has used in the window already (docs/adr/0002). In force, and its entry in the ledger's
   * spool, when this resolves.
   */
  create(input: LimitCreate, actor: string): Promise<LimitAnswer> {
    const { starting } = this.#parts;
    if (starting !== undefined) return this.#createTogether(newLimit(input), actor, starting);
    return this.#inTurn(async () => {
      const limit = newLimit(input);
      await this.#assertReadable(limit);
      await this.#putInForce(limit, actor);
      await this.#orTakeBack(
        () => insertLimit(this.#parts.db, this.#parts, limit),
        () => {
          this.#snapshot = this.#snapshot.without(limit.id);
          return this.#record("limit.delete", actor, limit, null);
        },
      );
      return this.#answer(limit);
    });
  }

  /** In force first, and counted once every process has it; where they cannot say so in time it was never made. */
  async #createTogether(limit: Limit, actor: string, starting: StartingCounters): Promise<LimitAnswer> {
    const { db } = this.#parts;
    const change = this.#startingOf(limit, limit.version, null, actor);
    await this.#inTurn(async () => {
      await this.#assertReadable(limit);
      await this.#record("limit.create", actor, null, limit);
      await this.#orTakeBack(
        () =>
          db.transaction(async (tx) => {
            await insertLimit(tx, this.#parts, limit);
            await starting.begin(tx, change);
          }),
        () => this.#record("limit.delete", actor, limit, null),
      );
      this.#snapshot = this.#snapshot.with(limit);
    });
    await starting.count(change).catch(async (error: unknown) => {
      await this.#inTurn(() => this.#neverMade(limit, actor, starting, change));
      throw error;
    });
    return this.#answer(limit);
  }

  async #neverMade(limit: Limit, actor: string, starting: StartingCounters, change: StartingChange): Promise<void> {
    const { db } = this.#parts;
    await db.transaction(async (tx) => {
      await deleteLimit(tx, this.#parts, limit.id, limit.version);
      await starting.forget(tx, change);
    });
    this.#snapshot = this.#snapshot.without(limit.id);
    await this.#record("limit.delete", actor, limit, null);
  }

  /** What a process that ended in between has not counted: nothing, where the limit is gone since. */
  abandoned({ id, version, session }: Starting): StartingChange | null {
    const call = { dimensions: { session: session ?? "" }, model: "", provider: "", key: null };
    const limit =
      session === null ? this.#snapshot.byId(id) : this.#snapshot.match(call).find(({ derived }) => derived);
    return limit === undefined ? null : { ...this.#startingOf(limit, version, session, "installation"), id };
  }

  #startingOf(limit: Limit, version: number, session: string | null, actor: string): StartingChange {
    const behind = (): Promise<readonly CounterChange[]> => missedByLimit(this.#parts, limit, this.#parts.now());
    return { id: limit.id, version, session, slots: null, action: "limit.count", actor, behind };
  }

  update(id: string, input: LimitUpdate, actor: string, ifMatch: IfMatch = null): Promise<LimitAnswer> {
    return this.#inTurn(async () => {
      const old = this.#changeable(id);
      assertMatch(ifMatch, id, old.version);
      if (input.version !== undefined && input.version !== old.version)
        throw new Problem("VERSION_CONFLICT", `${id} is at version ${old.version}, not ${input.version}`);
      const limit: Limit = {
        ...old,
        amount: input.amount === undefined ? old.amount : parseAmount(old.measure, input.amount),
        mode: input.mode ?? old.mode,
        version: old.version + 1,
      };
      await this.#assertReadable(old);
      // Recorded first: a spool that takes nothing must not leave the database with a change that is not in force.
      await this.#record("limit.update", actor, old, limit);
      const { amount, mode } = limit;
      await this.#orTakeBack(
        () => updateLimit(this.#parts.db, this.#parts, id, { amount, mode, version: old.version }),
        () => this.#record("limit.update", actor, limit, old),
      );
      this.#parts.counters.changeLimit(limit);
      this.#snapshot = this.#snapshot.with(limit);
      return this.#answer(limit);
    });
  }

  /**
   * Where the session falls back to its default budget, that budget counts what the session has spent meanwhile: deleting a limit
   * forgets nothing.
   */
  async remove(id: string, actor: string, ifMatch: IfMatch = null): Promise<void> {
    const left = await this.#inTurn(() => this.#remove(id, actor, ifMatch));
    if (left !== null) await this.#parts.starting?.countOrLeave(left);
  }

  async #remove(id: string, actor: string, ifMatch: IfMatch): Promise<StartingChange | null> {
    const old = this.#changeable(id);
    assertMatch(ifMatch, id, old.version);
    const next = this.#snapshot.without(id);
    const fallback = fallbackOf(old, next);
    const { starting } = this.#parts;
    if (fallback !== null && starting !== undefined) return this.#removeTogether(old, fallback, actor, starting);
    if (fallback === null) await this.#record("limit.delete", actor, old, null);
    else await this.#fallBack(old, fallback, next, actor);
    await this.#orTakeBack(
      () => deleteLimit(this.#parts.db, this.#parts, id, old.version),
      () => {
        this.#snapshot = this.#snapshot.with(old);
        return this.#record("limit.create", actor, null, old);
      },
    );
    this.#snapshot = this.#snapshot.without(id);
    return null;
  }

  async #removeTogether(
    old: Limit,
    fallback: Limit,
    actor: string,
    starting: StartingCounters,
  ): Promise<StartingChange> {
    const session = parseScope(old.scope)?.value ?? "";
    const change = { ...this.#startingOf(fallback, old.version + 1, session, actor), id: old.id };
    await this.#record("limit.delete", actor, old, null);
    await this.#orTakeBack(
      () =>
        this.#parts.db.transaction(async (tx) => {
          await deleteLimit(tx, this.#parts, old.id, old.version);
          await starting.begin(tx, change);
        }),
      () => this.#record("limit.create", actor, null, old),
    );
    this.#snapshot = this.#snapshot.without(old.id);
    return change;
  }

  /** What the database has now of these limits (null: of all), whichever process changed them. In force when this resolves. */
  refresh(from: Queryable, ids: readonly string[] | null): Promise<void> {
    return this.#inTurn(async () => {
      const old = this.#snapshot;
      const next =
        ids === null
          ? await this.#parts.compile(from, old.version + 1)
          : withStored(old, ids, await readLimits(from, this.#parts, ids));
      for (const limit of changedLimits(old, next, ids)) this.#parts.counters.changeLimit(limit);
      this.#snapshot = next;
    });
  }

  #fallBack(old: Limit, fallback: Limit, next: LimitSnapshot, actor: string): Promise<void> {
    const { counters } = this.#parts;
    const before = this.#snapshot;
    return withSpent(this.#parts, fallback, async (sums) => {
      const added = new Map<string, bigint>();
      for (const [windowId, amount] of sums) {
        added.set(windowId, amount - counters.read(fallback, this.#parts.now()).settled);
        counters.seed(fallback.id, windowId, amount);
      }
      this.#snapshot = next;
      await this.#record("limit.delete", actor, old, null, { limit: fallback.id, sums: added }).catch(
        (error: unknown) => {
          // Not in the ledger: the limit was never deleted, and must go on holding. Nor is what its fallback was to count: the next try
          // would find it counted, and not tell the ledger.
          this.#snapshot = before;
          for (const [windowId, amount] of added)
            counters.seed(fallback.id, windowId, counters.settledIn(fallback.id, windowId) - amount);
          throw error;
        },
      );
    });
  }

  /** A change that the database refuses was never answered as made: it is taken back, and the ledger says so too. */
  async #orTakeBack(change: () => Promise<unknown>, takeBack: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      await takeBack();
      throw error;
    }
  }

  #putInForce(limit: Limit, actor: string): Promise<void> {
    return withSpent(this.#parts, limit, async (sums) => {
      for (const [windowId, amount] of sums) this.#parts.counters.seed(limit.id, windowId, amount);
      this.#snapshot = this.#snapshot.with(limit);
      await this.#record("limit.create", actor, null, limit, { limit: limit.id, sums }).catch((error: unknown) => {
        // Not in the ledger: it never was.
        this.#snapshot = this.#snapshot.without(limit.id);
        throw error;
      });
    });
  }

  #record(
    action: string,
    actor: string,
    before: Limit | null,
    after: Limit | null,
    counted?: { readonly limit: string; readonly sums: StartingAmounts },
  ): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const subject = (after ?? before) as Limit;
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action,
      subject: subject.id,
      before: before === null ? null : ledgerText(before),
      after: after === null ? null : ledgerText(after),
      ...(counted !== undefined &&
        counted.sums.size > 0 && {
          counters: [...counted.sums].map(([window, amount]) => ({
            limit: counted.limit,
            window,
            amount: amount.toString(),
          })),
        }),
    };
    return spool.append(record);
  }

  #find(id: string): Limit {
    const limit = this.#snapshot.byId(id);
    if (limit === undefined) throw new Problem("NOT_FOUND", `There is no limit ${id.slice(0, 64)}`);
    return limit;
  }

  #changeable(id: string): Limit {
    const limit = this.#find(id);
    if (limit.derived)
      throw new Problem(
        "REQUEST_INVALID",
        `${id} comes from DEFAULT_BUDGET: create a limit for ${limit.scope} instead`,
      );
    return limit;
  }

  async #answer(limit: Limit): Promise<LimitAnswer> {
    const [state] = await this.#parts.standing.look([limit], this.#parts.now());
    return { ...describe(limit), state: limitState(state as CounterState) };
  }

  /** A change whose answer could not say how the limit stands is not made. */
  async #assertReadable(limit: Limit): Promise<void> {
    await this.#parts.standing.look([limit], this.#parts.now());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
