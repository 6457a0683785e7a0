import { createHmac } from "node:crypto";
import type {
  MemberAnswer,
  MemberCreate,
  MemberInvitation,
  MemberMade,
  MemberUpdate,
  SignInOwner,
} from "@tollhouse/contract";
import {
  DEFAULT_TENANT,
  deleteMember,
  deleteSessionsOf,
  deriveKey,
  hasOtherOwner,
  insertMember,
  pageOfMemberNames,
  pageOfMembers,
  readMember,
  updateMember,
  type MemberName,
  type Queryable,
  type StoredMember,
} from "@tollhouse/store";
import type { Access } from "../control/access.ts";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import { makeKeyId } from "../keys/key-text.ts";
import { describeMember, isActive } from "./describe-member.ts";
import { MemberChanges, type MemberChange, type MemberChangesParts } from "./member-changes.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { makeInvitationText } from "./session-text.ts";

export interface MemberServiceParts extends MemberChangesParts {
  readonly masterKey: Uint8Array;
  readonly hasher: PasswordHasher;
}

const INVITATION_MS = 7 * 24 * 3_600_000;

/** Who may sign in to a tenant, and as what. */
export class MemberService {
  readonly #parts: MemberServiceParts;
  readonly changes: MemberChanges;

  constructor(parts: MemberServiceParts) {
    this.#parts = parts;
    this.changes = new MemberChanges(parts);
  }

