import type { IncomingHttpHeaders } from "node:http";
import type { FastifyRequest } from "fastify";
import { CSRF_HEADER } from "@tollhouse/contract";
import { actorOf, type SignedIn } from "../members/session-service.ts";
import { accessOf, type Access, type AccessParts } from "./access.ts";
import { readCookie, SESSION_COOKIE } from "./cookies.ts";
import { Problem } from "./problem.ts";
import { isForeignPage, isOwnPage, sameText } from "./same-site.ts";

/** Nothing is answered to anybody but below here. */
const OPEN_PATH = "/api/sign-in";

/** Throws where a route opens itself to anybody that is not about signing in. */
export function assertOpenPath(url: string, open: true | undefined): void {
  if (open === true && url !== OPEN_PATH && !url.startsWith(`${OPEN_PATH}/`))
    throw new Error(`${url} cannot be open to anybody: expected a path under ${OPEN_PATH}`);
}

/** Why a request to such a route may not go on: another site's page must not sign its visitor in as somebody. */
export function openProblem({ method, headers, routeOptions }: FastifyRequest): Problem | undefined {
  if (isRead(method) || routeOptions.config.fromElsewhere === true || !isForeignPage(headers)) return undefined;
  return new Problem("CROSS_SITE_REQUEST", "Sign in from a page of this installation");
}

/** The session that a request comes with; null where it has none, or carries a key: that one counts, and the cookie is not looked at. */
export function sessionTextOf(headers: IncomingHttpHeaders): string | null {
  return headers.authorization === undefined ? readCookie(headers.cookie, SESSION_COOKIE) : null;
}

/** `noRoute`: a path that is none is nobody's alone: whoever has a key reads that it is not there. */
export function keyAccess(parts: AccessParts, request: FastifyRequest, noRoute: boolean): Access | Problem {
  return accessOf(parts, {
    authorization: request.headers.authorization ?? "",
    method: request.method,
    keys: noRoute || request.routeOptions?.config?.keys === true,
  });
}

/** What the member of this session may ask here. */
export async function sessionAccess(
  findSession: (text: string) => Promise<SignedIn | null>,
  text: string,
  { method, headers, is404, routeOptions }: FastifyRequest,
): Promise<Access | Problem> {
  const signedIn = await findSession(text);
  if (signedIn === null) return new Problem("SESSION_ENDED", "Sign in again");
  const { permission } = routeOptions.config;
  if (!isRead(method) && !(isOwnPage(headers) && sameText(headers[CSRF_HEADER], signedIn.csrfToken)))
    return new Problem(
      "CROSS_SITE_REQUEST",
      `Send ${CSRF_HEADER} with the csrf_token of GET /api/v1/session, from a page of ours`,
    );
  if (!is404 && (permission === undefined || !signedIn.permissions.has(permission)))
    return new Problem(
      "ROLE_INSUFFICIENT",
      `The role ${signedIn.member.role} does not have the permission \`${permission ?? "installation"}\``,
    );
  return {
    actor: actorOf(signedIn.member.id),
    tenant: signedIn.tenant,
    environment: null,
    permissions: null,
    signedIn,
    ended: async () => (await findSession(text)) === null,
  };
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}
