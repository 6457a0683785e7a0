import { randomUUIDv7 } from "node:crypto";
import {
  parseScope,
  type BlockAnswer,
  type BlockCreate,
  type BlockKind,
  type BlockMade,
  type Expiry,
  type KillSwitchPreview,
  type ParsedScope,
  type RunningCall,
  type Scope,
} from "@tollhouse/contract";
import {
  callsInScope,
  listBlocks,
  readBlocks,
  type AdminRecord,
  type Block,
  type Database,
  type LedgerKeys,
  type Queryable,
  type Spool,
} from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import type { Call } from "../gateway/call.ts";
import type { Exchange } from "../gateway/exchange.ts";
import { BLOCK_CODES } from "./block-codes.ts";
import { BlockPages, type BlockPage, type BlockPageAsked } from "./block-pages.ts";
import { messageOf, stoppableOf } from "./block-refusal.ts";
import { isExpired, scopeHits, scopeOf, type BlockSnapshot } from "./block-snapshot.ts";

export interface BlockServiceParts {
  readonly db: Database;
  readonly keys: LedgerKeys;
  readonly spool: Pick<Spool, "append">;
  readonly tenant: string;
  readonly environment: string;
  readonly first: BlockSnapshot;
  /** Calls under way: those that a new block hits are ended. */
  readonly running: Iterable<Exchange>;
  now(): number;
}

interface Change {
  readonly actor: string;
  readonly before: Block | null;
  readonly after: Block | null;
}

const ID_PREFIX: { readonly [K in BlockKind]: string } = {
  kill_switch: "kill_",
  blocklist: "blk_",
  frozen_session: "frz_",
};

const ACTIONS: { readonly [K in BlockKind]: readonly [made: string, lifted: string] } = {
  kill_switch: ["kill_switch.activate", "kill_switch.deactivate"],
  blocklist: ["block.create", "block.delete"],
  frozen_session: ["session.freeze", "session.unfreeze"],
};

const NAMES: { readonly [K in BlockKind]: string } = {
  kill_switch: "kill switch",
  blocklist: "block",
  frozen_session: "frozen session",
};

const EVERYTHING: ParsedScope = { kind: "org", value: "" };
const HOUR_MS = 3_600_000;
/** Expired ones are listed for this long after a start. */
export const EXPIRED_LISTED_MS = 30 * 24 * HOUR_MS;
export const RUNNING_SHOWN_MAX = 100;

/** Kill switches, blocklist and frozen sessions of one environment: holds what is in force, and is the only code that changes it. */
export class BlockService {
  readonly #parts: BlockServiceParts;
  readonly #pages = new BlockPages();
  #snapshot: BlockSnapshot;
  /** Changes run one after another: each starts from the snapshot that the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: BlockServiceParts) {
    this.#parts = parts;
    this.#snapshot = parts.first;
  }

  get snapshot(): BlockSnapshot {
    return this.#snapshot;
  }

  /** Calls of this environment at a provider now. */
  get runningCalls(): number {
    return this.#running(EVERYTHING).length;
  }

