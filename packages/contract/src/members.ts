import { z } from "zod";
import { tenantNameSchema } from "./tenants.ts";

/** Each may do what those before it may. */
export const MEMBER_ROLES = ["viewer", "operator", "admin", "owner"] as const;
export type MemberRole = (typeof MEMBER_ROLES)[number];

/**
 * read: everything but payloads and members. operate: stop and freeze, and lift it. manage: limits, policies, keys and the like.
 * payloads: texts of calls. members: who may sign in. own: what changes the tenant itself, and its owners. installation: other tenants.
 */
export const MEMBER_PERMISSIONS = ["read", "operate", "manage", "payloads", "members", "own", "installation"] as const;
export type MemberPermission = (typeof MEMBER_PERMISSIONS)[number];

export const MEMBER_BOUNDS = { nameLength: 128, emailLength: 254, passwordLengthMin: 12, passwordLength: 256 } as const;

/** `invited`: has no way to sign in yet but the one-time text. */
export const MEMBER_STATES = ["active", "invited", "disabled"] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

export interface MemberAnswer {
  /** `mem_…`; the ledger names a member by it, and by nothing else. */
  id: string;
  email: string;
  name: string;
  role: MemberRole;
  state: MemberState;
  /** Signs in at the identity provider, which says their role. */
  single_sign_on: boolean;
  created_at: string;
  last_sign_in_at: string | null;
  version: number;
}

/** Answered once: whoever has it sets the password. */
export interface MemberInvitation {
  token: string;
  expires_at: string;
}

export interface MemberMade extends MemberAnswer {
  /** Null: a password was given. */
  invitation: MemberInvitation | null;
}

/** `POST /api/v1/members`. */
export interface MemberCreate {
  email: string;
  name: string;
  role: MemberRole;
  password?: string | undefined;
}

/** `PUT /api/v1/members/{id}`: what is missing stays. */
export interface MemberUpdate {
  name?: string | undefined;
  role?: MemberRole | undefined;
  disabled?: boolean | undefined;
  version?: number | undefined;
}

/** `GET /api/v1/session`: who asks, and what they may. */
export interface SessionAnswer {
  /** Null: a key asks. */
  member: Pick<MemberAnswer, "id" | "name" | "email" | "role"> | null;
  /** As the ledger names them: `member:mem_…`, `admin-key` or `key_…`. */
  actor: string;
  tenant: string;
  environments: string[];
  permissions: MemberPermission[];
  /** For the header `x-tollhouse-csrf` of every request that changes something; null: a key needs none. */
  csrf_token: string | null;
  expires_at: string | null;
}

/** `GET /api/sign-in`: the ways to sign in. */
export interface SignInAnswer {
  /** The installation was just set up: the admin key makes its first owner. */
  needs_owner: boolean;
  password: true;
  oidc: { name: string } | null;
  saml: { name: string } | null;
}

export interface SignInOwner {
  admin_key: string;
  name: string;
  email: string;
  password: string;
}

export interface SignInPassword {
  email: string;
  password: string;
  /** Without one: `default`. */
  tenant?: string | undefined;
}

export interface SignInInvitation {
  token: string;
  password: string;
}

export interface PasswordChange {
  current: string;
  new: string;
}

/** Of every request of a session that changes something. */
export const CSRF_HEADER = "x-tollhouse-csrf";

const name = z
  .string({ error: "expected a name" })
  .trim()
  .min(1, { error: "expected a name" })
  .max(MEMBER_BOUNDS.nameLength, { error: `expected at most ${MEMBER_BOUNDS.nameLength} characters` })
  .regex(/^\P{Cc}*$/u, { error: "expected a name without control characters" });
const role = z.enum(MEMBER_ROLES, { error: `expected one of ${MEMBER_ROLES.join(", ")}` });

/** In lower case: nobody has two addresses that differ in nothing else. */
export const emailSchema: z.ZodType<string, string> = z
  .string({ error: "expected an e-mail address" })
  .trim()
  .max(MEMBER_BOUNDS.emailLength, { error: `expected at most ${MEMBER_BOUNDS.emailLength} characters` })
  .regex(/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u, { error: "expected an e-mail address such as ada@example.com" })
  .toLowerCase();

/** A new one. Length is what makes it hard to guess; which characters it has is its owner's business. */
const newPassword = z
  .string({ error: "expected a password" })
  .min(MEMBER_BOUNDS.passwordLengthMin, { error: `expected at least ${MEMBER_BOUNDS.passwordLengthMin} characters` })
  .max(MEMBER_BOUNDS.passwordLength, { error: `expected at most ${MEMBER_BOUNDS.passwordLength} characters` })
  .refine((text) => new Set(text).size > 3, { error: "expected more than three different characters" });
/** One that is compared: what no password can be is a wrong one. */
const givenPassword = z
  .string({ error: "expected a password" })
  .max(MEMBER_BOUNDS.passwordLength, { error: `expected at most ${MEMBER_BOUNDS.passwordLength} characters` });

export const memberCreateSchema: z.ZodType<MemberCreate> = z.strictObject({
  email: emailSchema,
  name,
  role,
  password: newPassword.optional(),
});

export const memberUpdateSchema: z.ZodType<MemberUpdate> = z.strictObject({
  name: name.optional(),
  role: role.optional(),
  disabled: z.boolean({ error: "expected true or false" }).optional(),
  version: z.number().int().positive().optional(),
});

export const signInOwnerSchema: z.ZodType<SignInOwner> = z.strictObject({
  admin_key: z.string({ error: "expected the admin key" }).max(256),
  name,
  email: emailSchema,
  password: newPassword,
});

export const signInPasswordSchema: z.ZodType<SignInPassword> = z.strictObject({
  email: emailSchema,
  password: givenPassword,
  tenant: tenantNameSchema.optional(),
});

export const signInInvitationSchema: z.ZodType<SignInInvitation> = z.strictObject({
  token: z.string({ error: "expected the text of the invitation" }).max(256),
  password: newPassword,
});

export const passwordChangeSchema: z.ZodType<PasswordChange> = z.strictObject({
  current: givenPassword,
  new: newPassword,
});
