import { createCipheriv, createDecipheriv, randomBytes, randomUUIDv7 } from "node:crypto";
import { PAYLOAD_RETENTION_DAYS, type PayloadLogging, type PayloadLoggingAnswer } from "@tollhouse/contract";
import {
  deriveKey,
  findPayload,
  listPayloadSettings,
  putPayloadSetting,
  type AdminRecord,
  type Database,
  type PayloadSetting,
  type Queryable,
  type Spool,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";

export interface PayloadServiceParts {
  readonly db: Database;
  readonly spool: Spool;
  readonly masterKey: Uint8Array;
  readonly tenant: string;
  readonly environments: readonly string[];
  now(): number;
}

/** Seals it for the call that it is kept with; moved to another call it cannot be opened. */
export type SealedPayload = (decision: string) => { readonly sealed: string; readonly expiresMs: number };

/** Texts of one call. */
export interface Payload {
  readonly request: unknown;
  readonly response: unknown;
}

export interface PayloadAnswer extends Payload {
  readonly stored_at: string;
  readonly expires_at: string;
}

const DAY_MS = 24 * 3_600_000;
/** Of the JSON text. A frame of the spool takes 8 MiB. */
const TEXT_BYTES_MAX = 1024 * 1024;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Texts of requests and answers that SDKs log: nowhere unless their environment has switched it on, then only sealed (AES-256-GCM) under
 * a key of the tenant's, apart from ledger, log and metrics, and for a time.
 */
export class PayloadService {
  readonly #parts: PayloadServiceParts;
  readonly #key: Buffer;
  readonly #settings: Map<string, PayloadSetting>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: PayloadServiceParts, settings: readonly PayloadSetting[]) {
    this.#parts = parts;
    this.#key = deriveKey(parts.masterKey, "payloads", parts.tenant);
    this.#settings = new Map(settings.map((setting) => [setting.environment, setting]));
  }

  /** Null where it is not kept: switched off, or larger than a call's texts may be. */
  seal(environment: string, payload: Payload): SealedPayload | null {
    const { enabled, retentionDays } = this.#settingOf(environment);
    if (!enabled || (payload.request === undefined && payload.response === undefined)) return null;
    const text = Buffer.from(JSON.stringify(payload));
    if (text.length > TEXT_BYTES_MAX) return null;
    const expiresMs = this.#parts.now() + retentionDays * DAY_MS;
    return (decision) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", this.#key, nonce).setAAD(this.#about(environment, decision));
      const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
      return { sealed: Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64"), expiresMs };
    };
  }

  /** Throws NOT_FOUND where there is none, or no longer. */
  async read(place: Place, decisionId: string): Promise<PayloadAnswer> {
    const decision = decisionId.replace(/^dec_/, "");
    const stored = /^[0-9a-f]{32}$/.test(decision)
      ? await findPayload(this.#parts.db, place, decision, this.#parts.now())
      : null;
    if (stored === null) throw new Problem("NOT_FOUND", "There is no payload of this call");
    const { sealed } = stored;
    const opener = createDecipheriv("aes-256-gcm", this.#key, sealed.subarray(0, NONCE_BYTES))
      .setAAD(this.#about(place.environment, decision))
      .setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const text = Buffer.concat([opener.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), opener.final()]);
    const { request = null, response = null } = JSON.parse(text.toString("utf8")) as Partial<Payload>;
    return {
      request,
      response,
      stored_at: new Date(stored.storedMs).toISOString(),
      expires_at: new Date(stored.expiresMs).toISOString(),
    };
  }

  get(environment: string): PayloadLoggingAnswer {
    return answerOf(this.#settingOf(environment));
  }

  /** In the ledger first, then in the database, then in force; taken back in the ledger where the database refuses. */
  update(environment: string, input: PayloadLogging, actor: string, ifMatch: IfMatch): Promise<PayloadLoggingAnswer> {
    const work = async (): Promise<PayloadLoggingAnswer> => {
      const before = this.#settingOf(environment);
      assertMatch(ifMatch, "payload logging", before.version);
      const after: PayloadSetting = {
        environment,
        enabled: input.enabled,
        retentionDays: input.retention_days,
        version: before.version + 1,
      };
      await this.#record(actor, before, after);
      const stored = await putPayloadSetting(this.#parts.db, this.#parts.tenant, after).catch(
        async (error: unknown) => {
          await this.#record(actor, after, before);
          throw error;
        },
      );
      if (!stored) {
        await this.#record(actor, after, before);
        throw new Problem("VERSION_CONFLICT", "Payload logging was changed meanwhile");
      }
      this.#settings.set(environment, after);
      return answerOf(after);
    };
    return this.#inTurn(work);
  }

  /** As the database has them now, whichever process changed them. */
  refresh(from: Queryable): Promise<void> {
    return this.#inTurn(async () => {
      for (const setting of await listPayloadSettings(from, this.#parts.tenant))
        this.#settings.set(setting.environment, setting);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #settingOf(environment: string): PayloadSetting {
    if (!this.#parts.environments.includes(environment))
      throw new Problem("REQUEST_INVALID", `environment: expected one of ${this.#parts.environments.join(", ")}`);
    const known = this.#settings.get(environment);
    return known ?? { environment, enabled: false, retentionDays: PAYLOAD_RETENTION_DAYS.unset, version: 0 };
  }

  #about(environment: string, decision: string): Buffer {
    return Buffer.from(`tollhouse/payload/v1\0${this.#parts.tenant}\0${environment}\0${decision}`);
  }

  #record(actor: string, before: PayloadSetting, after: PayloadSetting): Promise<void> {
    const { spool, tenant } = this.#parts;
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment: after.environment,
      actor,
      action: "payload_logging.update",
      subject: after.environment,
      before: JSON.stringify(answerOf(before)),
      after: JSON.stringify(answerOf(after)),
    };
    return spool.append(record);
  }
}

export async function loadPayloadService(parts: PayloadServiceParts): Promise<PayloadService> {
  return new PayloadService(parts, await listPayloadSettings(parts.db, parts.tenant));
}

function answerOf({ environment, enabled, retentionDays, version }: PayloadSetting): PayloadLoggingAnswer {
  return { environment, enabled, retention_days: retentionDays, version };
}