  /** Expired ones included, by id: the oldest first. */
  list(kind: BlockKind): BlockAnswer[] {
    const blocks = [...this.#snapshot.all(kind)].sort((a, b) => (a.id < b.id ? -1 : 1));
    return blocks.map((block) => this.#answer(block));
  }

  /** A page of them, the newest first. However many there are, it costs what it shows. */
  page(kind: BlockKind, asked: BlockPageAsked): BlockPage<BlockAnswer> {
    const { blocks, next_cursor } = this.#pages.page(this.#snapshot, kind, asked);
    return { blocks: blocks.map((block) => this.#answer(block)), next_cursor };
  }

  get(kind: BlockKind, id: string): BlockAnswer {
    return this.#answer(this.#find(kind, id));
  }

  /** In the spool, durable, and in force when this resolves, also while the database is away; the running calls it hits have been told. */
  create(kind: BlockKind, input: BlockCreate, actor: string): Promise<BlockMade> {
    return this.#inTurn(async () => {
      const block = this.#newBlock(kind, input, actor);
      await this.#change({ actor, before: null, after: block });
      return { ...this.#answer(block), ended_calls: this.#endRunning(block) };
    });
  }

  lift(kind: BlockKind, id: string, actor: string): Promise<void> {
    return this.#inTurn(async () => {
      await this.#change({ actor, before: this.#find(kind, id), after: null });
    });
  }

  /** What freezes this session now, or did last. */
  frozen(session: string): BlockAnswer | null {
    const freezes = this.#freezesOf(session);
    const block = freezes.find((one) => !isExpired(one, this.#parts.now())) ?? freezes.at(-1);
    return block === undefined ? null : this.#answer(block);
  }

  /** A session that is frozen already is frozen anew: with this reason, and until this time. */
  freeze(session: string, input: Expiry & { reason: string }, actor: string): Promise<BlockMade> {
    return this.#inTurn(async () => {
      const block = this.#newBlock("frozen_session", { ...input, scope: `session:${session}` }, actor);
      const [before = null, ...others] = this.#freezesOf(session);
      await this.#change({ actor, before, after: block });
      await this.#liftAll(others, actor);
      return { ...this.#answer(block), ended_calls: this.#endRunning(block) };
    });
  }

  /** False: it was not frozen, and nothing changed. */
  unfreeze(session: string, actor: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const freezes = this.#freezesOf(session);
      await this.#liftAll(freezes, actor);
      return freezes.length > 0;
    });
  }

  /**
   * What the database has now of these blocks (null: of all), whichever process changed them; running calls that a new one hits are ended.
   * A block is made once and lifted once: one that was lifted here stays so while its row is on its way, and one that was made here
   * stays in force.
   */
  refresh(from: Queryable, ids: readonly string[] | null): Promise<void> {
    return this.#inTurn(async () => {
      const stored = await this.#stored(from, ids);
      const made = stored.blocks.filter(({ id }) => !this.#snapshot.knows(id));
      let next = this.#snapshot;
      for (const block of made) {
        this.#pages.add(block);
        next = next.with(block);
      }
      for (const id of stored.lifted) {
        const block = next.byId(id);
        if (block !== null) next = next.without(block);
      }
      this.#snapshot = next;
      for (const block of made) if (!isExpired(block, this.#parts.now())) this.#endRunning(block);
    });
  }

  async preview(scope: Scope): Promise<KillSwitchPreview> {
    const { db, keys } = this.#parts;
    const calls = await callsInScope(db, keys, this.#parts, scope, this.#parts.now() - HOUR_MS);
    const running = this.#running(parseScope(scope) as ParsedScope).map(({ call }) => runningCall(call));
    running.sort((a, b) => (a.decision < b.decision ? -1 : 1));
    return {
      scope,
      calls_last_hour: calls,
      running_calls: running.length,
      running: running.slice(0, RUNNING_SHOWN_MAX),
    };
  }

  /**
   * In the spool, then in force: a stop works while the database is away, and nothing is ever in force that a restart would forget.
   * The recorder writes the row with the entry, and a start waits for the recorder before it reads the rows.
   */
  async #change(change: Change): Promise<void> {
    const { before, after } = change;
    await this.#record(change);
    let next = this.#snapshot;
    if (after !== null) {
      this.#pages.add(after);
      next = next.with(after);
    }
    if (before !== null) next = next.without(before);
    this.#snapshot = next;
  }

  async #liftAll(blocks: readonly Block[], actor: string): Promise<void> {
    for (const before of blocks) await this.#change({ actor, before, after: null });
  }

