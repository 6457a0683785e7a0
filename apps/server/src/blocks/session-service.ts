import { randomUUIDv7 } from "node:crypto";
import type { BlockAnswer, LimitState } from "@tollhouse/contract";
import { countedOn, rollingSlots, windowAt, type Limit } from "@tollhouse/engine";
import {
  type AdminRecord,
  type Counters,
  type CounterState,
  type MemoryCounterStore,
  type Spool,
} from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import { formatMeasure, limitState } from "../gateway/refusal.ts";
import type { LimitService } from "../limits/limit-service.ts";
import type { StartingCounters } from "../limits/starting-counters.ts";
import type { PolicyRules } from "../policies/load-policies.ts";
import type { BlockService } from "./block-service.ts";

export interface SessionServiceParts {
  readonly blocks: Pick<BlockService, "frozen">;
  readonly limits: Pick<LimitService, "snapshot">;
  readonly policies: Pick<PolicyRules, "snapshot" | "idOf">;
  readonly counters: MemoryCounterStore;
  /** The same, or those that several nodes share: how they stand. */
  readonly standing: Pick<Counters, "look">;
  /** Where several processes count. */
  readonly starting?: StartingCounters;
  readonly spool: Pick<Spool, "append">;
  readonly tenant: string;
  readonly environment: string;
  now(): number;
}

/** A session as the control API answers it. */
export interface SessionAnswer {
  readonly session: string;
  readonly state: "active" | "frozen";
  /** What freezes it now. */
  readonly frozen: Omit<BlockAnswer, "scope" | "state"> | null;
  /** Its budgets in dollars, its own or the default one. */
  readonly budgets: readonly SessionBudget[];
}

export interface SessionBudget extends LimitState {
  readonly limit_id: string;
  readonly amount: string;
  readonly window: string;
  readonly mode: string;
  /** From DEFAULT_BUDGET: the one that a reset starts anew. */
  readonly default: boolean;
}

/** What operators do with one session: look at it, and start its default budget anew. */
export class SessionService {
  readonly #parts: SessionServiceParts;

  constructor(parts: SessionServiceParts) {
    this.#parts = parts;
  }

  async get(session: string): Promise<SessionAnswer> {
    const frozen = this.#parts.blocks.frozen(session);
    const active = frozen?.state === "active";
    const limits = this.#budgets(session);
    const states = await this.#parts.standing.look(limits, this.#parts.now());
    return {
      session,
      state: active ? "frozen" : "active",
      frozen: active ? withoutScope(frozen) : null,
      budgets: states.map((state, i) => budgetOf(limits[i] ?? state.limit, state)),
    };
  }

