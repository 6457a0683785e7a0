import { randomUUIDv7 } from "node:crypto";
import { parseScope, type LimitAnswer, type LimitCreate, type LimitUpdate, type Measure } from "@tollhouse/contract";
import { parseUsd, parseWhole, type Limit, type LimitSnapshot } from "@tollhouse/engine";
import {
  deleteLimit,
  insertLimit,
  readLimits,
  updateLimit,
  type AdminRecord,
  type Counters,
  type CounterState,
  type Database,
  type MemoryCounterStore,
  type Queryable,
  type Recorder,
  type Spool,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import { formatMeasure, limitState } from "../gateway/refusal.ts";
import { changedLimits, withStored } from "./refreshed-limits.ts";
import type { SettledCall, SettledTap } from "./settled-tap.ts";
import { addSettled, type StartingAmounts } from "./starting-amounts.ts";

export interface LimitServiceParts {
  readonly db: Database;
  /** What the limit's scope used in the window at `nowMs`, by window id; of `ended` only what the database does not hold yet is added. */
  startingAmounts(limit: Limit, nowMs: number, ended: readonly SettledCall[]): Promise<RecordedAmounts>;
  readonly spool: Spool;
  readonly recorder: Recorder;
  readonly counters: MemoryCounterStore;
  /** The same, or those that several nodes share: how they stand. */
  readonly standing: Pick<Counters, "look">;
  readonly tap: SettledTap;
  readonly tenant: string;
  readonly environment: string;
  readonly first: LimitSnapshot;
  /** All limits as the database has them, as the snapshot of this version. */
  compile(from: Queryable, version: number): Promise<LimitSnapshot>;
  now(): number;
}

/** Sums as the database had them at one instant, and which of the calls that ended meanwhile are inside them. */
export interface RecordedAmounts {
  readonly sums: StartingAmounts;
  readonly inside: ReadonlySet<string>;
}

const RECORDER_WAIT_MS = 10_000;

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
    return this.#inTurn(async () => {
      const limit: Limit = {
        id: `lim_${randomUUIDv7().replaceAll("-", "")}`,
        scope: input.scope,
        measure: input.measure,
        amount: parseAmount(input.measure, input.amount),
        window: input.window,
        timeZone: input.time_zone ?? "UTC",
        mode: input.mode,
        version: 1,
        derived: false,
      };
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
  remove(id: string, actor: string, ifMatch: IfMatch = null): Promise<void> {
    return this.#inTurn(async () => {
      const old = this.#changeable(id);
      assertMatch(ifMatch, id, old.version);
      const next = this.#snapshot.without(id);
      const fallback = fallbackOf(old, next);
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
    });
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
    return this.#withSpent(fallback, async (sums) => {
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
    return this.#withSpent(limit, async (sums) => {
      for (const [windowId, amount] of sums) this.#parts.counters.seed(limit.id, windowId, amount);
      this.#snapshot = this.#snapshot.with(limit);
      await this.#record("limit.create", actor, null, limit, { limit: limit.id, sums }).catch((error: unknown) => {
        // Not in the ledger: it never was.
        this.#snapshot = this.#snapshot.without(limit.id);
        throw error;
      });
    });
  }

  /**
   * Gives `turn` what the limit's scope has used in its window. Until its first `await` it runs in one turn in which no call can end
   * unseen by both the sums and the snapshot that it puts in force.
   */
  async #withSpent(limit: Limit, turn: (sums: StartingAmounts) => Promise<void>): Promise<void> {
    const { tap, recorder } = this.#parts;
    const ended = tap.listen();
    try {
      await within(recorder.drained(), RECORDER_WAIT_MS);
      const recorded = await this.#parts.startingAmounts(limit, this.#parts.now(), ended);
      const { tenant, environment } = this.#parts;
      const missing = ended.filter(
        (call) => call.tenant === tenant && call.environment === environment && !recorded.inside.has(call.decision),
      );
      await turn(addSettled(limit, recorded.sums, missing));
    } finally {
      tap.stop(ended);
    }
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

/** The default budget that a session has again without its own limit; null = it has another, or the limit was no such one. */
function fallbackOf(old: Limit, without: LimitSnapshot): Limit | null {
  const scope = parseScope(old.scope);
  if (scope?.kind !== "session" || old.measure !== "usd") return null;
  const call = { dimensions: { session: scope.value }, model: "", provider: "", key: null };
  return without.match(call).find((limit) => limit.derived) ?? null;
}

/** A user id is erasable, and an entry is not: the ledger names such a limit by its id, the table of limits its user. */
function ledgerText(limit: Limit): string {
  return JSON.stringify({ ...describe(limit), ...(limit.scope.startsWith("user:") && { scope: "user" }) });
}

function describe(limit: Limit): Omit<LimitAnswer, "state"> {
  return {
    id: limit.id,
    scope: limit.scope,
    measure: limit.measure,
    amount: formatMeasure(limit.amount, limit.measure),
    window: limit.window,
    time_zone: limit.timeZone,
    mode: limit.mode,
    version: limit.version,
  };
}

function parseAmount(measure: Measure, text: string): bigint {
  try {
    return measure === "usd" ? parseUsd(text) : parseWhole(text);
  } catch {
    const expected = measure === "usd" ? "dollars with at most nine places" : `a whole number of ${measure}`;
    throw new Problem("REQUEST_INVALID", `amount: expected ${expected}`, [
      { field: "amount", problem: `expected ${expected}` },
    ]);
  }
}

export async function within(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Problem("LIMITS_UNAVAILABLE", "The ledger is behind, so what was spent is not known yet")),
    ms,
  );
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
