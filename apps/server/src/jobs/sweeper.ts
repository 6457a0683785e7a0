import type { Amounts } from "@tollhouse/engine";
import { decodeFields, ENTRY_FLAGS, type CounterAmount } from "@tollhouse/ledger";
import {
  aliveNodes,
  callsLeftOpen,
  CountersUnavailable,
  environmentOfLimits,
  findEntry,
  forgetEndedCalls,
  openCallsByDecision,
  type CallAtNode,
  type Database,
  type ExpireResult,
  type HeldReservation,
  type Recorder,
  type SharedCounters,
  type SharedCounterStore,
  type Spool,
} from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";
import { sweptRecord } from "./swept-record.ts";

export interface SweeperParts {
  /** As the installation. */
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  readonly recorder: Pick<Recorder, "drained">;
  readonly shared: Pick<SharedCounters, "of">;
  /** May this node count? The fence says. */
  admitting(): boolean;
  /** Is it this node's turn? Two at once do no harm: each step is idempotent by the call's id. */
  mine(): boolean;
  /** Ids of all tenants. */
  tenants(): readonly string[];
  readonly logger: Pick<Logger, "warning">;
  now(): number;
  readonly everyMs?: number;
  /** A node that was not heard of for so long does not count as alive. */
  readonly goneSeconds?: number;
}

export interface Sweeper {
  close(): Promise<void>;
}

const EVERY_MS = 2_000;
/** As long as a reservation is held without a word of its owner. */
const GONE_SECONDS = 30;
/** Whoever lives and has not ended or kept alive a reservation for so long has forgotten it. */
const FORGOTTEN_MS = 3_600_000;
/** A process that was stopped meanwhile must not act on what it saw before. */
const SEEN_FOR_MS = 5_000;
const OVERDUE_AT_ONCE = 1_000;
const CALLS_AT_ONCE = 16;
const TENANTS_AT_ONCE = 16;
const FORGET_EVERY_MS = 3_600_000;
/** The spool of a node that comes back after that is not read against what was swept. */
const FORGET_DAYS = 90;

/** What nodes that did not come back had under way gets its end: in the counters, and in the ledger through this node's spool. */
export function startSweeper(parts: SweeperParts): Sweeper {
  const closing = Promise.withResolvers<void>();
  let closed = false;
  let forgotAt = -Infinity;
  const rounds = (async (): Promise<void> => {
    while (!closed) {
      try {
        if (parts.admitting() && parts.mine()) await new SweepRound(parts, closing.promise).run();
        if (parts.mine() && performance.now() - forgotAt > FORGET_EVERY_MS) {
          await forgetEndedCalls(parts.db, FORGET_DAYS);
          forgotAt = performance.now();
        }
      } catch (error) {
        if (!(error instanceof CountersUnavailable))
          parts.logger.warning("calls of nodes that are gone could not be ended, and are looked at again", {
            error: error instanceof Error ? error : new Error(String(error)),
          });
      }
      await pause(parts.everyMs ?? EVERY_MS, closing.promise);
    }
  })();
  return {
    close: () => {
      closed = true;
      closing.resolve();
      return rounds;
    },
  };
}

/** One look at everything that is overdue, or was left open. */
class SweepRound {
  readonly #parts: SweeperParts;
  readonly #closing: Promise<void>;
  readonly #ended = new Map<string, Set<string>>();
  #count = 0;

  constructor(parts: SweeperParts, closing: Promise<void>) {
    this.#parts = parts;
    this.#closing = closing;
  }

