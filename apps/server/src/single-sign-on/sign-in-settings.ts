import { X509Certificate } from "node:crypto";
import { tenantNameSchema } from "@tollhouse/contract";
import { baseUrl, checked, credential } from "../setting-text.ts";
import { optional, required, secret } from "../setting.ts";
import { readGroupRoles } from "./group-roles.ts";

const ROLES_EXPECTED =
  "groups and their roles such as `platform=owner, finance=viewer`, with commas between them; `*` stands for who is in none of them";

function text(expected: string, lengthMax = 256) {
  return checked(expected, (given) =>
    new RegExp(`^[^\\p{Cc}]{1,${lengthMax}}$`, "u").test(given) ? given : undefined,
  );
}

/** A PEM, or the base64 inside one, as metadata of identity providers has it. Several follow one another. */
function readCertificates(given: string): string[] | undefined {
  const bare = given.replaceAll(/-----(BEGIN|END) CERTIFICATE-----/g, ",").replaceAll(/\s/g, "");
  const certificates = bare.split(",").filter((each) => each !== "");
  try {
    for (const each of certificates) void new X509Certificate(Buffer.from(each, "base64"));
  } catch {
    return undefined;
  }
  return certificates.length === 0 ? undefined : certificates;
}

export const SIGN_IN_SETTINGS = {
  publicUrl: optional(
    "TOLLHOUSE_PUBLIC_URL",
    checked("an http or https URL without a path, such as `https://tollhouse.example.com`", (given) => {
      const url = URL.canParse(given) ? new URL(given) : undefined;
      return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === given.replace(/\/$/, "")
        ? url.origin
        : undefined;
    }),
    "where browsers reach this Tollhouse; single sign-on needs it, for identity providers send people back there",
  ),
  ssoTenant: required(
    "TOLLHOUSE_SSO_TENANT",
    "default",
    checked("the name of a tenant", (given) => (tenantNameSchema.safeParse(given).success ? given : undefined)),
    "tenant whose members sign in by OIDC or SAML",
  ),
  oidcIssuer: optional(
    "TOLLHOUSE_OIDC_ISSUER",
    baseUrl,
    "OpenID Connect: the issuer, below which `.well-known/openid-configuration` is found; needs `TOLLHOUSE_OIDC_CLIENT_ID`, `TOLLHOUSE_OIDC_ROLES` and `TOLLHOUSE_PUBLIC_URL`",
  ),
  oidcClientId: optional(
    "TOLLHOUSE_OIDC_CLIENT_ID",
    text("1 to 256 characters"),
    "what the issuer calls this Tollhouse",
  ),
  oidcClientSecret: optional(
    "TOLLHOUSE_OIDC_CLIENT_SECRET",
    credential,
    "secret of that client; not set: a public client, with PKCE alone",
    secret,
  ),
  oidcName: required(
    "TOLLHOUSE_OIDC_NAME",
    "Single sign-on",
    text("1 to 64 characters", 64),
    "what the sign-in page calls it",
  ),
  oidcScopes: required(
    "TOLLHOUSE_OIDC_SCOPES",
    "openid email profile",
    checked("scopes with spaces between them, `openid` among them", (given) =>
      /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(given) && given.split(" ").includes("openid") ? given : undefined,
    ),
    "what the issuer is asked for; add what makes it say the groups, where it needs that",
  ),
  oidcGroupsClaim: required(
    "TOLLHOUSE_OIDC_GROUPS_CLAIM",
    "groups",
    text("1 to 256 characters"),
    "claim that names the groups of somebody",
  ),
  oidcRoles: optional(
    "TOLLHOUSE_OIDC_ROLES",
    checked(ROLES_EXPECTED, readGroupRoles),
    "which groups have which role; whoever is in none of them is refused",
  ),
  samlEntryPoint: optional(
    "TOLLHOUSE_SAML_ENTRY_POINT",
    baseUrl,
    "SAML: where the identity provider takes requests (HTTP-Redirect); needs `TOLLHOUSE_SAML_IDP_ISSUER`, `TOLLHOUSE_SAML_IDP_CERT`, `TOLLHOUSE_SAML_ROLES` and `TOLLHOUSE_PUBLIC_URL`",
  ),
  samlIdpIssuer: optional(
    "TOLLHOUSE_SAML_IDP_ISSUER",
    text("1 to 1024 characters", 1_024),
    "entity id of the identity provider",
  ),
  samlIdpCert: optional(
    "TOLLHOUSE_SAML_IDP_CERT",
    checked("X.509 certificates as PEM or base64, with commas between them", readCertificates),
    "what the identity provider signs assertions with; two while it changes",
  ),
  samlIssuer: optional(
    "TOLLHOUSE_SAML_ISSUER",
    text("1 to 1024 characters", 1_024),
    "entity id of this Tollhouse, and the audience that assertions must name; not set: `/api/sign-in/saml/metadata` below `TOLLHOUSE_PUBLIC_URL`",
  ),
  samlName: required(
    "TOLLHOUSE_SAML_NAME",
    "Single sign-on (SAML)",
    text("1 to 64 characters", 64),
    "what the sign-in page calls it",
  ),
  samlGroupsAttribute: required(
    "TOLLHOUSE_SAML_GROUPS_ATTRIBUTE",
    "groups",
    text("1 to 256 characters"),
    "attribute that names the groups of somebody",
  ),
  samlEmailAttribute: required(
    "TOLLHOUSE_SAML_EMAIL_ATTRIBUTE",
    "email",
    text("1 to 256 characters"),
    "attribute with the e-mail address; where it is missing, a NameID that is one",
  ),
  samlNameAttribute: required(
    "TOLLHOUSE_SAML_NAME_ATTRIBUTE",
    "name",
    text("1 to 256 characters"),
    "attribute with the name; where it is missing, the e-mail address",
  ),
  samlRoles: optional(
    "TOLLHOUSE_SAML_ROLES",
    checked(ROLES_EXPECTED, readGroupRoles),
    "which groups have which role; whoever is in none of them is refused",
  ),
};

type SignInSetting = keyof typeof SIGN_IN_SETTINGS;

const NEEDS: Readonly<Record<"oidcIssuer" | "samlEntryPoint", readonly SignInSetting[]>> = {
  oidcIssuer: ["oidcClientId", "oidcRoles", "publicUrl"],
  samlEntryPoint: ["samlIdpIssuer", "samlIdpCert", "samlRoles", "publicUrl"],
};

/** What single sign-on needs and has not. */
export function missingSignInSettings(
  values: Readonly<Record<SignInSetting, unknown>>,
): { name: string; problem: string }[] {
  return Object.entries(NEEDS).flatMap(([of, needed]) => {
    if (values[of as keyof typeof NEEDS] === null) return [];
    const because = `because ${SIGN_IN_SETTINGS[of as keyof typeof NEEDS].variable} is set`;
    return needed
      .filter((name) => values[name] === null)
      .map((name) => ({
        name: SIGN_IN_SETTINGS[name].variable,
        problem: `expected ${SIGN_IN_SETTINGS[name].expected}, ${because}`,
      }));
  });
}
