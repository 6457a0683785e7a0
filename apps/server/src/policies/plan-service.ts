import { randomUUIDv7 } from "node:crypto";
import type { Dimensions, PlanAnswer, PlanPut } from "@tollhouse/contract";
import { LayeredMap, PLAN_HOLDERS, type PlanHolder, type PolicySnapshot } from "@tollhouse/engine";
import {
  deletePlan,
  listPlanAssignments,
  listPlans,
  PlanInUse,
  PlanMissing,
  putPlan,
  putPlanAssignment,
  type AdminRecord,
  type Database,
  type PlanHolderName,
  type Queryable,
  type Spool,
  type StoredPlan,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";
import type { Turns } from "../turns.ts";

export interface PlanServiceParts extends Place {
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  readonly turns: Turns;
  readonly plans: readonly StoredPlan[];
  /** By holder: who is on which plan. null: was once, and is no more. */
  readonly assigned: PlanAssignments;
  readonly policies: () => PolicySnapshot;
  now(): number;
}

export type PlanAssignments = { readonly [H in PlanHolder]: LayeredMap<string | null> };

/** The plan of one call. */
export interface CallPlan {
  readonly plan: string | null;
  /** Who was put on it; missing: the call itself names it. */
  readonly holder?: PlanHolder;
}

const NO_PLAN: CallPlan = Object.freeze({ plan: null });

/** Plans of one environment, and who is on them. */
export class PlanService {
  readonly #parts: PlanServiceParts;
  #plans: ReadonlyMap<string, StoredPlan>;
  #assigned: PlanAssignments;
  #revision = 0;

  constructor(parts: PlanServiceParts) {
    this.#parts = parts;
    this.#plans = new Map(parts.plans.map((plan) => [plan.name, plan]));
    this.#assigned = parts.assigned;
  }

  /** Grows with every change of a plan, or of who is on one. */
  get revision(): number {
    return this.#revision;
  }

  has(name: string): boolean {
    return this.#plans.has(name);
  }

  /** An operator's word is stronger than a client's, and what is said of the user than what is said of the customer. */
  planOf({ user, customer }: Dimensions, said: string | undefined): CallPlan {
    const ofUser = user === undefined ? null : (this.#assigned.user.get(user) ?? null);
    if (ofUser !== null) return { plan: ofUser, holder: "user" };
    const ofCustomer = customer === undefined ? null : (this.#assigned.customer.get(customer) ?? null);
    if (ofCustomer !== null) return { plan: ofCustomer, holder: "customer" };
    return said !== undefined && this.#plans.has(said) ? { plan: said } : NO_PLAN;
  }

  /** By name; `cursor`: the last name of the page before, "" = from the first. */
  list(cursor: string, limit: number): { plans: PlanAnswer[]; next: string | null } {
    const behind = [...this.#plans.values()].filter(({ name }) => name > cursor);
    const plans = behind.sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, limit);
    return { plans, next: behind.length > limit ? (plans.at(-1)?.name ?? null) : null };
  }

  get(name: string): PlanAnswer {
    const plan = this.#plans.get(name);
    if (plan === undefined) throw new Problem("NOT_FOUND", `There is no plan ${name.slice(0, 64)}`);
    return plan;
  }

  put(name: string, { description }: PlanPut, actor: string, ifMatch: IfMatch): Promise<PlanAnswer> {
    return this.#parts.turns.run(async () => {
      const before = this.#plans.get(name) ?? null;
      // A plan that is not there is at no version that anybody can have read.
      assertMatch(ifMatch, "the plan", before?.version ?? 0);
      const after: StoredPlan = { name, description, version: (before?.version ?? 0) + 1 };
      const { db } = this.#parts;
      await this.#change("plan.set", actor, name, before, after, () => putPlan(db, this.#parts, after));
      this.#plans = new Map(this.#plans).set(name, after);
      this.#revision += 1;
      return after;
    });
  }

  /** Refused while a policy is attached to it or anybody is on it: they would be on no plan without a word. */
  remove(name: string, actor: string, ifMatch: IfMatch): Promise<void> {
    return this.#parts.turns.run(async () => {
      const before = this.get(name);
      assertMatch(ifMatch, "the plan", before.version);
      const attached = this.#parts
        .policies()
        .find({ user: undefined, feature: undefined, plan: name })
        .find(({ level }) => level === "plan");
      if (attached !== undefined) throw inUse(`the policy ${attached.giver.policy} is attached to it`);
      for (const holder of PLAN_HOLDERS)
        for (const plan of this.#assigned[holder].values()) if (plan === name) throw inUse(`a ${holder} is on it`);
      const { db } = this.#parts;
      await this.#change("plan.delete", actor, name, before, null, () =>
        deletePlan(db, this.#parts, before).catch((error: unknown) => {
          throw error instanceof PlanInUse ? inUse(error.message) : error;
        }),
      );
      const plans = new Map(this.#plans);
      plans.delete(name);
      this.#plans = plans;
      this.#revision += 1;
    });
  }

  planOfUser(user: string): string | null {
    return this.#assigned.user.get(user) ?? null;
  }

  planOfHolder({ holder, value }: PlanHolderName): string {
    const plan = this.#assigned[holder].get(value) ?? null;
    if (plan === null) throw new Problem("NOT_FOUND", `The ${holder} is on no plan`);
    return plan;
  }

  /** `plan` null: on none any more. In force for the next call. */
  assign(on: PlanHolderName, plan: string | null, actor: string): Promise<void> {
    return this.#parts.turns.run(async () => {
      const { holder, value } = on;
      if (plan !== null && !this.#plans.has(plan)) throw noPlan("plan");
      const before = this.#assigned[holder].get(value) ?? null;
      if (plan === null && before === null) this.planOfHolder(on);
      if (plan === before) return;
      const told = (name: string | null): object | null => (name === null ? null : { plan: name });
      const { db } = this.#parts;
      const action = plan === null ? "plan.unassign" : "plan.assign";
      await this.#change(action, actor, subjectOf(on), told(before), told(plan), () =>
        putPlanAssignment(db, this.#parts, on, plan).catch((error: unknown) => {
          throw error instanceof PlanMissing ? noPlan("plan") : error;
        }),
      );
      this.#assigned = { ...this.#assigned, [holder]: this.#assigned[holder].with(value, plan) };
      this.#revision += 1;
    });
  }

  /** All plans as the database has them now, whichever process changed them. */
  refreshPlans(from: Queryable): Promise<void> {
    return this.#parts.turns.run(async () => {
      this.#plans = new Map((await listPlans(from, this.#parts)).map((plan) => [plan.name, plan]));
      this.#revision += 1;
    });
  }

  /** Who is on which plan, all of them: a change of it names nobody, because users are erasable. */
  refreshAssignments(from: Queryable): Promise<void> {
    return this.#parts.turns.run(async () => {
      this.#assigned = await readAssignments(from, this.#parts);
      this.#revision += 1;
    });
  }

  /** Ledger first; what the database refuses was never made, and the ledger says so too. */
  async #change(
    action: string,
    actor: string,
    subject: string,
    before: object | null,
    after: object | null,
    make: () => Promise<void>,
  ): Promise<void> {
    await this.#record(action, actor, subject, before, after);
    try {
      await make();
    } catch (error) {
      await this.#record(`${action}.failed`, actor, subject, after, before);
      throw error;
    }
  }

  #record(action: string, actor: string, subject: string, before: object | null, after: object | null): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action,
      subject,
      before: before === null ? null : JSON.stringify(before),
      after: after === null ? null : JSON.stringify(after),
    };
    return spool.append(record);
  }
}

export async function readAssignments(from: Queryable, place: Place): Promise<PlanAssignments> {
  const of = async (holder: PlanHolder): Promise<LayeredMap<string | null>> => {
    const base = new Map<string, string | null>();
    for await (const { value, plan } of listPlanAssignments(from, place, holder)) base.set(value, plan);
    return LayeredMap.over(base);
  };
  return { user: await of("user"), customer: await of("customer") };
}

function subjectOf({ holder, value }: PlanHolderName): string {
  return holder === "user" ? "user" : `customer:${value}`;
}

/** `field`: the one that names a plan that there is not. */
export function noPlan(field: string): Problem {
  const problem = "expected a plan that there is: PUT /api/v1/plans/{name} makes one";
  return new Problem("REQUEST_INVALID", `${field}: ${problem}`, [{ field, problem }]);
}

function inUse(by: string): Problem {
  return new Problem("REQUEST_INVALID", `The plan is in use: ${by}`);
}
