import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

export interface StoredPlan {
  readonly name: string;
  readonly description: string;
  readonly version: number;
}

/** Who is on a plan: a user or a customer. */
export interface PlanHolderName {
  readonly holder: "user" | "customer";
  readonly value: string;
}

/** Another version is stored than the one that was read. */
export class PlanNotChanged extends Error {
  override readonly name = "PlanNotChanged";
}

const PAGE = 5000;

export async function listPlans(db: Queryable, place: LimitPlace): Promise<StoredPlan[]> {
  return (await db.query<StoredPlan>(sql("plans"), [place.tenant, place.environment])).rows;
}

/** The first or the next version. Throws PlanNotChanged. */
export async function putPlan(db: Queryable, place: LimitPlace, plan: StoredPlan): Promise<void> {
  const { name, description, version } = plan;
  const { rows } = await db.query(sql("put-plan"), [place.tenant, place.environment, name, description, version]);
  if (rows.length === 0) throw new PlanNotChanged(`plan ${name} is not at version ${version - 1}`);
}

export async function deletePlan(db: Queryable, place: LimitPlace, name: string): Promise<void> {
  await db.query(sql("delete-plan"), [place.tenant, place.environment, name]);
}

export async function* listPlanAssignments(
  db: Queryable,
  place: LimitPlace,
  holder: PlanHolderName["holder"],
): AsyncGenerator<{ readonly value: string; readonly plan: string }, void> {
  for (let after = ""; ;) {
    const values = [place.tenant, place.environment, holder, after, PAGE];
    const { rows } = await db.query<{ value: string; plan: string }>(sql("plan-assignments"), values);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.value;
  }
}

/** `plan` null: on none. */
export async function putPlanAssignment(
  db: Queryable,
  place: LimitPlace,
  { holder, value }: PlanHolderName,
  plan: string | null,
): Promise<void> {
  const values = [place.tenant, place.environment, holder, value];
  if (plan === null) await db.query(sql("delete-plan-assignment"), values);
  else await db.query(sql("put-plan-assignment"), [...values, plan]);
}