  /**
   * A new start for the session's default budget and for every counter that policies have of it: what they have settled is taken back by an
   * entry of the ledger, so that counters are the fold of the entries as before (docs/adr/0008). Running calls keep what they hold, and
   * settle into the new start.
   */
  async reset(session: string, actor: string): Promise<SessionAnswer> {
    const limits = [...this.#budgets(session).filter((own) => own.derived), ...this.#ofPolicies(session)];
    if (limits.length === 0)
      throw new Problem(
        "REQUEST_INVALID",
        "The session has no default budget to start anew: change the limit that it has of its own",
      );
    const { counters, starting } = this.#parts;
    if (starting !== undefined) return this.#resetTogether(session, actor, limits, starting);
    // Read and set in one turn: no call can settle between them.
    const taken = limits.map((limit) => ({ limit, windows: this.#settled(limit) }));
    for (const { limit, windows } of taken) for (const { window } of windows) counters.seed(limit.id, window, 0n);
    try {
      await this.#parts.spool.append(this.#recordOf(session, actor, taken));
    } catch (error) {
      // Not in the ledger: it never was. What settled meanwhile stays.
      for (const { limit, windows } of taken)
        for (const { window, settled } of windows)
          counters.seed(limit.id, window, counters.settledIn(limit.id, window) + settled);
      throw error;
    }
    return this.get(session);
  }

  /** What every process had ended when it was asked for; what ends meanwhile is in the new start. */
  async #resetTogether(
    session: string,
    actor: string,
    limits: readonly Limit[],
    starting: StartingCounters,
  ): Promise<SessionAnswer> {
    await starting.appendRecorded(async () => {
      const ids = limits.map(({ id }) => id);
      const windows = new Set(limits.flatMap((limit) => this.#windows(limit)));
      const sums = await starting.settled(ids, [...windows]);
      const taken = limits.map((limit) => ({
        limit,
        windows: sums
          .filter(({ limitId, settled }) => limitId === limit.id && settled !== 0n)
          .map(({ windowId: window, settled }) => ({ window, settled })),
      }));
      await starting.append(this.#recordOf(session, actor, taken));
    });
    return this.get(session);
  }

  /** Whichever policy holds a call of the session to which of them (docs/adr/0011). */
  #ofPolicies(session: string): readonly Limit[] {
    const { snapshot, idOf } = this.#parts.policies;
    return snapshot
      .slotsOf({ session })
      .filter(({ scope }) => scope === "session")
      .map((slot) => countedOn(slot, session, idOf));
  }

  #settled(limit: Limit): readonly SettledWindow[] {
    return this.#windows(limit)
      .map((name) => ({ window: name, settled: this.#parts.counters.settledIn(limit.id, name) }))
      .filter(({ settled }) => settled !== 0n);
  }

  /** That of now; of `rolling_24h` each quarter of an hour that counts. */
  #windows({ window, timeZone }: Limit): readonly string[] {
    const nowMs = this.#parts.now();
    const { oldest, current } = rollingSlots(nowMs);
    return window === "rolling_24h"
      ? Array.from({ length: current - oldest + 1 }, (_, i) => String(oldest + i))
      : [windowAt(window, timeZone, nowMs).id];
  }

  #budgets(session: string): readonly Limit[] {
    const call = { dimensions: { session }, model: "", provider: "", key: null };
    const scope = `session:${session}`;
    return this.#parts.limits.snapshot.match(call).filter((limit) => limit.scope === scope && limit.measure === "usd");
  }

  #recordOf(session: string, actor: string, taken: readonly TakenBack[]): AdminRecord {
    const { tenant, environment } = this.#parts;
    const counters = taken.flatMap(({ limit, windows }) =>
      windows.map(({ window, settled }) => ({ limit: limit.id, window, amount: (-settled).toString() })),
    );
    return {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action: "session.reset",
      subject: session,
      before: textOf(taken, sumOf),
      after: textOf(taken, () => 0n),
      ...(counters.length > 0 && { counters }),
    };
  }
}

interface SettledWindow {
  readonly window: string;
  readonly settled: bigint;
}

interface TakenBack {
  readonly limit: Limit;
  /** Those that had settled something. */
  readonly windows: readonly SettledWindow[];
}

function budgetOf(limit: Limit, state: CounterState): SessionBudget {
  return {
    limit_id: limit.id,
    amount: formatMeasure(limit.amount, limit.measure),
    window: limit.window,
    mode: limit.mode,
    default: limit.derived,
    ...limitState(state),
  };
}

function sumOf({ windows }: TakenBack): bigint {
  return windows.reduce((sum, { settled }) => sum + settled, 0n);
}

function textOf(taken: readonly TakenBack[], amountOf: (of: TakenBack) => bigint): string {
  return JSON.stringify({
    limits: taken.map((of) => ({
      id: of.limit.id,
      measure: of.limit.measure,
      window: of.limit.window,
      settled: formatMeasure(amountOf(of), of.limit.measure),
    })),
  });
}

function withoutScope({ id, reason, operator, created_at, expires_at }: BlockAnswer): SessionAnswer["frozen"] {
  return { id, reason, operator, created_at, expires_at };
}
