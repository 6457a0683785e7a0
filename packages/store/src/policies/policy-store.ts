import type { PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "../reports/limit-store.ts";

/** Another version is stored than the one that was read. */
export class PolicyNotChanged extends Error {
  override readonly name = "PolicyNotChanged";
}

/** One version; `document` null: with this version the policy was deleted. */
export interface StoredPolicyVersion {
  readonly version: number;
  readonly createdAt: string;
  readonly document: PolicyDocument | null;
}

interface PolicyRow {
  readonly id: string;
  readonly version: number;
  readonly document: string;
  readonly created_at: Date;
}

const PAGE = 5000;

/** The first or the next version. Throws PolicyNotChanged. */
export async function putPolicy(db: Queryable, place: LimitPlace, policy: PolicyVersion): Promise<void> {
  const { id, version, created_at, ...document } = policy;
  const values = [place.tenant, place.environment, id, version, JSON.stringify(document), created_at];
  const { rows } = await db.query(sql("put-policy"), values);
  if (rows.length === 0) throw new PolicyNotChanged(`${id} is not at version ${version - 1}`);
}

/** `version`: the one it is at. Throws PolicyNotChanged. */
export async function deletePolicy(
  db: Queryable,
  place: LimitPlace,
  id: string,
  version: number,
  deletedMs: number,
): Promise<void> {
  const values = [place.tenant, place.environment, id, version, new Date(deletedMs)];
  const { rows } = await db.query(sql("delete-policy"), values);
  if (rows.length === 0) throw new PolicyNotChanged(`${id} is not at version ${version}`);
}

export async function readPolicy(db: Queryable, place: LimitPlace, id: string): Promise<PolicyVersion | null> {
  const [row] = (await db.query<PolicyRow>(sql("policy"), [place.tenant, place.environment, id])).rows;
  return row === undefined ? null : policyOf(row);
}

/** Those of them that are there. */
export async function readPolicies(db: Queryable, place: LimitPlace, ids: readonly string[]): Promise<PolicyVersion[]> {
  const values = [place.tenant, place.environment, ids];
  return (await db.query<PolicyRow>(sql("policies-by-id"), values)).rows.map(policyOf);
}

/** A page by id; `after` "": from the first. */
export async function pageOfPolicies(
  db: Queryable,
  place: LimitPlace,
  after: string,
  rowsMax: number,
): Promise<PolicyVersion[]> {
  const { rows } = await db.query<PolicyRow>(sql("policies"), [place.tenant, place.environment, after, rowsMax]);
  return rows.map(policyOf);
}

/** The current version of all, by id, in pages. */
export async function* listPolicies(db: Queryable, place: LimitPlace): AsyncGenerator<PolicyVersion, void> {
  for (let after = ""; ;) {
    const page = await pageOfPolicies(db, place, after, PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.id;
  }
}

/** The newest first; of a deleted policy too. */
export async function policyVersions(
  db: Queryable,
  place: LimitPlace,
  id: string,
  before: number,
  rowsMax: number,
): Promise<StoredPolicyVersion[]> {
  const values = [place.tenant, place.environment, id, before, rowsMax];
  const { rows } = await db.query<Omit<PolicyRow, "document"> & { document: string | null }>(
    sql("policy-versions"),
    values,
  );
  return rows.map(({ version, document, created_at }) => ({
    version,
    createdAt: created_at.toISOString(),
    document: document === null ? null : (JSON.parse(document) as PolicyDocument),
  }));
}

function policyOf({ id, version, document, created_at }: PolicyRow): PolicyVersion {
  // Checked when it was stored; what cannot be compiled is refused by the engine, by name.
  return { ...(JSON.parse(document) as PolicyDocument), id, version, created_at: created_at.toISOString() };
}
