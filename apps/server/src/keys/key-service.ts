import { createHmac, createSecretKey, randomUUIDv7, timingSafeEqual } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { KeyAnswer, KeyCreate, KeyMade, KeyPermission, KeyRotate, KeyUpdate } from "@tollhouse/contract";
import { compileGlobs, GlobInvalid } from "@tollhouse/engine";
import {
  ApiKeyNotChanged,
  insertApiKey,
  listApiKeys,
  pageOfApiKeys,
  readApiKeys,
  touchApiKeys,
  updateApiKey,
  type AdminRecord,
  type ApiKey,
  type Database,
  type Queryable,
  type Spool,
  type StoredApiKey,
} from "@tollhouse/store";
import type { Access } from "../control/access.ts";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import { describeKey, keyLedgerText } from "./describe-key.ts";
import { grantOf, type KeyGrant } from "./key-grant.ts";
import { keyIdOf, makeKeyId, makeKeyText } from "./key-text.ts";

export interface KeyServiceParts {
  readonly db: Database;
  readonly spool: Spool;
  readonly tenant: string;
  /** Derived for hashes of keys alone. */
  readonly hashKey: Uint8Array;
  readonly environments: readonly string[];
  readonly first: readonly StoredApiKey[];
  /** Told of each key that comes into force. */
  made?(id: string): void;
  now(): number;
}

/** Why a key does not count: wrong in any way, past its end, or taken back. Only who has the secret learns the last two. */
export type KeyRefusal = "KEY_INVALID" | "KEY_EXPIRED" | "KEY_REVOKED";

/** Compared with where there is nothing to compare with, so that an unknown id and a wrong secret do the same work. */
const NO_HASH = new Uint8Array(32);

/** The keys of a tenant: finds the one that a caller sends, and is the only code that changes them. */
export class KeyService {
  readonly #parts: KeyServiceParts;
  readonly #hash: (text: string) => Uint8Array;
  /** Keys are immutable; a change puts another one in place. */
  readonly #keys = new Map<string, ApiKey>();
  /** Made at a key's first use: of a hundred thousand keys most are not used in a process's life. */
  readonly #grants = new Map<string, KeyGrant>();
  readonly #usedMs = new Map<string, number>();
  /** Used since the database was last told. */
  #unwritten = new Map<string, number>();
  /** Changes run one after another: each starts from what the one before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: KeyServiceParts) {
    this.#parts = parts;
    // As a KeyObject: with the raw bytes an HMAC costs six times as much.
    const secret = createSecretKey(parts.hashKey);
    this.#hash = (text) => createHmac("sha256", secret).update(text).digest();
    for (const { key, lastUsedMs } of parts.first) {
      this.#keys.set(key.id, key);
      if (lastUsedMs !== null) this.#usedMs.set(key.id, lastUsedMs);
    }
  }

  /** One look-up and one HMAC, however many keys there are; a text whose checksum is wrong costs neither. */
  find(text: string): KeyGrant | KeyRefusal {
    const id = keyIdOf(text);
    return id === null ? "KEY_INVALID" : this.findById(id, text);
  }

  /** `id`: the one that the text names. */
  findById(id: string, text: string): KeyGrant | KeyRefusal {
    const key = this.#keys.get(id);
    const hash = this.#hash(text);
    const isCurrent = timingSafeEqual(hash, key?.hash ?? NO_HASH);
    const isPrevious = timingSafeEqual(hash, key?.previousHash ?? NO_HASH);
    if (key === undefined || !(isCurrent || isPrevious)) return "KEY_INVALID";
    const { revokedMs, expiresMs, previousUntilMs } = key;
    const nowMs = this.#parts.now();
    if (revokedMs !== null) return "KEY_REVOKED";
    if (expiresMs !== null && expiresMs <= nowMs) return "KEY_EXPIRED";
    if (!isCurrent && (previousUntilMs ?? 0) <= nowMs) return "KEY_EXPIRED";
    this.#usedMs.set(id, nowMs);
    this.#unwritten.set(id, nowMs);
    return this.#grants.get(id) ?? this.#grant(key);
  }

  get tenant(): string {
    return this.#parts.tenant;
  }

  get(id: string, environment: string): KeyAnswer {
    return this.#answer(this.#key(id, environment));
  }

