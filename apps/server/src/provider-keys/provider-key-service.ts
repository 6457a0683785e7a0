import { randomUUIDv7 } from "node:crypto";
import type { ProviderKeyAnswer } from "@tollhouse/contract";
import {
  fingerprintOf,
  listProviderKeys,
  ProviderKeyNotChanged,
  putProviderKey,
  sealSecret,
  type AdminRecord,
  type Database,
  type Queryable,
  type Spool,
  type StoredProviderKey,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import type { Upstream } from "../gateway/upstreams.ts";
import { OwnProviderKey, type LiveProviderKey } from "./own-provider-key.ts";

export interface ProviderKeyServiceParts {
  readonly db: Database;
  readonly spool: Pick<Spool, "append">;
  readonly masterKey: Uint8Array;
  readonly tenant: string;
  readonly environment: string;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** As stored, deleted ones too. */
  readonly first: readonly StoredProviderKey[];
  now(): number;
}

/** The provider keys of one environment of a tenant: finds the one that a call uses, and is the only code that changes them. */
export class ProviderKeyService {
  readonly #parts: ProviderKeyServiceParts;
  readonly #own = new Map<string, OwnProviderKey>();
  /** Versions of deleted ones: they only rise, so that an old ETag never fits a new secret. */
  readonly #versions = new Map<string, number>();
  /** Changes run one after another: each starts from what the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ProviderKeyServiceParts) {
    this.#parts = parts;
    for (const key of parts.first) this.#putInForce(key);
  }

  /** One look-up on the call path; undefined = the tenant has none of its own for this provider. */
  find(provider: string): OwnProviderKey | undefined {
    return this.#own.get(provider);
  }

  list(): ProviderKeyAnswer[] {
    const all = [...this.#own.values()].sort((a, b) => (a.key.provider < b.key.provider ? -1 : 1));
    return all.map((own) => own.answer(this.#parts.environment));
  }

  get(provider: string): ProviderKeyAnswer {
    return this.#existing(provider).answer(this.#parts.environment);
  }

  /** Each secret that is in use now, for the redaction of log lines. */
  *secrets(): Generator<string, void> {
    for (const { secret } of this.#own.values()) if (secret !== null) yield secret;
  }

  /** In the ledger's spool, in the database and in force when this resolves: the next call uses it. */
  set(provider: string, secret: string, actor: string, ifMatch: IfMatch = null): Promise<ProviderKeyAnswer> {
    return this.#inTurn(async () => {
      const upstream = this.#configured(provider);
      const old = this.#own.get(provider)?.key ?? null;
      if (old !== null) assertMatch(ifMatch, `the provider key of ${provider}`, old.version);
      else if (ifMatch !== null)
        throw new Problem("PRECONDITION_FAILED", `There is no provider key of ${provider}, which If-Match asks for`);
      const { masterKey, tenant, environment } = this.#parts;
      const { origin } = upstream;
      const id = `pkey_${randomUUIDv7().replaceAll("-", "")}`;
      const key: LiveProviderKey = {
        provider,
        id,
        origin,
        sealed: sealSecret(masterKey, { tenant, environment, provider, origin, id }, secret),
        fingerprint: fingerprintOf(masterKey, tenant, secret),
        createdMs: this.#parts.now(),
        createdBy: actor,
        version: (this.#versions.get(provider) ?? 0) + 1,
      };
      await this.#change(actor, old, key, key);
      this.#putInForce(key);
      return this.get(provider);
    });
  }

  /** No new call uses it from this moment on, before the database knows; those that were sent already go on. */
  remove(provider: string, actor: string, ifMatch: IfMatch = null): Promise<void> {
    return this.#inTurn(async () => {
      const { key: old } = this.#existing(provider);
      assertMatch(ifMatch, `the provider key of ${provider}`, old.version);
      const deleted = {
        ...old,
        sealed: null,
        fingerprint: null,
        createdMs: this.#parts.now(),
        createdBy: actor,
        version: old.version + 1,
      };
      this.#putInForce(deleted);
      await this.#change(actor, old, null, deleted).catch((error: unknown) => {
        this.#putInForce(old);
        throw error;
      });
    });
  }

  /** All of them as the database has them now, whichever process changed them. */
  refresh(from: Queryable): Promise<void> {
    return this.#inTurn(async () => {
      for (const key of await listProviderKeys(from, this.#parts))
        if (this.#versions.get(key.provider) !== key.version) this.#putInForce(key);
    });
  }

  #putInForce(key: StoredProviderKey): void {
    const { masterKey, upstreams } = this.#parts;
    const { provider, version } = key;
    this.#versions.set(provider, version);
    if (isLive(key)) this.#own.set(provider, OwnProviderKey.open(masterKey, this.#parts, key, upstreams.get(provider)));
    else this.#own.delete(provider);
  }

  /** Recorded first; a change that the database refuses was never answered as made: it is taken back, and the ledger says so too. */
  async #change(
    actor: string,
    before: LiveProviderKey | null,
    after: LiveProviderKey | null,
    row: StoredProviderKey,
  ): Promise<void> {
    await this.#record(actor, before, after);
    try {
      await putProviderKey(this.#parts.db, this.#parts, row);
    } catch (error) {
      await this.#record(actor, after, before);
      throw error instanceof ProviderKeyNotChanged ? new Problem("VERSION_CONFLICT", error.message) : error;
    }
  }

  #record(actor: string, before: LiveProviderKey | null, after: LiveProviderKey | null): Promise<void> {
    const { tenant, environment, spool } = this.#parts;
    const subject = (after ?? before) as LiveProviderKey;
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment,
      actor,
      action: after === null ? "provider_key.delete" : "provider_key.set",
      subject: subject.id,
      before: before === null ? null : ledgerText(before),
      after: after === null ? null : ledgerText(after),
    };
    return spool.append(record);
  }

  #existing(provider: string): OwnProviderKey {
    const own = this.#own.get(provider);
    if (own !== undefined) return own;
    throw new Problem("NOT_FOUND", `There is no provider key of ${provider} in ${this.#parts.environment}`);
  }

  #configured(provider: string): Upstream {
    const upstream = this.#parts.upstreams.get(provider);
    if (upstream !== undefined) return upstream;
    const problem = `expected one of ${[...this.#parts.upstreams.keys()].join(", ")}`;
    throw new Problem("REQUEST_INVALID", `provider: ${problem}`, [{ field: "provider", problem }]);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function isLive(key: StoredProviderKey): key is LiveProviderKey {
  return key.sealed !== null && key.fingerprint !== null;
}

/** Field by field, so that neither the secret nor its sealed form can slip in; not its last characters either: an entry is for ever. */
function ledgerText({ id, provider, origin, fingerprint, version }: LiveProviderKey): string {
  return JSON.stringify({ id, provider, origin, fingerprint, version });
}