  async #stored(from: Queryable, ids: readonly string[] | null): ReturnType<typeof readBlocks> {
    if (ids !== null) return readBlocks(from, this.#parts, ids);
    const blocks: Block[] = [];
    for await (const block of listBlocks(from, this.#parts, this.#parts.now() - EXPIRED_LISTED_MS)) blocks.push(block);
    const listed = new Set(blocks.map(({ id }) => id));
    const others = [...this.#snapshot.everything()].map(({ id }) => id).filter((id) => !listed.has(id));
    return { blocks, lifted: (await readBlocks(from, this.#parts, others)).lifted };
  }

  /** Those that are not sent yet look for themselves before they are (call.ts). */
  #endRunning(block: Block): number {
    const hit = this.#running(scopeOf(block));
    for (const exchange of hit) exchange.cut(BLOCK_CODES[block.kind], messageOf(block));
    return hit.length;
  }

  #running(scope: ParsedScope): Exchange[] {
    const { running, tenant, environment } = this.#parts;
    return [...running].filter(
      ({ call }) =>
        call.sentAt > 0 &&
        !call.ended &&
        call.identity.tenant === tenant &&
        call.identity.environment === environment &&
        scopeHits(scope, stoppableOf(call)),
    );
  }

  #newBlock(kind: BlockKind, input: BlockCreate, actor: string): Block {
    const createdMs = this.#parts.now();
    return {
      id: ID_PREFIX[kind] + randomUUIDv7().replaceAll("-", ""),
      kind,
      scope: input.scope,
      reason: input.reason,
      operator: actor,
      createdMs,
      expiresMs: expiresMs(input, createdMs),
    };
  }

  #find(kind: BlockKind, id: string): Block {
    const block = this.#snapshot.byId(id);
    if (block?.kind === kind) return block;
    throw new Problem("NOT_FOUND", `There is no ${NAMES[kind]} ${id.slice(0, 64)}`);
  }

  /** More than one where two processes froze it in the same moment, as their anomaly rules do. */
  #freezesOf(session: string): readonly Block[] {
    return this.#snapshot.on("frozen_session", `session:${session}`);
  }

  #answer(block: Block): BlockAnswer {
    return { ...describe(block), state: isExpired(block, this.#parts.now()) ? "expired" : "active" };
  }

  #record({ actor, before, after }: Change): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const subject = (after ?? before) as Block;
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action: ACTIONS[subject.kind][after === null ? 1 : 0],
      subject: subject.id,
      before: before === null ? null : ledgerText(before),
      after: after === null ? null : ledgerText(after),
      block: { environment, lifted: before?.id ?? null, made: after },
    };
    return spool.append(record);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function describe(block: Block): Omit<BlockAnswer, "state"> {
  const { id, scope, reason, operator, createdMs } = block;
  return {
    id,
    scope,
    reason,
    operator,
    created_at: new Date(createdMs).toISOString(),
    expires_at: block.expiresMs === null ? null : new Date(block.expiresMs).toISOString(),
  };
}

/** A user is not named in the ledger, which cannot forget: the id leads to the row that can. */
function ledgerText(block: Block): string {
  const { kind } = scopeOf(block);
  return JSON.stringify({ kind: block.kind, ...describe(block), ...(kind === "user" && { scope: "user" }) });
}

function expiresMs({ expires_in, expires_at }: Expiry, nowMs: number): number | null {
  if (expires_in !== undefined) return nowMs + expires_in * 1_000;
  if (expires_at === undefined) return null;
  const ms = Date.parse(expires_at);
  if (ms > nowMs) return ms;
  const problem = "expected a time in the future";
  throw new Problem("REQUEST_INVALID", `expires_at: ${problem}`, [{ field: "expires_at", problem }]);
}

function runningCall({ decision, provider, facts, identity, startedMs }: Call): RunningCall {
  return {
    decision: `dec_${decision}`,
    provider,
    model: facts.model,
    session: identity.dimensions.session ?? null,
    agent: identity.dimensions.agent ?? null,
    started_at: new Date(startedMs).toISOString(),
  };
}
