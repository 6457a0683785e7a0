import type { Configuration } from "openid-client";
import { SESSION_COOKIE } from "../control/cookies.ts";
import type { Settings } from "../settings.ts";
import type { GroupRoles } from "./group-roles.ts";
import { guardedFetch } from "./guarded-fetch.ts";
import { personOf, SignInRefused, type ProvenPerson } from "./proven-person.ts";

/** What the browser keeps between leaving for the provider and coming back: nobody else has it. */
export const OIDC_COOKIE = `${SESSION_COOKIE}-oidc`;
export const OIDC_CALLBACK = "/api/sign-in/oidc/callback";

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly name: string;
  readonly scopes: string;
  readonly groupsClaim: string;
  readonly roles: GroupRoles;
  readonly publicUrl: string;
}

/** Null: it is not set up. */
export function oidcSettings(settings: Settings): OidcSettings | null {
  const { oidcIssuer, oidcClientId, oidcRoles, publicUrl } = settings;
  if (oidcIssuer === null || oidcClientId === null || oidcRoles === null || publicUrl === null) return null;
  return {
    issuer: oidcIssuer,
    clientId: oidcClientId,
    clientSecret: settings.oidcClientSecret,
    name: settings.oidcName,
    scopes: settings.oidcScopes,
    groupsClaim: settings.oidcGroupsClaim,
    roles: oidcRoles,
    publicUrl,
  };
}

interface Begun {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

type Client = typeof import("openid-client");

/** Sign-in by OpenID Connect: authorization code with PKCE, state and nonce. The library is loaded when somebody first signs in. */
export class Oidc {
  readonly #settings: OidcSettings;
  readonly #guarded: ReturnType<typeof guardedFetch>;
  #discovered: Promise<Configuration> | null = null;

  constructor(settings: OidcSettings) {
    this.#settings = settings;
    this.#guarded = guardedFetch(new URL(settings.issuer).origin);
  }

  get name(): string {
    return this.#settings.name;
  }

  /** Where the browser goes, and what it keeps meanwhile. */
  async begin(): Promise<{ readonly location: string; readonly kept: string }> {
    const client = await import("openid-client");
    const configuration = await this.#configuration(client);
    const begun: Begun = {
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const location = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#callback,
      scope: this.#settings.scopes,
      code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
      code_challenge_method: "S256",
      state: begun.state,
      nonce: begun.nonce,
    });
    return { location: location.href, kept: Buffer.from(JSON.stringify(begun)).toString("base64url") };
  }

  /** `query`: of the callback, as it came. Throws SignInRefused, or what the library has against the answer. */
  async complete(query: string, kept: string | null): Promise<ProvenPerson> {
    const begun = readBegun(kept);
    if (begun === null) throw new SignInRefused("the browser has not begun here, or too long ago");
    const client = await import("openid-client");
    const configuration = await this.#configuration(client);
    const tokens = await client.authorizationCodeGrant(configuration, new URL(`${this.#callback}${query}`), {
      pkceCodeVerifier: begun.verifier,
      expectedState: begun.state,
      expectedNonce: begun.nonce,
      idTokenExpected: true,
    });
    const claims = tokens.claims();
    if (claims === undefined) throw new SignInRefused("the provider sent no ID token");
    const { groupsClaim, roles } = this.#settings;
    const knows = claims[groupsClaim] !== undefined && claims["email"] !== undefined;
    const asks = !knows && configuration.serverMetadata().userinfo_endpoint !== undefined;
    const more = asks ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
    const told: Readonly<Record<string, unknown>> = { ...more, ...claims };
    if (told["email_verified"] === false) throw new SignInRefused("the provider has not verified the e-mail address");
    const person = {
      issuer: claims.iss,
      subject: claims.sub,
      email: told["email"],
      name: told["name"],
      groups: told[groupsClaim],
    };
    return personOf(person, roles);
  }

  close(): Promise<void> {
    return this.#guarded.close();
  }

  get #callback(): string {
    return `${this.#settings.publicUrl}${OIDC_CALLBACK}`;
  }

  /** Read once; where that fails, the next sign-in tries again. */
  #configuration(client: Client): Promise<Configuration> {
    this.#discovered ??= this.#discover(client).catch((error: unknown) => {
      this.#discovered = null;
      throw error;
    });
    return this.#discovered;
  }

  #discover(client: Client): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const proof = clientSecret === null ? client.None() : client.ClientSecretBasic(clientSecret);
    // http is the operator's own word in the settings, for a provider on the same machine.
    const insecure = issuer.startsWith("http:") ? [client.allowInsecureRequests] : [];
    return client.discovery(new URL(issuer), clientId, undefined, proof, {
      [client.customFetch]: (url, options) => this.#guarded.fetch(url, options as RequestInit),
      // The ID token's signature is checked too, though it comes from the provider itself over TLS.
      execute: [...insecure, client.enableNonRepudiationChecks],
    });
  }
}

function readBegun(kept: string | null): Begun | null {
  try {
    const begun = JSON.parse(Buffer.from(kept ?? "", "base64url").toString()) as Partial<Begun>;
    const { state, nonce, verifier } = begun;
    return state && nonce && verifier ? { state, nonce, verifier } : null;
  } catch {
    return null;
  }
}
