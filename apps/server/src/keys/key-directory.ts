import type { KeyGrant } from "./key-grant.ts";
import type { KeyRefusal, KeyService } from "./key-service.ts";
import { keyIdOf } from "./key-text.ts";

const LAST_USE_MS = 60_000;

/** The keys of all tenants: whose a key is says the key. */
export class KeyDirectory {
  /** By id of a key. Ids are unique over all tenants: 95 bits of chance, and PostgreSQL refuses a second one. */
  readonly #owners = new Map<string, KeyService>();
  readonly #services = new Set<KeyService>();
  #anyone: KeyService | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #onError: (error: unknown) => void;

  /** `onError`: a last use that could not be written; it is tried again. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
    this.#timer = setInterval(() => void this.#writeLastUses(), LAST_USE_MS);
    this.#timer.unref();
  }

  /** The keys of another tenant, from now on also those that it makes. */
  add(service: KeyService, ids: Iterable<string>): void {
    this.#services.add(service);
    this.#anyone ??= service;
    for (const id of ids) this.#owners.set(id, service);
  }

  /** A key was made. */
  made(id: string, service: KeyService): void {
    this.#owners.set(id, service);
  }

  /** One more look-up than a tenant's own. An id of nobody costs what a wrong secret costs, so that no answer tells which ids there are. */
  find(text: string): KeyGrant | KeyRefusal {
    const id = keyIdOf(text);
    if (id === null) return "KEY_INVALID";
    return (this.#owners.get(id) ?? this.#anyone)?.findById(id, text) ?? "KEY_INVALID";
  }

  /** Whose key this is, whatever it still allows; null = nobody's. Only to be told of a key whose secret was proven. */
  tenantOf(text: string): string | null {
    return this.#owners.get(keyIdOf(text) ?? "")?.tenant ?? null;
  }

  /** Writes the last uses that are not written yet. */
  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#writeLastUses();
  }

  /** One after another: what a minute has gathered is in no hurry, and must not take every connection. */
  async #writeLastUses(): Promise<void> {
    for (const service of this.#services) await service.writeLastUses().catch(this.#onError);
  }
}
