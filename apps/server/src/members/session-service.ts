import { createHmac, timingSafeEqual } from "node:crypto";
import type {
  MemberPermission,
  PasswordChange,
  SessionAnswer,
  SignInInvitation,
  SignInPassword,
} from "@tollhouse/contract";
import {
  DEFAULT_TENANT,
  deleteSession,
  deriveKey,
  findSession,
  insertSession,
  memberByEmail,
  readMember,
  type Database,
  type StoredMember,
} from "@tollhouse/store";
import { Problem } from "../control/problem.ts";
import { isActive } from "./describe-member.ts";
import type { MemberService } from "./member-service.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { permissionsOf } from "./role-table.ts";
import { csrfTokenOf, makeSessionText, readInvitation, tenantOfSession } from "./session-text.ts";
import type { SignInRates } from "./sign-in-rates.ts";

/** A session that was found, and what its member may do now. */
export interface SignedIn {
  /** What the cookie holds. */
  readonly text: string;
  readonly tenant: string;
  readonly member: NonNullable<SessionAnswer["member"]>;
  readonly permissions: ReadonlySet<MemberPermission>;
  readonly csrfToken: string;
  readonly expiresMs: number;
}

export interface SessionServiceParts {
  /** Undefined: there is no such tenant. */
  readonly dbOf: (tenant: string) => Database | undefined;
  /** The id of the tenant of this name. */
  readonly findTenant: (name: string) => string | null;
  readonly masterKey: Uint8Array;
  readonly hasher: PasswordHasher;
  readonly members: MemberService;
  readonly rates: SignInRates;
  now(): number;
}

/**
 * Sessions of members. Each request asks the database, so that a session that ends is ended on every gateway from that moment on; while
 * the database is away nobody is signed in, and keys go on (docs/adr/0019).
 */
export class SessionService {
  readonly #parts: SessionServiceParts;

  constructor(parts: SessionServiceParts) {
    this.#parts = parts;
  }

  /** Null: it is none, or has ended. */
  async find(text: string): Promise<SignedIn | null> {
    const tenant = tenantOfSession(text);
    const db = tenant === null ? undefined : this.#parts.dbOf(tenant);
    if (tenant === null || db === undefined) return null;
    const found = await findSession(db, tenant, this.#hash(tenant, text));
    if (found === null) return null;
    const { expiresMs, ...member } = found;
    return signedIn(text, tenant, member, expiresMs);
  }

  async end({ text, tenant }: Pick<SignedIn, "text" | "tenant">): Promise<void> {
    const db = this.#parts.dbOf(tenant);
    if (db !== undefined) await deleteSession(db, tenant, this.#hash(tenant, text));
  }

  /** With a new id, whatever came with the request. Throws where the member was disabled meanwhile. */
  async begin(tenant: string, member: StoredMember): Promise<SignedIn> {
    const text = makeSessionText(tenant);
    const expiresMs = await insertSession(this.#db(tenant), tenant, this.#hash(tenant, text), member.id);
    if (expiresMs === null) throw failed();
    const { id, name, email, role } = member;
    return signedIn(text, tenant, { id, name, email, role }, expiresMs);
  }

  /** Whoever is not there costs what a wrong password costs, and is told the same. */
  async byPassword({ email, password, tenant: name }: SignInPassword, address: string): Promise<SignedIn> {
    const tenant = name === undefined ? DEFAULT_TENANT : this.#parts.findTenant(name);
    const proven = this.#parts.rates.take(`${tenant ?? name} ${email}`, address);
    // Also asked where there is no such tenant, whom the time it takes must not give away.
    const asked = tenant ?? DEFAULT_TENANT;
    const member = await memberByEmail(this.#db(asked), asked, email);
    const right = await this.#parts.hasher.verify(password, tenant === null ? null : (member?.passwordHash ?? null));
    if (tenant === null || member === null || !right || !isActive(member)) throw failed();
    proven();
    return this.begin(tenant, member);
  }

  /** The one-time text makes way for the password, and signs in. */
  async byInvitation({ token, password }: SignInInvitation, address: string): Promise<SignedIn> {
    const named = readInvitation(token);
    const proven = this.#parts.rates.take(named?.member ?? "", address);
    const db = named === null ? undefined : this.#parts.dbOf(named.tenant);
    const invited = named === null || db === undefined ? null : await readMember(db, named.tenant, named.member);
    if (named === null || invited === null || !this.#invites(named.tenant, invited, token)) throw failed();
    proven();
    const { tenant } = named;
    const passwordHash = await this.#parts.hasher.hash(password);
    return this.begin(
      tenant,
      await this.#setPassword(tenant, invited, passwordHash, (now) => this.#invites(tenant, now, token)),
    );
  }

  /** Ends all their sessions, this one too, and begins another. */
  async changePassword(
    { tenant, member: { id } }: SignedIn,
    change: PasswordChange,
    address: string,
  ): Promise<SignedIn> {
    const proven = this.#parts.rates.take(`${tenant} ${id}`, address);
    const member = await readMember(this.#db(tenant), tenant, id);
    if (member === null || !(await this.#parts.hasher.verify(change.current, member.passwordHash)))
      throw new Problem("SIGN_IN_FAILED", "current: this is not your password", [
        { field: "current", problem: "expected your password of now" },
      ]);
    proven();
    const passwordHash = await this.#parts.hasher.hash(change.new);
    const still = ({ passwordHash: stored }: StoredMember): boolean => stored === member.passwordHash;
    return this.begin(tenant, await this.#setPassword(tenant, member, passwordHash, still));
  }

  async #setPassword(
    tenant: string,
    { id }: StoredMember,
    passwordHash: string,
    still: (now: StoredMember) => boolean,
  ): Promise<StoredMember> {
    const { members } = this.#parts;
    const made: StoredMember[] = [];
    await members.changes.make({ tenant, actor: actorOf(id) }, async (tx) => {
      const before = await readMember(tx, tenant, id);
      // Looked at again under the lock: of two who use one text at once, one sets the password.
      if (before === null || !still(before)) throw failed();
      const change = await members.store(tx, tenant, "member.password", before, {
        ...before,
        passwordHash,
        invitation: null,
      });
      made.push(change.after);
      return change;
    });
    return made[0] as StoredMember;
  }

  #invites(tenant: string, { invitation, disabled }: StoredMember, token: string): boolean {
    if (invitation === null || disabled || invitation.untilMs <= this.#parts.now()) return false;
    return timingSafeEqual(invitation.hash, this.#parts.members.invitationHash(tenant, token));
  }

  #hash(tenant: string, text: string): Buffer {
    return createHmac("sha256", deriveKey(this.#parts.masterKey, "member-session", tenant))
      .update(text)
      .digest();
  }

  #db(tenant: string): Database {
    const db = this.#parts.dbOf(tenant);
    if (db === undefined) throw failed();
    return db;
  }
}

export function actorOf(member: string): string {
  return `member:${member}`;
}

function signedIn(text: string, tenant: string, member: SignedIn["member"], expiresMs: number): SignedIn {
  const permissions = permissionsOf(member.role, tenant);
  return { text, tenant, member, permissions, csrfToken: csrfTokenOf(text), expiresMs };
}

function failed(): Problem {
  return new Problem("SIGN_IN_FAILED", "These do not sign anybody in");
}
