import { z } from "zod";

/**
 * active: used. The other three are never used, and calls are refused rather than paid for by somebody else's key: it was stored for
 * another address than the provider has now; it cannot be decrypted where it is; there is no such provider any more.
 */
export const PROVIDER_KEY_STATES = ["active", "origin_changed", "unreadable", "not_configured"] as const;
export type ProviderKeyState = (typeof PROVIDER_KEY_STATES)[number];

/** `PUT /api/v1/provider-keys/{provider}`. Where the provider is, is the installation's setting alone: a tenant cannot say it. */
export interface ProviderKeySet {
  /** Goes in, and never comes out. */
  api_key: string;
}

/** A provider key as the control API answers it: everything but the secret. */
export interface ProviderKeyAnswer {
  /** `pkey_…`; another one for each secret. */
  id: string;
  provider: string;
  environment: string;
  state: ProviderKeyState;
  /** Scheme, host and port that it was stored for, and goes to. */
  origin: string;
  /** The same for the same secret in any environment of the tenant, and keyed: it tells nothing of the secret. */
  fingerprint: string;
  /** Null: not `active`, or the secret is too short to show a part of it. */
  last_four: string | null;
  version: number;
  created_at: string;
  /** `admin-key` or `key_…`. */
  created_by: string;
}

/** A secret of twenty characters keeps sixteen to itself. */
export const PROVIDER_KEY_LENGTH_SHOWN_MIN = 20;

export const providerKeySetSchema: z.ZodType<ProviderKeySet> = z.strictObject({
  api_key: z
    .string({ error: "expected the provider's key as a text" })
    // It goes into a header: anything else is refused here, and not at the first call.
    .regex(/^[\x21-\x7e]{8,4096}$/, { error: "expected 8 to 4096 visible ASCII characters without spaces" })
    .refine((text) => !text.startsWith("th_"), { error: "expected a key of the provider, not one of Tollhouse" }),
});

/** The name of a provider as settings have it. */
export const providerNameSchema: z.ZodType<string> = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, { error: "expected the name of a provider, such as `openai`" });
