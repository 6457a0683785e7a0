import type { MemberRole } from "@tollhouse/contract";
import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** A member as they are stored; of passwords and one-time texts only hashes. */
export interface StoredMember {
  /** `mem_…` */
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
  /** A PHC string. */
  readonly passwordHash: string | null;
  readonly invitation: { readonly hash: Uint8Array; readonly untilMs: number } | null;
  readonly identity: MemberIdentity | null;
  readonly disabled: boolean;
  readonly createdMs: number;
  readonly lastSignInMs: number | null;
  readonly version: number;
}

/** Who somebody is at an identity provider: both parts together. */
export interface MemberIdentity {
  readonly issuer: string;
  readonly subject: string;
}

export type NewMember = Omit<StoredMember, "disabled" | "createdMs" | "lastSignInMs" | "version">;

export type MemberName = Pick<StoredMember, "id" | "name">;

interface MemberRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
  readonly password_hash: string | null;
  readonly invitation_hash: Buffer | null;
  readonly invitation_until: Date | null;
  readonly issuer: string | null;
  readonly subject: string | null;
  readonly disabled_at: Date | null;
  readonly created_at: Date;
  readonly last_sign_in_at: Date | null;
  readonly version: number;
}

/** Until the transaction ends nobody else changes members of this tenant. */
export async function lockMembers(tx: Queryable, tenant: string): Promise<void> {
  await tx.query(sql("lock-members"), [tenant]);
}

/** A page by id; `after`: the last id of the page before, "" = from the first. */
export async function pageOfMembers(
  db: Queryable,
  tenant: string,
  after: string,
  rowsMax: number,
): Promise<StoredMember[]> {
  const { rows } = await db.query<MemberRow>(sql("members"), [tenant, after, rowsMax]);
  return rows.map(memberOf);
}

/** What every member may know of the others. A page by id, as `pageOfMembers`. */
export async function pageOfMemberNames(
  db: Queryable,
  tenant: string,
  after: string,
  rowsMax: number,
): Promise<MemberName[]> {
  const { rows } = await db.query<MemberName>(sql("member-names"), [tenant, after, rowsMax]);
  return rows;
}

export function readMember(db: Queryable, tenant: string, id: string): Promise<StoredMember | null> {
  return one(db, "member", [tenant, id]);
}

export function memberByEmail(db: Queryable, tenant: string, email: string): Promise<StoredMember | null> {
  return one(db, "member-by-email", [tenant, email]);
}

export function memberByIdentity(
  db: Queryable,
  tenant: string,
  { issuer, subject }: MemberIdentity,
): Promise<StoredMember | null> {
  return one(db, "member-by-identity", [tenant, issuer, subject]);
}

/** Is there an owner who can sign in, beside the one of this id? */
export async function hasOtherOwner(db: Queryable, tenant: string, id: string): Promise<boolean> {
  const { rows } = await db.query<{ owners: number }>(sql("count-other-owners"), [tenant, id]);
  return (rows[0]?.owners ?? 0) > 0;
}

/** Null: another member has the e-mail address, or the identity. */
export function insertMember(db: Queryable, tenant: string, member: NewMember): Promise<StoredMember | null> {
  const { id, email, name, role, passwordHash, invitation, identity } = member;
  return one(db, "insert-member", [
    tenant,
    id,
    email,
    name,
    role,
    passwordHash,
    invitation?.hash ?? null,
    invitation === null ? null : new Date(invitation.untilMs),
    identity?.issuer ?? null,
    identity?.subject ?? null,
  ]);
}

/** Stores what may change of `member` over the version it was read at. Null: somebody else has changed it since. */
export function updateMember(db: Queryable, tenant: string, member: StoredMember): Promise<StoredMember | null> {
  const { id, version, name, role, passwordHash, invitation, disabled } = member;
  return one(db, "update-member", [
    tenant,
    id,
    version,
    name,
    role,
    passwordHash,
    invitation?.hash ?? null,
    invitation === null ? null : new Date(invitation.untilMs),
    disabled,
  ]);
}

export async function deleteMember(db: Queryable, tenant: string, id: string): Promise<void> {
  await db.query(sql("delete-member"), [tenant, id]);
}

async function one(db: Queryable, statement: string, values: readonly unknown[]): Promise<StoredMember | null> {
  const { rows } = await db.query<MemberRow>(sql(statement), values);
  return rows[0] === undefined ? null : memberOf(rows[0]);
}

function memberOf(row: MemberRow): StoredMember {
  const { issuer, subject, invitation_hash: hash, invitation_until: until } = row;
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    passwordHash: row.password_hash,
    invitation: hash === null || until === null ? null : { hash, untilMs: until.getTime() },
    identity: issuer === null || subject === null ? null : { issuer, subject },
    disabled: row.disabled_at !== null,
    createdMs: row.created_at.getTime(),
    lastSignInMs: row.last_sign_in_at?.getTime() ?? null,
    version: row.version,
  };
}
