import { PROVIDER_KEY_LENGTH_SHOWN_MIN, type ProviderKeyAnswer, type ProviderKeyState } from "@tollhouse/contract";
import { openSecret, ProviderKeyUnreadable, type StoredProviderKey } from "@tollhouse/store";
import type { Credential, Upstream } from "../gateway/upstreams.ts";
import type { Place } from "../place.ts";

/** A key that is there: not a deleted one, whose row is kept for its version. */
export type LiveProviderKey = StoredProviderKey & { readonly sealed: Uint8Array; readonly fingerprint: string };

/**
 * A tenant's own provider key in memory. The secret is in private fields alone: nothing that serialises, prints or spreads this object
 * finds it. A string of JavaScript cannot be wiped; it is let go with this object.
 */
export class OwnProviderKey {
  readonly key: LiveProviderKey;
  readonly state: ProviderKeyState;
  readonly #secret: string | null;
  /** The header it goes upstream in; made once, and read by each call. */
  readonly #credential: Credential | null;

  private constructor(key: LiveProviderKey, state: ProviderKeyState, opened: Opened | null) {
    this.key = key;
    this.state = state;
    this.#secret = opened?.secret ?? null;
    this.#credential = opened === null ? null : opened.upstream.credentialOf(opened.secret);
  }

  /**
   * Opened only where it may be used: for a provider that is configured, at the address that it was stored for. An address that was
   * changed must never see the secret, so it is not even decrypted.
   */
  static open(
    master: Uint8Array,
    { tenant, environment }: Place,
    key: LiveProviderKey,
    upstream: Upstream | undefined,
  ): OwnProviderKey {
    if (upstream === undefined) return new OwnProviderKey(key, "not_configured", null);
    if (upstream.origin !== key.origin) return new OwnProviderKey(key, "origin_changed", null);
    const { provider, origin, id } = key;
    try {
      const secret = openSecret(master, { tenant, environment, provider, origin, id }, key.sealed);
      return new OwnProviderKey(key, "active", { secret, upstream });
    } catch (error) {
      if (!(error instanceof ProviderKeyUnreadable)) throw error;
      return new OwnProviderKey(key, "unreadable", null);
    }
  }

  /** Null: it is not to be used. */
  get credential(): Credential | null {
    return this.#credential;
  }

  /** For the redaction of log lines. */
  get secret(): string | null {
    return this.#secret;
  }

  answer(environment: string): ProviderKeyAnswer {
    const secret = this.#secret;
    const shown = secret !== null && secret.length >= PROVIDER_KEY_LENGTH_SHOWN_MIN;
    const { id, provider, origin, fingerprint, version, createdMs, createdBy } = this.key;
    return {
      id,
      provider,
      environment,
      state: this.state,
      origin,
      fingerprint,
      last_four: shown ? secret.slice(-4) : null,
      version,
      created_at: new Date(createdMs).toISOString(),
      created_by: createdBy,
    };
  }
}

interface Opened {
  readonly secret: string;
  readonly upstream: Upstream;
}