  /** A page by id; `cursor`: the last id of the page before. */
  async list(environment: string, cursor: string, limit: number): Promise<{ keys: KeyAnswer[]; next: string | null }> {
    this.#assertEnvironment(environment);
    const { db, tenant } = this.#parts;
    const found = await pageOfApiKeys(db, { tenant, environment }, cursor, limit + 1);
    const page = found.slice(0, limit);
    // What is in force is answered: the database only knows which keys come next.
    const keys = page.map(({ key }) => this.#answer(this.#keys.get(key.id) ?? key));
    return { keys, next: found.length > limit ? (page.at(-1)?.key.id ?? null) : null };
  }

  create(input: KeyCreate, environment: string, access: Access): Promise<KeyMade> {
    return this.#inTurn(async () => {
      assertMayGive(access, input.permissions);
      assertGlobs(input.models);
      this.#assertEnvironment(environment);
      const { environment: _, expires_at, ...rules } = input;
      const id = makeKeyId();
      const text = makeKeyText(environment, id);
      const key: ApiKey = {
        id,
        environment,
        rules,
        hash: this.#hash(text),
        previousHash: null,
        previousUntilMs: null,
        expiresMs: parseTime(expires_at),
        revokedMs: null,
        createdMs: this.#parts.now(),
        version: 1,
      };
      await this.#record("key.create", access, null, key);
      await this.#orTakeBack(
        () => insertApiKey(this.#parts.db, this.#parts.tenant, key),
        () => this.#record("key.delete", access, key, null),
      );
      this.#keys.set(id, key);
      this.#parts.made?.(id);
      return { ...this.#answer(key), key: text };
    });
  }