  async run(): Promise<void> {
    const { db, goneSeconds = GONE_SECONDS } = this.#parts;
    const alive = await aliveNodes(db, goneSeconds);
    await inPortions(this.#parts.tenants(), TENANTS_AT_ONCE, (tenant) => this.#sweepOverdue(tenant, alive));
    const seenAt = performance.now();
    for await (const page of callsLeftOpen(db, goneSeconds))
      await inPortions(page, CALLS_AT_ONCE, (call) => this.#sweepLeft(call, seenAt));
    await this.#confirm();
  }

  /** The counters hold it, and its owner has not said for long that it lives. */
  async #sweepOverdue(tenant: string, alive: ReadonlySet<string>): Promise<void> {
    const counters = this.#parts.shared.of(tenant);
    const nowMs = this.#parts.now();
    const overdue = (await counters.overdue(nowMs, OVERDUE_AT_ONCE)).filter(
      // Clocks of nodes may differ: by PostgreSQL's alone is one of them gone.
      ({ owner, expired, deadlineMs }) => expired || !alive.has(owner) || deadlineMs < nowMs - FORGOTTEN_MS,
    );
    const calls = await openCallsByDecision(
      this.#parts.db,
      overdue.map(({ id }) => id),
    );
    await inPortions(overdue, CALLS_AT_ONCE, async (held) => {
      const atNode = calls.get(held.id) ?? null;
      if (await this.#isKept(counters, atNode)) return;
      if (atNode === null && (await this.#isRecorded(tenant, held))) return;
      const became = await counters.expire(held.id, nowMs);
      // Who told the counters of another end writes it down; of one that is young, nobody else knows.
      if (became.outcome !== "expired") return;
      const environment = atNode?.intent.environment ?? (await this.#environmentOf(tenant, held));
      await this.#end(tenant, held.id, atNode, environment, became);
    });
  }

  /** It ended, and only the counters were not told any more: they are told what is written down. */
  async #isRecorded(tenant: string, { id, held }: HeldReservation): Promise<boolean> {
    const found = await findEntry(this.#parts.db, tenant, id);
    if (found === null) return false;
    const counters = this.#parts.shared.of(tenant);
    if ((found.entry.flags & ENTRY_FLAGS.swept) !== 0) await counters.expire(id, this.#parts.now());
    else if (found.entry.usageSource === "none") await counters.release(id);
    else await counters.settle(id, countedBy(decodeFields(found.entry.fields).counters ?? [], held));
    this.#confirmLater(tenant, id);
    return true;
  }

  #environmentOf(tenant: string, { held }: HeldReservation): Promise<string | null> {
    const limits = held.map(({ limitId }) => limitId);
    return environmentOfLimits(this.#parts.db, tenant, limits);
  }

  /** The database has it open, and its node is gone: the counters may never have held it, or know its end better. */
  async #sweepLeft(call: CallAtNode, seenAt: number): Promise<void> {
    const { intent } = call;
    const { tenant, decision, environment } = intent;
    // Its record is on its way to the database.
    if (this.#ended.get(tenant)?.has(decision) === true) return;
    const counters = this.#parts.shared.of(tenant);
    if (await this.#isKept(counters, call)) return;
    const became = await counters.expire(decision, this.#parts.now());
    if (became.outcome === "kept") return;
    // Recorded at another node, which writes it down.
    if (intent.expiresMs !== undefined && became.outcome === "settled") return;
    if (became.outcome !== "expired" && performance.now() - seenAt > SEEN_FOR_MS) return;
    await this.#end(tenant, decision, call, environment, became);
  }

  /** A check is anybody's to record until its time is over. */
  async #isKept(counters: SharedCounterStore, atNode: CallAtNode | null): Promise<boolean> {
    const expiresMs = atNode?.intent.expiresMs;
    if (expiresMs === undefined || expiresMs <= this.#parts.now()) return false;
    await counters.keepAlive([atNode?.intent.decision ?? ""], expiresMs);
    return true;
  }

  async #end(
    tenant: string,
    decision: string,
    atNode: CallAtNode | null,
    environment: string | null,
    became: ExpireResult,
  ): Promise<void> {
    const record = sweptRecord({ tenant, decision, atNode, environment, became }, this.#parts.now());
    await this.#parts.spool.append(record);
    if (record.end === "released") await this.#parts.shared.of(tenant).release(decision);
    this.#count += 1;
    this.#confirmLater(tenant, decision);
  }

  #confirmLater(tenant: string, decision: string): void {
    const ended = this.#ended.get(tenant);
    if (ended === undefined) this.#ended.set(tenant, new Set([decision]));
    else ended.add(decision);
  }

  /** Not before it is in the ledger: whoever dies in between is followed by another who does it again. */
  async #confirm(): Promise<void> {
    if (this.#ended.size === 0) return;
    const { recorder, shared, logger } = this.#parts;
    if (this.#count > 0) logger.warning("calls of nodes that did not come back were ended", { calls: this.#count });
    const drained = recorder.drained().then(() => true);
    if (!(await Promise.race([drained, this.#closing.then(() => false)]))) return;
    for (const [tenant, decisions] of this.#ended) await shared.of(tenant).confirmExpired([...decisions]);
  }
}

/** What an entry counts, as an end of the reservation says it. */
function countedBy(counted: readonly CounterAmount[], held: HeldReservation["held"]): Amounts {
  const used = { usd: 0n, tokens: 0n, requests: 0n };
  for (const { limitId, measure } of held)
    used[measure] = counted.find((counter) => counter.limitId === limitId)?.amount ?? used[measure];
  return used;
}

async function inPortions<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += atOnce) await Promise.all(items.slice(at, at + atOnce).map(work));
}

function pause(ms: number, early: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void early.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
