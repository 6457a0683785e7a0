import { randomUUIDv7 } from "node:crypto";
import type { PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import { compilePolicies, PolicyInvalid, type CompiledPolicy, type PolicySnapshot } from "@tollhouse/engine";
import {
  deletePolicy,
  holdPlan,
  pageOfPolicies,
  PlanMissing,
  policyVersions,
  putPolicy,
  readPolicies,
  readPolicy,
  type AdminRecord,
  type CounterChange,
  type MemoryCounterStore,
  type Queryable,
  type Recorder,
  type Spool,
  type Starting,
  type StoredPolicyVersion,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import { within } from "../limits/within.ts";
import type { StartingChange, StartingCounters } from "../limits/starting-counters.ts";
import type { SettledTap } from "../limits/settled-tap.ts";
import { noPlan } from "./plan-service.ts";
import { policyLedgerText } from "./policy-ledger-text.ts";
import { withStored } from "./refreshed-policies.ts";
import {
  addEnded,
  missedBySlots,
  recordedSpend,
  slotName,
  type CounterSums,
  type NewSlot,
  type SlotSpendParts,
} from "./slot-spend.ts";
import type { Turns } from "../turns.ts";

export interface PolicyServiceParts extends SlotSpendParts {
  readonly spool: Pick<Spool, "append">;
  readonly recorder: Recorder;
  readonly counters: MemoryCounterStore;
  readonly tap: SettledTap;
  readonly first: PolicySnapshot;
  /** All policies as the database has them, as the snapshot of this version. */
  compile(from: Queryable, version: number): Promise<PolicySnapshot>;
  readonly turns: Turns;
  /** Where several processes count; else counters start with what this process knows. */
  readonly starting?: StartingCounters;
  /** Is there such a plan? */
  readonly hasPlan: (name: string) => boolean;
  now(): number;
}

export interface PolicyPage {
  readonly policies: readonly PolicyVersion[];
  readonly next: string | null;
}

interface Change {
  readonly action: string;
  readonly actor: string;
  readonly before: PolicyVersion | null;
  readonly after: PolicyVersion | null;
}

interface Put extends Change {
  readonly after: PolicyVersion;
}

/** Of what nobody counts yet, everything is new. */
const NO_POLICIES = compilePolicies([]);

/** Counters a ledger entry: what a policy starts with may be a hundred thousand of them. */
const COUNTERS_A_RECORD = 2_000;
type Counters = NonNullable<AdminRecord["counters"]>;

/** Policies of one environment: holds the compiled snapshot in force, and is the only code that changes it. */
export class PolicyService {
  readonly #parts: PolicyServiceParts;
  #snapshot: PolicySnapshot;

  constructor(parts: PolicyServiceParts) {
    this.#parts = parts;
    this.#snapshot = parts.first;
  }

  get snapshot(): PolicySnapshot {
    return this.#snapshot;
  }

  async get(id: string): Promise<PolicyVersion> {
    return (await readPolicy(this.#parts.db, this.#parts, id)) ?? notFound(id);
  }

  /** A page by id; `after`: the last id of the page before, "" = from the first. */
  async list(after: string, limit: number): Promise<PolicyPage> {
    const found = await pageOfPolicies(this.#parts.db, this.#parts, after, limit + 1);
    const policies = found.slice(0, limit);
    return { policies, next: found.length > limit ? (policies.at(-1)?.id ?? null) : null };
  }

  /** The newest first, in pages: those before `before`. Of a deleted policy too. */
  async versions(id: string, before: number, limit: number): Promise<readonly StoredPolicyVersion[]> {
    const versions = await policyVersions(this.#parts.db, this.#parts, id, before, limit);
    return versions.length === 0 && before === VERSIONS_ALL ? notFound(id) : versions;
  }

  create(input: PolicyDocument, actor: string): Promise<PolicyVersion> {
    return this.#changed(async () => {
      const after = this.#version(input, `pol_${randomUUIDv7().replaceAll("-", "")}`, 1);
      return { action: "policy.create", actor, before: null, after };
    });
  }

  /** The whole document anew, as the next version. */
  update(id: string, input: PolicyDocument, actor: string, ifMatch: IfMatch): Promise<PolicyVersion> {
    return this.#changed(async () => {
      const before = await this.get(id);
      assertMatch(ifMatch, id, before.version);
      const after = this.#version(input, id, before.version + 1);
      return { action: "policy.update", actor, before, after };
    });
  }

  remove(id: string, actor: string, ifMatch: IfMatch): Promise<void> {
    return this.#parts.turns.run(async () => {
      const before = await this.get(id);
      assertMatch(ifMatch, id, before.version);
      const change: Change = { action: "policy.delete", actor, before, after: null };
      await this.#record(change, []);
      await this.#orTakeBack(change, () =>
        deletePolicy(this.#parts.db, this.#parts, id, before.version, this.#parts.now()),
      );
      this.#snapshot = this.#snapshot.without(id);
    });
  }

  /** What the database has now of these policies (null: of all), whichever process changed them. */
  refresh(from: Queryable, ids: readonly string[] | null): Promise<void> {
    return this.#parts.turns.run(async () => {
      const old = this.#snapshot;
      const stored = ids === null ? null : await readPolicies(from, this.#parts, ids);
      this.#snapshot =
        (ids === null || stored === null ? null : withStored(old, ids, stored)) ??
        (await this.#parts.compile(from, old.version + 1));
    });
  }

  #version(input: PolicyDocument, id: string, version: number): PolicyVersion {
    const { attach } = input;
    const plan = attach === "default" ? undefined : attach.plan;
    if (plan !== undefined && !this.#parts.hasPlan(plan)) throw noPlan("attach.plan");
    return { ...input, id, version, created_at: new Date(this.#parts.now()).toISOString() };
  }

  async #changed(asked: () => Promise<Put>): Promise<PolicyVersion> {
    const { starting, turns } = this.#parts;
    const { after, left } = await turns.run(async () => {
      const change = await asked();
      if (starting !== undefined) return { after: change.after, left: await this.#putTogether(change, starting) };
      await this.#put(change);
      return { after: change.after, left: null };
    });
    if (left !== null) await starting?.countOrLeave(left);
    return after;
  }

  /** In force before it is counted; what is left to do waits for every process, and so is done out of turn. */
  async #putTogether(change: Put, starting: StartingCounters): Promise<StartingChange | null> {
    const { after, actor } = change;
    const next = compiled(() => this.#snapshot.with(after));
    const slots = this.#snapshot.uncounted(next.byId(after.id) as CompiledPolicy);
    const left = slots.length === 0 ? null : this.#startingOf(after, slots, actor);
    await this.#record(change, []);
    await this.#orTakeBack(change, () =>
      this.#store(after, (tx) => (left === null ? Promise.resolve() : starting.begin(tx, left))),
    );
    this.#snapshot = next;
    return left;
  }

  /** With its plan held: another process may be about to delete it. `also`: in the same transaction. */
  async #store(policy: PolicyVersion, also?: (tx: Queryable) => Promise<void>): Promise<void> {
    const { db } = this.#parts;
    const plan = policy.attach === "default" ? undefined : policy.attach.plan;
    if (plan === undefined && also === undefined) return putPolicy(db, this.#parts, policy);
    await db
      .transaction(async (tx) => {
        if (plan !== undefined) await holdPlan(tx, this.#parts, plan);
        await putPolicy(tx, this.#parts, policy);
        await also?.(tx);
      })
      .catch((error: unknown) => {
        throw error instanceof PlanMissing ? noPlan("attach.plan") : error;
      });
  }

  /** What a process that ended in between has not counted: nothing, where the policy is gone since, or is counted another way. */
  abandoned({ id, version, slots }: Starting): StartingChange | null {
    const policy = this.#snapshot.byId(id);
    if (policy === undefined || slots === null) return null;
    const names = new Set(slots);
    const own = NO_POLICIES.uncounted(policy).filter(({ slot }) => names.has(slotName(slot)));
    return own.length === 0 ? null : this.#startingOf({ id, version }, own, "installation");
  }

  #startingOf({ id, version }: { id: string; version: number }, of: readonly NewSlot[], actor: string): StartingChange {
    const slots = of.map(({ slot }) => slotName(slot));
    const behind = (): Promise<readonly CounterChange[]> => missedBySlots(this.#parts, of, this.#parts.now());
    return { id, version, session: null, slots, action: "policy.count", actor, behind };
  }

  /**
   * Compiled first: what cannot be is refused by its field. In force, and its entry in the spool, before the database has it; a
   * change that either of the two refuses was never made.
   */
  async #put(change: Change): Promise<void> {
    const after = change.after as PolicyVersion;
    const old = this.#snapshot;
    const next = compiled(() => old.with(after));
    const slots = old.uncounted(next.byId(after.id) as CompiledPolicy);
    await this.#withSpent(slots, (sums) => {
      const counters = this.#seed(slots, sums);
      this.#snapshot = next;
      return this.#record(change, counters);
    }).catch((error: unknown) => {
      this.#snapshot = old;
      throw error;
    });
    await this.#orTakeBack(change, () => this.#store(after)).catch((error: unknown) => {
      this.#snapshot = old;
      throw error;
    });
  }

  /**
   * Gives `turn` what was used under the slots in their windows. Until its first `await` it runs in one turn in which no call can end
   * unseen by both the sums and the snapshot that it puts in force.
   */
  async #withSpent(slots: readonly NewSlot[], turn: (sums: CounterSums) => Promise<void>): Promise<void> {
    if (slots.length === 0) return turn(new Map());
    const { tap, recorder, tenant, environment, ids } = this.#parts;
    const ended = tap.listen();
    try {
      await within(recorder.drained(), RECORDER_WAIT_MS);
      const recorded = await recordedSpend(this.#parts, slots, this.#parts.now(), ended);
      const missing = ended.filter(
        (call) => call.tenant === tenant && call.environment === environment && !recorded.inside.has(call.decision),
      );
      await turn(addEnded(recorded.sums, slots, ids, missing));
    } finally {
      tap.stop(ended);
    }
  }

  /** Sets each counter to its sum; answers by how much that moved it (it may have been counted before, and left since). */
  #seed(slots: readonly NewSlot[], sums: CounterSums): Counters {
    const { counters } = this.#parts;
    if (slots.length === 0) return [];
    const moved: { limit: string; window: string; amount: string }[] = [];
    for (const [limit, windows] of sums)
      for (const [window, sum] of windows) {
        const amount = sum - counters.settledIn(limit, window);
        if (amount === 0n) continue;
        counters.seed(limit, window, sum);
        moved.push({ limit, window, amount: amount.toString() });
      }
    return moved;
  }

  /** What settled meanwhile stays. */
  #unseed(moved: Counters): void {
    const { counters } = this.#parts;
    for (const { limit, window, amount } of moved)
      counters.seed(limit, window, counters.settledIn(limit, window) - BigInt(amount));
  }

  async #orTakeBack(change: Change, make: () => Promise<void>): Promise<void> {
    try {
      await make();
    } catch (error) {
      const { action, actor, before, after } = change;
      await this.#record({ action: `${action}.failed`, actor, before: after, after: before }, []);
      throw error;
    }
  }

  async #record({ action, actor, before, after }: Change, counters: Counters): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const subject = (after ?? before) as PolicyVersion;
    // What the ledger was not told of is not counted either: else the next change finds it counted, and never tells it.
    const record = (counted: Counters, own: Partial<AdminRecord> = {}): Promise<void> =>
      spool
        .append({
          t: "admin",
          id: randomUUIDv7().replaceAll("-", ""),
          timeMs: this.#parts.now(),
          tenant,
          environment,
          actor,
          action,
          subject: subject.id,
          before: before === null ? null : policyLedgerText(before),
          after: after === null ? null : policyLedgerText(after),
          ...(counted.length > 0 && { counters: counted }),
          ...own,
        })
        .catch((error: unknown) => {
          this.#unseed(counted);
          throw error;
        });
    const written = [record(counters.slice(0, COUNTERS_A_RECORD))];
    for (let i = COUNTERS_A_RECORD; i < counters.length; i += COUNTERS_A_RECORD) {
      const more = counters.slice(i, i + COUNTERS_A_RECORD);
      written.push(record(more, { action: "policy.count", before: null, after: null }));
    }
    await Promise.all(written);
  }
}

/** `before` of the first page of versions. */
export const VERSIONS_ALL = 2_147_483_647;
const RECORDER_WAIT_MS = 10_000;

function compiled(work: () => PolicySnapshot): PolicySnapshot {
  try {
    return work();
  } catch (error) {
    throw error instanceof PolicyInvalid ? invalid(error.field, error.expected) : error;
  }
}

function invalid(field: string, problem: string): Problem {
  return new Problem("REQUEST_INVALID", `${field}: ${problem}`, [{ field, problem }]);
}

function notFound(id: string): never {
  throw new Problem("NOT_FOUND", `There is no policy ${id.slice(0, 80)}`);
}