  update(
    id: string,
    input: KeyUpdate,
    environment: string,
    access: Access,
    ifMatch: IfMatch = null,
  ): Promise<KeyAnswer> {
    const { version, expires_at, ...changes } = input;
    return this.#inTurn(async () => {
      assertGlobs(input.models ?? null);
      const old = this.#changeable(id, environment);
      assertMatch(ifMatch, id, old.version);
      if (version !== undefined && version !== old.version)
        throw new Problem("VERSION_CONFLICT", `${id} is at version ${old.version}, not ${version}`);
      const said = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const key: ApiKey = {
        ...old,
        rules: { ...old.rules, ...said },
        expiresMs: expires_at === undefined ? old.expiresMs : parseTime(expires_at),
        version: old.version + 1,
      };
      assertMayGive(access, [...old.rules.permissions, ...key.rules.permissions]);
      await this.#change("key.update", access, old, key);
      return this.#answer(key);
    });
  }

  /** A new secret; the one of now is valid for the overlap, an older one no longer. */
  rotate(id: string, input: KeyRotate, environment: string, access: Access, ifMatch: IfMatch = null): Promise<KeyMade> {
    return this.#inTurn(async () => {
      const old = this.#changeable(id, environment);
      assertMatch(ifMatch, id, old.version);
      // Whoever rotates a key has its new secret.
      assertMayGive(access, old.rules.permissions);
      const text = makeKeyText(environment, id);
      const key: ApiKey = {
        ...old,
        hash: this.#hash(text),
        previousHash: old.hash,
        previousUntilMs: this.#parts.now() + input.overlap_seconds * 1_000,
        version: old.version + 1,
      };
      await this.#change("key.rotate", access, old, key);
      return { ...this.#answer(key), key: text };
    });
  }

  /** New calls are refused from this moment on, before the database knows; running ones go on. Revoked twice: nothing changes. */
  revoke(id: string, environment: string, access: Access, ifMatch: IfMatch = null): Promise<void> {
    return this.#inTurn(async () => {
      const old = this.#key(id, environment);
      assertMatch(ifMatch, id, old.version);
      if (old.revokedMs !== null) return;
      const key: ApiKey = { ...old, revokedMs: this.#parts.now(), version: old.version + 1 };
      this.#putInForce(key);
      await this.#change("key.revoke", access, old, key).catch((error: unknown) => {
        this.#putInForce(old);
        throw error;
      });
    });
  }

  /** What the database has now of these keys (null: of all in the environment), whichever process changed them. */
  refresh(from: Queryable, environment: string, ids: readonly string[] | null): Promise<void> {
    return this.#inTurn(async () => {
      const place = { tenant: this.#parts.tenant, environment };
      if (ids !== null) for (const { key } of await readApiKeys(from, place, ids)) this.#putStored(key);
      else for await (const { key } of listApiKeys(from, place)) this.#putStored(key);
    });
  }

  /** Revoked keys no longer say that they were for this user, whom the database has forgotten. */
  forgetUser(user: string): void {
    for (const key of this.#keys.values()) {
      if (key.revokedMs === null || key.rules.fixed.user !== user) continue;
      const { user: _, ...fixed } = key.rules.fixed;
      this.#putInForce({ ...key, rules: { ...key.rules, fixed } });
    }
  }

  /** Tells the database of last uses; called once a minute. What it does not take is told the next time. */
  async writeLastUses(): Promise<void> {
    const used = this.#unwritten;
    this.#unwritten = new Map();
    try {
      await touchApiKeys(this.#parts.db, this.#parts.tenant, used);
    } catch (error) {
      for (const [id, ms] of used) if (!this.#unwritten.has(id)) this.#unwritten.set(id, ms);
      throw error;
    }
  }

  /** Recorded first: a spool that takes nothing must not leave the database with a change that is not in force. */
  async #change(action: string, access: Access, old: ApiKey, key: ApiKey): Promise<void> {
    await this.#record(action, access, old, key);
    await this.#orTakeBack(
      () => updateApiKey(this.#parts.db, this.#parts.tenant, key),
      () => this.#record(action, access, key, old),
    );
    this.#putInForce(key);
  }

  /** Rules may change without a version: an erased user is taken out of revoked keys. */
  #putStored(key: ApiKey): void {
    const known = this.#keys.get(key.id);
    if (known?.version === key.version && isDeepStrictEqual(known.rules, key.rules)) return;
    this.#putInForce(key);
    if (known === undefined) this.#parts.made?.(key.id);
  }

  #putInForce(key: ApiKey): void {
    this.#keys.set(key.id, key);
    if (this.#grants.has(key.id)) this.#grant(key);
  }

  #grant(key: ApiKey): KeyGrant {
    const grant = grantOf(this.#parts.tenant, key, this.#grants.get(key.id) ?? null);
    this.#grants.set(key.id, grant);
    return grant;
  }

  /** A change that the database refuses was never answered as made: it is taken back, and the ledger says so too. */
  async #orTakeBack(change: () => Promise<unknown>, takeBack: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch (error) {
      await takeBack();
      throw error instanceof ApiKeyNotChanged ? new Problem("VERSION_CONFLICT", error.message) : error;
    }
  }

  #record(action: string, access: Access, before: ApiKey | null, after: ApiKey | null): Promise<void> {
    const subject = (after ?? before) as ApiKey;
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant: this.#parts.tenant,
      environment: subject.environment,
      actor: access.actor,
      action,
      subject: subject.id,
      before: before === null ? null : keyLedgerText(before),
      after: after === null ? null : keyLedgerText(after),
    };
    return this.#parts.spool.append(record);
  }

  /** A key of another environment is not there. */
  #key(id: string, environment: string): ApiKey {
    const key = this.#keys.get(id);
    if (key === undefined || key.environment !== environment)
      throw new Problem("NOT_FOUND", `There is no key ${id.slice(0, 64)} in ${environment}`);
    return key;
  }

  #changeable(id: string, environment: string): ApiKey {
    const key = this.#key(id, environment);
    if (key.revokedMs !== null) throw new Problem("ALREADY_REVOKED", `${id} was revoked: make another key instead`);
    return key;
  }

  #assertEnvironment(environment: string): void {
    const { environments } = this.#parts;
    if (!environments.includes(environment))
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${environments.join(", ")}`);
  }

  #answer(key: ApiKey): KeyAnswer {
    const usedMs = this.#usedMs.get(key.id);
    return { ...describeKey(key), last_used_at: usedMs === undefined ? null : new Date(usedMs).toISOString() };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Nobody gives what they do not have: a key that manages must not make, or take over, one that may call. */
function assertMayGive(access: Access, permissions: readonly KeyPermission[]): void {
  const missing = permissions.find((permission) => access.permissions?.has(permission) === false);
  if (missing !== undefined)
    throw new Problem("PERMISSION_MISSING", `permissions: your key does not have \`${missing}\`, so it cannot give it`);
}

function assertGlobs(models: readonly string[] | null): void {
  if (models === null) return;
  try {
    compileGlobs(models, false);
  } catch (error) {
    if (!(error instanceof GlobInvalid)) throw error;
    throw new Problem("REQUEST_INVALID", `models: ${error.message}`, [{ field: "models", problem: error.message }]);
  }
}

function parseTime(text: string | null): number | null {
  return text === null ? null : Date.parse(text);
}
