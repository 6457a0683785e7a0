import { randomBytes } from "node:crypto";
import type { CacheProvider, Profile, SAML, ValidateInResponseTo } from "@node-saml/node-saml";
import { insertSignInRequest, takeSignInRequest, type Database } from "@tollhouse/store";
import { SESSION_COOKIE } from "../control/cookies.ts";
import type { Settings } from "../settings.ts";
import type { GroupRoles } from "./group-roles.ts";
import { personOf, SignInRefused, type ProvenPerson } from "./proven-person.ts";

/** Which request the browser has begun: only its own answer is taken from it. */
export const SAML_COOKIE = `${SESSION_COOKIE}-saml`;
export const SAML_CALLBACK = "/api/sign-in/saml/callback";
const SAML_METADATA = "/api/sign-in/saml/metadata";

/** Clocks of two well-kept machines. */
const SKEW_MS = 30_000;
/** Whatever the assertion says of its own end. */
const AGE_MS_MAX = 5 * 60_000;
/** Another one at each sign-in: nobody could be found by it again. */
const TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";

export interface SamlSettings {
  readonly entryPoint: string;
  readonly idpIssuer: string;
  readonly idpCert: readonly string[];
  /** Ours, and the audience of assertions. */
  readonly issuer: string;
  readonly name: string;
  readonly emailAttribute: string;
  readonly nameAttribute: string;
  readonly groupsAttribute: string;
  readonly roles: GroupRoles;
  readonly publicUrl: string;
}

/** Null: it is not set up. */
export function samlSettings(settings: Settings): SamlSettings | null {
  const { samlEntryPoint, samlIdpIssuer, samlIdpCert, samlRoles, publicUrl } = settings;
  if (samlEntryPoint === null || samlIdpIssuer === null || samlIdpCert === null) return null;
  if (samlRoles === null || publicUrl === null) return null;
  return {
    entryPoint: samlEntryPoint,
    idpIssuer: samlIdpIssuer,
    idpCert: samlIdpCert,
    issuer: settings.samlIssuer ?? `${publicUrl}${SAML_METADATA}`,
    name: settings.samlName,
    emailAttribute: settings.samlEmailAttribute,
    nameAttribute: settings.samlNameAttribute,
    groupsAttribute: settings.samlGroupsAttribute,
    roles: samlRoles,
    publicUrl,
  };
}

/** What of a signed assertion says whom and what it is for. */
interface SubjectOfAssertion {
  readonly Assertion?: {
    readonly Subject?: readonly {
      readonly SubjectConfirmation?: readonly {
        readonly SubjectConfirmationData?: readonly { readonly $?: Readonly<Record<string, string>> }[];
      }[];
    }[];
  };
}

/** Sign-in by SAML 2.0, begun here. The library is loaded when somebody first signs in. `db`: as the installation. */
export class Saml {
  readonly #settings: SamlSettings;
  readonly #db: Database;

  constructor(settings: SamlSettings, db: Database) {
    this.#settings = settings;
    this.#db = db;
  }

  get name(): string {
    return this.#settings.name;
  }

  /** Where the browser goes, and what it keeps meanwhile. */
  async begin(): Promise<{ readonly location: string; readonly kept: string }> {
    const id = `_${randomBytes(20).toString("hex")}`;
    const saml = await this.#client(id);
    return { location: await saml.getAuthorizeUrlAsync("", undefined, {}), kept: id };
  }

  /** Throws SignInRefused, or what the library has against the response. */
  async complete(response: string, kept: string | null): Promise<ProvenPerson> {
    if (kept === null || !/^_[0-9a-f]{40}$/.test(kept))
      throw new SignInRefused("the browser has not begun here, or too long ago");
    const saml = await this.#client(kept);
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: response });
    if (profile === null) throw new SignInRefused("the response holds no assertion");
    this.#assertForUs(profile, kept);
    const { nameID, nameIDFormat, attributes } = profile as Profile & {
      attributes?: Readonly<Record<string, unknown>>;
    };
    if (nameIDFormat === TRANSIENT)
      throw new SignInRefused("the NameID is transient: expected one that stays the same");
    const { emailAttribute, nameAttribute, groupsAttribute, roles } = this.#settings;
    const told = new Map(Object.entries(attributes ?? {}));
    const person = {
      issuer: profile.issuer,
      subject: nameID,
      email: told.get(emailAttribute) ?? nameID,
      name: told.get(nameAttribute),
      groups: told.get(groupsAttribute),
    };
    return personOf(person, roles);
  }

  async metadata(): Promise<string> {
    return (await this.#client("_")).generateServiceProviderMetadata(null);
  }

  /**
   * What the library leaves open where only the assertion is signed: an assertion that was stolen elsewhere, in a response of the thief's
   * own. It must itself say that it answers this request, and was sent here.
   */
  #assertForUs(profile: Profile, id: string): void {
    if (profile.issuer !== this.#settings.idpIssuer) throw new SignInRefused("the assertion is of another issuer");
    const { Assertion } = (profile.getAssertion?.() ?? {}) as SubjectOfAssertion;
    const confirmations = (Assertion?.Subject ?? []).flatMap((subject) => subject.SubjectConfirmation ?? []);
    const data = confirmations.flatMap((each) => each.SubjectConfirmationData ?? []).map(({ $ }) => $);
    const isForUs = data.some(($) => $?.["InResponseTo"] === id && $["Recipient"] === this.#callback);
    if (!isForUs) throw new SignInRefused("the assertion does not answer this sign-in");
  }

  /** Of one request: what it must be answered with is this request's id, taken from the database once. */
  async #client(id: string): Promise<SAML> {
    const { SAML } = await import("@node-saml/node-saml");
    const { entryPoint, idpCert, issuer } = this.#settings;
    return new SAML({
      entryPoint,
      idpCert: [...idpCert],
      issuer,
      audience: issuer,
      callbackUrl: this.#callback,
      wantAssertionsSigned: true,
      // Many providers sign the assertion alone, and what is read is in it.
      wantAuthnResponseSigned: false,
      acceptedClockSkewMs: SKEW_MS,
      maxAssertionAgeMs: AGE_MS_MAX,
      identifierFormat: null,
      disableRequestedAuthnContext: true,
      validateInResponseTo: "always" as ValidateInResponseTo,
      generateUniqueId: () => id,
      cacheProvider: this.#requests(id),
    });
  }

  #requests(id: string): CacheProvider {
    let taken: Promise<Date | null> | null = null;
    return {
      saveAsync: async (value, createdAt) => {
        await insertSignInRequest(this.#db, id);
        return { value, createdAt: Date.parse(createdAt) };
      },
      // The library asks twice: for the response and for its subject.
      getAsync: async (asked) => {
        if (asked !== id) return null;
        taken ??= takeSignInRequest(this.#db, id);
        return (await taken)?.toISOString() ?? null;
      },
      removeAsync: (asked) => Promise.resolve(asked),
    };
  }

  get #callback(): string {
    return `${this.#settings.publicUrl}${SAML_CALLBACK}`;
  }
}
