import type { Database, Queryable } from "../database/database.ts";
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

/** Somebody is on it, or a policy is attached to it: by another process, perhaps. */
export class PlanInUse extends Error {
  override readonly name = "PlanInUse";
}

/** There is no such plan any more. */
export class PlanMissing extends Error {
  override readonly name = "PlanMissing";
}

const PAGE = 5000;
const FOREIGN_KEY_VIOLATION = "23503";

export async function listPlans(db: Queryable, place: LimitPlace): Promise<StoredPlan[]> {
  return (await db.query<StoredPlan>(sql("plans"), [place.tenant, place.environment])).rows;
}

/** The first or the next version. Throws PlanNotChanged. */
export async function putPlan(db: Queryable, place: LimitPlace, plan: StoredPlan): Promise<void> {
  const { name, description, version } = plan;
  const { rows } = await db.query(sql("put-plan"), [place.tenant, place.environment, name, description, version]);
  if (rows.length === 0) throw new PlanNotChanged(`plan ${name} is not at version ${version - 1}`);
}

/** In the version that it is at. Throws PlanNotChanged, PlanInUse. */
export async function deletePlan(db: Database, place: LimitPlace, { name, version }: StoredPlan): Promise<void> {
  const values = [place.tenant, place.environment, name];
  await db.transaction(async (tx) => {
    const [now] = (await tx.query<{ version: number }>(sql("lock-plan"), values)).rows;
    if (now?.version !== version) throw new PlanNotChanged(`plan ${name} is not at version ${version}`);
    const { rows } = await tx.query(sql("delete-plan"), values).catch((error: unknown) => {
      throw isForeignKeyViolation(error) ? new PlanInUse("somebody is on it") : error;
    });
    if (rows.length === 0) throw new PlanInUse("a policy is attached to it");
  });
}

/** Until the transaction ends nobody deletes the plan. Throws PlanMissing. */
export async function holdPlan(tx: Queryable, place: LimitPlace, name: string): Promise<void> {
  const { rows } = await tx.query(sql("hold-plan"), [place.tenant, place.environment, name]);
  if (rows.length === 0) throw new PlanMissing(`there is no plan ${name}`);
}

function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === FOREIGN_KEY_VIOLATION;
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

/** `plan` null: on none. Throws PlanMissing. */
export async function putPlanAssignment(
  db: Queryable,
  place: LimitPlace,
  { holder, value }: PlanHolderName,
  plan: string | null,
): Promise<void> {
  const values = [place.tenant, place.environment, holder, value];
  if (plan === null) await db.query(sql("delete-plan-assignment"), values);
  else
    await db.query(sql("put-plan-assignment"), [...values, plan]).catch((error: unknown) => {
      throw isForeignKeyViolation(error) ? new PlanMissing(`there is no plan ${plan}`) : error;
    });
}
