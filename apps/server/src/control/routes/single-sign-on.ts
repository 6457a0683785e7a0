import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ReasonCode } from "@tollhouse/contract";
import { DatabaseUnavailable } from "@tollhouse/store";
import type { MemberService } from "../../members/member-service.ts";
import { memberOfProvider } from "../../members/provider-members.ts";
import type { SessionService } from "../../members/session-service.ts";
import { OIDC_COOKIE } from "../../single-sign-on/oidc.ts";
import { SAML_COOKIE } from "../../single-sign-on/saml.ts";
import type { SingleSignOn } from "../../single-sign-on/load-single-sign-on.ts";
import type { ProvenPerson } from "../../single-sign-on/proven-person.ts";
import { cookieText, readCookie } from "../cookies.ts";
import { serve } from "../endpoint.ts";
import { beginOidc, beginSaml, completeOidc, completeSaml, getSamlMetadata } from "../endpoints/single-sign-on.ts";
import { Problem } from "../problem.ts";
import { endOther, setSession } from "./sign-in.ts";

export interface SingleSignOnParts {
  readonly singleSignOn: SingleSignOn;
  readonly members: MemberService;
  readonly sessions: SessionService;
  readonly findTenant: (name: string) => string | null;
  /** Told why, which whoever tried is not. */
  readonly refused: (by: "oidc" | "saml", error: unknown) => void;
}

const SIGNED_IN = "/dashboard";
const REFUSED = "/dashboard/sign-in?reason=";
/** Long enough to find one's second factor. */
const AWAY_S = 10 * 60;

/** To the identity provider and back. Whatever it has against somebody, they end at a page of ours that says so. */
export function singleSignOnRoutes(parts: SingleSignOnParts): (app: FastifyInstance) => void {
  const { oidc, saml } = parts.singleSignOn;
  const going = goingOf(parts);
  return (app) => {
    app.addHook("onClose", async () => oidc?.close());
    serve(app, beginOidc, ({ reply }) =>
      going("oidc", reply, async () => {
        const { location, kept } = await setUp(oidc).begin();
        void reply.header("set-cookie", cookieText(OIDC_COOKIE, kept, { maxAgeS: AWAY_S }));
        return location;
      }),
    );
    serve(app, completeOidc, ({ request, reply }) =>
      going("oidc", reply, async () => {
        const kept = readCookie(request.headers.cookie, OIDC_COOKIE);
        void reply.header("set-cookie", cookieText(OIDC_COOKIE, "", { maxAgeS: 0 }));
        const query = /\?.*/s.exec(request.raw.url ?? "")?.[0] ?? "";
        return begin(parts, request, reply, "oidc", await setUp(oidc).complete(query, kept));
      }),
    );
    serve(app, beginSaml, ({ reply }) =>
      going("saml", reply, async () => {
        const { location, kept } = await setUp(saml).begin();
        void reply.header("set-cookie", cookieText(SAML_COOKIE, kept, { maxAgeS: AWAY_S, sameSite: "None" }));
        return location;
      }),
    );
    serve(app, getSamlMetadata, () => setUp(saml).metadata());
    // Forms are read here alone: everywhere else a page of another site could send one without asking first.
    void app.register(async (forms) => {
      forms.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
        done(null, Object.fromEntries(new URLSearchParams(body as string))),
      );
      serve(forms, completeSaml, ({ body: { SAMLResponse }, request, reply }) =>
        going("saml", reply, async () => {
          const kept = readCookie(request.headers.cookie, SAML_COOKIE);
          void reply.header("set-cookie", cookieText(SAML_COOKIE, "", { maxAgeS: 0, sameSite: "None" }));
          return begin(parts, request, reply, "saml", await setUp(saml).complete(SAMLResponse, kept));
        }),
      );
    });
  };
}

/** Answers with where to go: what was not set up is not there, and everything else that fails is told by the sign-in page. */
function goingOf({ refused }: SingleSignOnParts) {
  return async (by: "oidc" | "saml", reply: FastifyReply, where: () => Promise<string>): Promise<undefined> => {
    let location: string;
    try {
      location = await where();
    } catch (error) {
      if (error instanceof Problem && error.code === "NOT_FOUND") throw error;
      refused(by, error);
      location = `${REFUSED}${reasonOf(error)}`;
    }
    void reply.header("cache-control", "no-store").header("location", location);
  };
}

function reasonOf(error: unknown): ReasonCode {
  if (error instanceof DatabaseUnavailable) return "DATABASE_UNAVAILABLE";
  return error instanceof Problem ? error.code : "SIGN_IN_REFUSED";
}

async function begin(
  { members, sessions, singleSignOn, findTenant }: SingleSignOnParts,
  request: FastifyRequest,
  reply: FastifyReply,
  by: "oidc" | "saml",
  person: ProvenPerson,
): Promise<string> {
  const tenant = findTenant(singleSignOn.tenant);
  if (tenant === null) throw new Error(`TOLLHOUSE_SSO_TENANT: there is no tenant ${singleSignOn.tenant}`);
  const member = await memberOfProvider(members, tenant, by, person);
  await endOther(sessions, request);
  setSession(reply, await sessions.begin(tenant, member));
  return SIGNED_IN;
}

function setUp<T>(provider: T | null): T {
  if (provider === null) throw new Problem("NOT_FOUND", "This way to sign in is not set up");
  return provider;
}