  async list(tenant: string, cursor: string, limit: number): Promise<{ members: MemberAnswer[]; next: string | null }> {
    const found = await pageOfMembers(this.#parts.dbOf(tenant), tenant, cursor, limit + 1);
    const page = found.slice(0, limit);
    return { members: page.map(describeMember), next: found.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  async listNames(
    tenant: string,
    cursor: string,
    limit: number,
  ): Promise<{ names: MemberName[]; next: string | null }> {
    const found = await pageOfMemberNames(this.#parts.dbOf(tenant), tenant, cursor, limit + 1);
    const names = found.slice(0, limit);
    return { names, next: found.length > limit ? (names.at(-1)?.id ?? null) : null };
  }

  async get(tenant: string, id: string): Promise<MemberAnswer> {
    return describeMember(await found(this.#parts.dbOf(tenant), tenant, id));
  }

  /** The installation's first owner; there is one from then on. */
  async createFirstOwner({ name, email, password }: Omit<SignInOwner, "admin_key">): Promise<StoredMember> {
    const by = { tenant: DEFAULT_TENANT, actor: "admin-key" };
    const passwordHash = await this.#parts.hasher.hash(password);
    return this.#changed(by, async (tx) => {
      if (await hasOtherOwner(tx, by.tenant, ""))
        throw new Problem("ALREADY_EXISTS", "There is an owner already: sign in");
      return this.#insert(tx, by.tenant, { email, name, role: "owner" }, makeMemberId(), passwordHash, null);
    });
  }

  async create(input: MemberCreate, access: Access): Promise<MemberMade> {
    assertMayMakeOwners(access, input.role);
    const id = makeMemberId();
    const made = input.password === undefined ? this.#invitation(access.tenant, id) : null;
    const passwordHash = input.password === undefined ? null : await this.#parts.hasher.hash(input.password);
    const member = await this.#changed(access, (tx) =>
      this.#insert(tx, access.tenant, input, id, passwordHash, made?.stored ?? null),
    );
    return { ...describeMember(member), invitation: made?.answer ?? null };
  }

  /** Sessions of before end with a role, and with a member who is disabled. */
  async update(id: string, input: MemberUpdate, access: Access, ifMatch: IfMatch = null): Promise<MemberAnswer> {
    const { version, name, role, disabled } = input;
    const member = await this.#changed(access, async (tx) => {
      const before = await this.#changeable(tx, access, id, ifMatch, version);
      const next = {
        ...before,
        name: name ?? before.name,
        role: role ?? before.role,
        disabled: disabled ?? before.disabled,
      };
      if (next.role !== before.role && before.identity !== null)
        throw wrongField("role", "expected none: the identity provider's groups say the role of who signs in there");
      assertMayMakeOwners(access, next.role);
      return this.store(tx, access.tenant, "member.update", before, next);
    });
    return describeMember(member);
  }

  /** A new one-time text; what they signed in with until now is no longer valid. */
  async invite(id: string, access: Access): Promise<MemberMade> {
    const made = this.#invitation(access.tenant, id);
    const member = await this.#changed(access, async (tx) => {
      const before = await this.#changeable(tx, access, id, null, undefined);
      if (before.identity !== null)
        throw new Problem("REQUEST_INVALID", "This member signs in at the identity provider");
      const next = { ...before, passwordHash: null, invitation: made.stored };
      return this.store(tx, access.tenant, "member.invite", before, next);
    });
    return { ...describeMember(member), invitation: made.answer };
  }

  async remove(id: string, access: Access, ifMatch: IfMatch = null): Promise<void> {
    await this.changes.make(access, async (tx) => {
      const before = await this.#changeable(tx, access, id, ifMatch, undefined);
      await assertOwnerLeft(tx, access.tenant, before, null);
      await deleteMember(tx, access.tenant, id);
      return { action: "member.delete", before, after: null };
    });
  }

  /** Stores a change of a member that was read in this transaction, and ends their sessions where it changes how or as what they sign in. */
  async store(
    tx: Queryable,
    tenant: string,
    action: string,
    before: StoredMember,
    next: StoredMember,
  ): Promise<MemberChange & { readonly after: StoredMember }> {
    await assertOwnerLeft(tx, tenant, before, next);
    const after = await updateMember(tx, tenant, next);
    // Under the lock nobody else has changed it since it was read.
    if (after === null) throw new Error(`${before.id} is not at the version that was read`);
    if (after.role !== before.role || after.disabled || after.passwordHash !== before.passwordHash)
      await deleteSessionsOf(tx, tenant, before.id);
    return { action, before, after };
  }

  invitationHash(tenant: string, text: string): Buffer {
    return createHmac("sha256", deriveKey(this.#parts.masterKey, "member-invitation", tenant))
      .update(text)
      .digest();
  }

  async #changed(
    by: Pick<Access, "tenant" | "actor">,
    work: (tx: Queryable) => Promise<MemberChange & { readonly after: StoredMember }>,
  ): Promise<StoredMember> {
    const made: StoredMember[] = [];
    await this.changes.make(by, async (tx) => {
      const change = await work(tx);
      made.push(change.after);
      return change;
    });
    return made[0] as StoredMember;
  }

  async #insert(
    tx: Queryable,
    tenant: string,
    { email, name, role }: Pick<MemberCreate, "email" | "name" | "role">,
    id: string,
    passwordHash: string | null,
    invitation: StoredMember["invitation"],
  ): Promise<MemberChange & { readonly after: StoredMember }> {
    const after = await insertMember(tx, tenant, { id, email, name, role, passwordHash, invitation, identity: null });
    if (after === null) {
      const problem = "expected one that no other member has";
      throw new Problem("ALREADY_EXISTS", `There is a member ${email} already`, [{ field: "email", problem }]);
    }
    return { action: "member.create", before: null, after };
  }

  #invitation(
    tenant: string,
    id: string,
  ): { readonly answer: MemberInvitation; readonly stored: StoredMember["invitation"] } {
    const token = makeInvitationText(tenant, id);
    const untilMs = this.#parts.now() + INVITATION_MS;
    return {
      answer: { token, expires_at: new Date(untilMs).toISOString() },
      stored: { hash: this.invitationHash(tenant, token), untilMs },
    };
  }

  async #changeable(
    tx: Queryable,
    access: Access,
    id: string,
    ifMatch: IfMatch,
    version: number | undefined,
  ): Promise<StoredMember> {
    const member = await found(tx, access.tenant, id);
    assertMatch(ifMatch, id, member.version);
    if (version !== undefined && version !== member.version)
      throw new Problem("VERSION_CONFLICT", `${id} is at version ${member.version}, not ${version}`);
    assertMayMakeOwners(access, member.role);
    return member;
  }
}

export function makeMemberId(): string {
  return `mem_${makeKeyId().slice("key_".length)}`;
}

async function found(db: Queryable, tenant: string, id: string): Promise<StoredMember> {
  const member = await readMember(db, tenant, id);
  if (member === null) throw new Problem("NOT_FOUND", `There is no member ${id.slice(0, 64)}`);
  return member;
}

/** Owners are made, changed and removed by owners: an admin must not become one. */
function assertMayMakeOwners({ signedIn }: Access, role: string): void {
  if (role !== "owner" || signedIn === undefined || signedIn.permissions.has("own")) return;
  throw new Problem("ROLE_INSUFFICIENT", "Only an owner may make or change one");
}

/** Whoever is the only owner who can sign in stays one. */
async function assertOwnerLeft(
  tx: Queryable,
  tenant: string,
  before: StoredMember,
  after: StoredMember | null,
): Promise<void> {
  if (!isOwner(before) || (after !== null && isOwner(after)) || (await hasOtherOwner(tx, tenant, before.id))) return;
  throw new Problem("LAST_OWNER", `${before.id} is the only owner who can sign in`);
}

function isOwner(member: StoredMember): boolean {
  return member.role === "owner" && isActive(member);
}

function wrongField(field: string, problem: string): Problem {
  return new Problem("REQUEST_INVALID", `${field}: ${problem}`, [{ field, problem }]);
}
