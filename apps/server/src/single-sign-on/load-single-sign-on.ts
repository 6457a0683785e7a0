import type { Database } from "@tollhouse/store";
import type { Settings } from "../settings.ts";
import { Oidc, oidcSettings } from "./oidc.ts";
import { Saml, samlSettings } from "./saml.ts";

/** The ways to sign in at an identity provider; null = not set up. */
export interface SingleSignOn {
  readonly tenant: string;
  readonly oidc: Oidc | null;
  readonly saml: Saml | null;
}

/** `db`: as the installation. */
export function loadSingleSignOn(settings: Settings, db: Database): SingleSignOn {
  const oidc = oidcSettings(settings);
  const saml = samlSettings(settings);
  return {
    tenant: settings.ssoTenant,
    oidc: oidc === null ? null : new Oidc(oidc),
    saml: saml === null ? null : new Saml(saml, db),
  };
}
