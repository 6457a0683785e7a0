import type { Settings } from "../settings.ts";
import { Oidc, oidcSettings } from "./oidc.ts";

/** The ways to sign in at an identity provider; null = not set up. */
export interface SingleSignOn {
  readonly tenant: string;
  readonly oidc: Oidc | null;
}

export function loadSingleSignOn(settings: Settings): SingleSignOn {
  const oidc = oidcSettings(settings);
  return { tenant: settings.ssoTenant, oidc: oidc === null ? null : new Oidc(oidc) };
}
