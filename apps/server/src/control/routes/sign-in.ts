import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { MEMBER_PERMISSIONS, type MemberPermission, type SessionAnswer } from "@tollhouse/contract";
import { DEFAULT_TENANT, SESSION_S, type Tenant } from "@tollhouse/store";
import type { MemberService } from "../../members/member-service.ts";
import { actorOf, type SessionService, type SignedIn } from "../../members/session-service.ts";
import type { SingleSignOn } from "../../single-sign-on/load-single-sign-on.ts";
import type { Access } from "../access.ts";
import type { ControlRates } from "../control-rates.ts";
import { cookieText, readCookie, SESSION_COOKIE } from "../cookies.ts";
import { serve } from "../endpoint.ts";
import {
  changePassword,
  endSession,
  getCurrentSession,
  getSignIn,
  signInInvitation,
  signInOwner,
  signInPassword,
} from "../endpoints/sign-in.ts";
import { Problem } from "../problem.ts";

export interface SignInParts {
  readonly members: MemberService;
  readonly sessions: SessionService;
  readonly rates: ControlRates;
  readonly isAdminKey: (text: string) => boolean;
  readonly singleSignOn: SingleSignOn;
  readonly needsOwner: () => Promise<boolean>;
  readonly tenant: (id: string) => Tenant;
}

/** What a member does with a session: begins it, asks who they are, changes their password, ends it. */
export function signInRoutes(parts: SignInParts): (app: FastifyInstance) => void {
  const { members, sessions, rates, isAdminKey, tenant } = parts;
  const { oidc, saml } = parts.singleSignOn;
  const begun = async (request: FastifyRequest, reply: FastifyReply, signedIn: SignedIn): Promise<SessionAnswer> => {
    await endOther(sessions, request);
    setSession(reply, signedIn);
    return describeSession(accessOfMember(signedIn), tenant(signedIn.tenant));
  };
  return (app) => {
    serve(app, getSignIn, async () => ({
      needs_owner: await parts.needsOwner(),
      password: true as const,
      oidc: oidc === null ? null : { name: oidc.name },
      saml: saml === null ? null : { name: saml.name },
    }));
    serve(app, signInOwner, async ({ body: { admin_key, ...owner }, request, reply }) => {
      if (!isAdminKey(admin_key))
        throw rates.refuse(new Problem("ADMIN_KEY_REQUIRED", "admin_key: expected the admin key"), addressOf(request));
      const member = await members.createFirstOwner(owner);
      return begun(request, reply, await sessions.begin(DEFAULT_TENANT, member));
    });
    serve(app, signInPassword, async ({ body, request, reply }) =>
      begun(request, reply, await sessions.byPassword(body, addressOf(request))),
    );
    serve(app, signInInvitation, async ({ body, request, reply }) =>
      begun(request, reply, await sessions.byInvitation(body, addressOf(request))),
    );
    serve(app, getCurrentSession, ({ request: { access }, reply }) => {
      void reply.header("cache-control", "no-store");
      return describeSession(access, tenant(access.tenant));
    });
    serve(app, endSession, async ({ request: { access }, reply }) => {
      await sessions.end(signedInOf(access));
      void reply.header("set-cookie", cookieText(SESSION_COOKIE, "", { maxAgeS: 0 }));
    });
    serve(app, changePassword, async ({ body, request, reply }) =>
      begun(request, reply, await sessions.changePassword(signedInOf(request.access), body, addressOf(request))),
    );
  };
}

/** Gives the browser the session's cookie, in an answer that no cache keeps. */
export function setSession(reply: FastifyReply, { text }: SignedIn): void {
  void reply.header("set-cookie", cookieText(SESSION_COOKIE, text, { maxAgeS: SESSION_S }));
  void reply.header("cache-control", "no-store");
}

/** Whoever signs in anew leaves no session behind that nobody has a cookie of. */
export async function endOther(sessions: SessionService, { headers }: FastifyRequest): Promise<void> {
  const text = readCookie(headers.cookie, SESSION_COOKIE);
  const other = text === null ? null : await sessions.find(text);
  if (other !== null) await sessions.end(other);
}

function accessOfMember(signedIn: SignedIn): Access {
  const { tenant, member } = signedIn;
  return { actor: actorOf(member.id), tenant, environment: null, permissions: null, signedIn };
}

function describeSession({ actor, environment, permissions, signedIn }: Access, tenant: Tenant): SessionAnswer {
  const names = tenant.environments.map(({ name }) => name);
  return {
    member: signedIn?.member ?? null,
    actor,
    tenant: tenant.name,
    environments: environment === null ? names : [environment],
    permissions: signedIn !== undefined ? [...signedIn.permissions] : permissionsOfKey(permissions),
    csrf_token: signedIn?.csrfToken ?? null,
    expires_at: signedIn === undefined ? null : new Date(signedIn.expiresMs).toISOString(),
  };
}

/** In the words of members: a key that manages also stops. */
function permissionsOfKey(permissions: Access["permissions"]): MemberPermission[] {
  if (permissions === null) return [...MEMBER_PERMISSIONS];
  const read: MemberPermission[] = permissions.has("read") ? ["read"] : [];
  return permissions.has("manage") ? [...read, "operate", "manage"] : read;
}

function signedInOf({ signedIn }: Access): SignedIn {
  if (signedIn === undefined) throw new Problem("REQUEST_INVALID", "A key has no session: expected the cookie of one");
  return signedIn;
}

function addressOf(request: FastifyRequest): string {
  return request.socket.remoteAddress ?? "";
}
