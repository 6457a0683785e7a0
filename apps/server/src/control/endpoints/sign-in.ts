import {
  MEMBER_PERMISSIONS,
  MEMBER_ROLES,
  passwordChangeSchema,
  signInInvitationSchema,
  signInOwnerSchema,
  signInPasswordSchema,
  type SessionAnswer,
  type SignInAnswer,
} from "@tollhouse/contract";
import { z } from "zod";
import { endpoint, type Endpoint } from "../endpoint.ts";
import { time } from "./fields.ts";

const session: z.ZodType<SessionAnswer> = z
  .strictObject({
    member: z
      .strictObject({ id: z.string(), name: z.string(), email: z.string(), role: z.enum(MEMBER_ROLES) })
      .nullable()
      .meta({ description: "Null: a key asks." }),
    actor: z.string().meta({ description: "As the audit names them." }),
    tenant: z.string(),
    environments: z.array(z.string()),
    permissions: z.array(z.enum(MEMBER_PERMISSIONS)),
    csrf_token: z.string().nullable().meta({ description: "For `x-tollhouse-csrf`; null: a key needs none." }),
    expires_at: time.nullable(),
  })
  .meta({ id: "CurrentSession" });

const provider = z.strictObject({ name: z.string() }).nullable();
const ways: z.ZodType<SignInAnswer> = z
  .strictObject({
    needs_owner: z.boolean().meta({ description: "Nobody can sign in yet: the admin key makes the first owner." }),
    password: z.literal(true),
    oidc: provider,
    saml: provider,
  })
  .meta({ id: "SignIn" });

const MEMBER = { id: "mem_4vT9cXq2LrB7wZbK", name: "Ada", email: "ada@example.com", role: "operator" as const };
const SAMPLE = {
  member: MEMBER,
  actor: `member:${MEMBER.id}`,
  tenant: "default",
  environments: ["dev", "prod", "staging"],
  permissions: ["read", "operate"] as ("read" | "operate")[],
  csrf_token: "…",
  expires_at: "2026-11-28T06:30:00.000Z",
};
const BY_KEY = { ...SAMPLE, member: null, actor: "admin-key", csrf_token: null, expires_at: null };
const open = { tag: "sign-in", open: true } as const;
const password = "correct horse battery staple";

export const getSignIn = endpoint({
  ...open,
  operationId: "getSignIn",
  method: "GET",
  path: "/api/sign-in",
  summary: "The ways to sign in.",
  status: 200,
  answer: ways,
  errors: [],
  example: { answer: { needs_owner: false, password: true, oidc: { name: "Example" }, saml: null } },
});

export const signInOwner = endpoint({
  ...open,
  operationId: "signInOwner",
  method: "POST",
  path: "/api/sign-in/owner",
  summary: "Make the first owner with the admin key, while there is none, and sign in.",
  body: signInOwnerSchema.meta({ id: "SignInOwner" }),
  status: 200,
  answer: session,
  errors: [
    "ADMIN_KEY_REQUIRED",
    "ALREADY_EXISTS",
    "RATE_LIMITED",
    "OVERLOADED",
    "SPOOL_UNAVAILABLE",
    "REQUEST_TOO_LARGE",
  ],
  example: { body: { admin_key: "th_admin_…", name: "Ada", email: "ada@example.com", password }, answer: SAMPLE },
});

export const signInPassword = endpoint({
  ...open,
  operationId: "signInPassword",
  method: "POST",
  path: "/api/sign-in/password",
  summary: "Sign in: the answer sets the session's cookie.",
  body: signInPasswordSchema.meta({ id: "SignInPassword" }),
  status: 200,
  answer: session,
  errors: ["SIGN_IN_FAILED", "RATE_LIMITED", "OVERLOADED", "REQUEST_TOO_LARGE"],
  example: { body: { email: "ada@example.com", password }, answer: SAMPLE },
});

export const signInInvitation = endpoint({
  ...open,
  operationId: "signInInvitation",
  method: "POST",
  path: "/api/sign-in/invitation",
  summary: "Set a password by a one-time text, and sign in.",
  body: signInInvitationSchema.meta({ id: "SignInInvitation" }),
  status: 200,
  answer: session,
  errors: ["SIGN_IN_FAILED", "RATE_LIMITED", "OVERLOADED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: { token: "…", password }, answer: SAMPLE },
});

export const getCurrentSession = endpoint({
  operationId: "getCurrentSession",
  method: "GET",
  path: "/api/v1/session",
  tag: "members",
  summary: "Who asks, and what they may.",
  keys: true,
  status: 200,
  answer: session,
  errors: [],
  example: { answer: BY_KEY },
});

export const endSession = endpoint({
  operationId: "endSession",
  method: "POST",
  path: "/api/v1/session/end",
  tag: "members",
  summary: "Sign out: the session ends on every gateway.",
  session: true,
  status: 204,
  errors: [],
  example: {},
});

export const changePassword = endpoint({
  operationId: "changePassword",
  method: "POST",
  path: "/api/v1/session/password",
  tag: "members",
  summary: "Change one's own password. All sessions of the member end, and this answer sets the cookie of a new one.",
  session: true,
  body: passwordChangeSchema.meta({ id: "PasswordChange" }),
  status: 200,
  answer: session,
  errors: ["SIGN_IN_FAILED", "OVERLOADED", "SPOOL_UNAVAILABLE", "REQUEST_TOO_LARGE"],
  example: { body: { current: password, new: "a longer horse battery staple" }, answer: SAMPLE },
});

export const SIGN_IN_ENDPOINTS: readonly Endpoint[] = [getSignIn, signInOwner, signInPassword, signInInvitation];
export const SESSION_OF_MEMBER_ENDPOINTS: readonly Endpoint[] = [getCurrentSession, endSession, changePassword];
