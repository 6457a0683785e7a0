import { randomUUIDv7 } from "node:crypto";
import type { BlockAnswer, LimitState } from "@tollhouse/contract";
import type { Limit } from "@tollhouse/engine";
import type { AdminRecord, MemoryCounterStore, Spool } from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import { formatMeasure, limitState } from "../gateway/refusal.ts";
import type { LimitService } from "../limits/limit-service.ts";
import type { BlockService } from "./block-service.ts";

export interface SessionServiceParts {
  readonly blocks: Pick<BlockService, "frozen">;
  readonly limits: Pick<LimitService, "snapshot">;
  readonly counters: MemoryCounterStore;
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

  get(session: string): SessionAnswer {
    const frozen = this.#parts.blocks.frozen(session);
    const active = frozen?.state === "active";
    return {
      session,
      state: active ? "frozen" : "active",
      frozen: active ? withoutScope(frozen) : null,
      budgets: this.#budgets(session).map((limit) => this.#budget(limit)),
    };
  }

  /**
   * A new start for the session's default budget: what it has settled is taken back by an entry of the ledger, so that the counter is
   * the fold of the entries as before (docs/adr/0008). Running calls keep what they hold, and settle into the new start.
   */
  async reset(session: string, actor: string): Promise<SessionAnswer> {
    const limit = this.#budgets(session).find((own) => own.derived);
    if (limit === undefined)
      throw new Problem(
        "REQUEST_INVALID",
        "The session has no default budget to start anew: change the limit that it has of its own",
      );
    const { counters } = this.#parts;
    // Read and set in one turn: no call can settle between them.
    const { settled, window } = counters.read(limit, this.#parts.now());
    counters.seed(limit.id, window.id, 0n);
    try {
      await this.#record(session, actor, limit, window.id, settled);
    } catch (error) {
      // Not in the ledger: it never was. What settled meanwhile stays.
      counters.seed(limit.id, window.id, counters.read(limit, this.#parts.now()).settled + settled);
      throw error;
    }
    return this.get(session);
  }

  #budgets(session: string): readonly Limit[] {
    const call = { dimensions: { session }, model: "", provider: "", key: null };
    const scope = `session:${session}`;
    return this.#parts.limits.snapshot.match(call).filter((limit) => limit.scope === scope && limit.measure === "usd");
  }

  #budget(limit: Limit): SessionBudget {
    return {
      limit_id: limit.id,
      amount: formatMeasure(limit.amount, limit.measure),
      window: limit.window,
      mode: limit.mode,
      default: limit.derived,
      ...limitState(this.#parts.counters.read(limit, this.#parts.now())),
    };
  }

  #record(session: string, actor: string, limit: Limit, window: string, settled: bigint): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const text = (amount: bigint): string =>
      JSON.stringify({ limit: limit.id, window, settled: formatMeasure(amount, limit.measure) });
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action: "session.reset",
      subject: session,
      before: text(settled),
      after: text(0n),
      ...(settled > 0n && { counters: [{ limit: limit.id, window, amount: (-settled).toString() }] }),
    };
    return spool.append(record);
  }
}

function withoutScope({ id, reason, operator, created_at, expires_at }: BlockAnswer): SessionAnswer["frozen"] {
  return { id, reason, operator, created_at, expires_at };
}
