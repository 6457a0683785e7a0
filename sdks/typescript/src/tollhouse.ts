import { writeFile } from "node:fs/promises";
import {
  OPERATIONS,
  targetOf,
  type AnyInput,
  type OperationId,
  type Receipt,
  type SdkCheck,
  type SdkCheckAnswer,
  type SdkLog,
  type SdkRecord,
  type SdkRecordAnswer,
} from "@tollhouse/contract/control-client";
import { errorOf, TollhouseError } from "./tollhouse-error.ts";

export interface TollhouseOptions {
  /** `http://host:port` of the server. */
  readonly url: string;
  /** An issued key (`th_prod_…`): it says which tenant and environment. `check` needs the permission `call`, `record` and `log` need `record`, receipts `read`. */
  readonly key: string;
  /** Milliseconds until an answer must be there; default 10,000. */
  readonly timeoutMs?: number;
}

export type { Receipt, SdkCheck, SdkCheckAnswer, SdkLog, SdkRecord, SdkRecordAnswer };

/**
 * Two lines around a call of a provider: `check` decides and holds the money, `record` says what was used. All methods throw TollhouseError where
 * Tollhouse refuses the request or cannot be reached; a call that may not be made is an answer (`allowed: false`), not an error.
 */
export class Tollhouse {
  readonly #url: string;
  readonly #key: string;
  readonly #timeoutMs: number;

  /** Throws TypeError naming the option. */
  constructor({ url, key, timeoutMs = 10_000 }: TollhouseOptions) {
    if (!/^https?:\/\/[^/]/.test(url)) throw new TypeError("url: expected http://host:port");
    if (key === "") throw new TypeError("key: expected an issued key");
    if (!(timeoutMs > 0)) throw new TypeError("timeoutMs: expected milliseconds above 0");
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
    this.#timeoutMs = timeoutMs;
  }

  /** May this call be made? With `reserve: true` what it may cost is held until it is recorded, or its time is over. */
  check(call: SdkCheck): Promise<SdkCheckAnswer> {
    return this.#ask<SdkCheckAnswer>("sdkCheck", { body: call });
  }

  /** What a call used, once. One with an `idempotency_key` may be sent again. */
  record(call: SdkRecord): Promise<SdkRecordAnswer> {
    return this.#ask<SdkRecordAnswer>("sdkRecord", { body: call });
  }

  /** As `record`; the texts of the call are kept where the environment keeps them. */
  log(call: SdkLog): Promise<SdkRecordAnswer> {
    return this.#ask<SdkRecordAnswer>("sdkLog", { body: call });
  }

  /** Proof that what became of a call is in the ledger. `decision`: `dec_…`. */
  receipt(decision: string): Promise<Receipt> {
    return this.#ask<Receipt>("getReceipt", { params: { id: decision } });
  }

  /**
   * The same in a file that is not there yet, as a C2SP tlog-proof: `tollhouse ledger verify <file> --key …` checks it without the server. Throws
   * the error of `node:fs` where the file is there, or cannot be written.
   */
  async saveReceipt(decision: string, file: string): Promise<Receipt> {
    const receipt = await this.receipt(decision);
    await writeFile(file, receipt.tlog_proof, { flag: "wx" });
    return receipt;
  }

  async #ask<Answer>(operation: OperationId, input: AnyInput): Promise<Answer> {
    const response = await this.#send(operation, input);
    if (!response.ok) throw await errorOf(response, this.#url);
    try {
      return (await response.json()) as Answer;
    } catch (cause) {
      throw new TollhouseError(`${this.#url} answered what is no JSON`, response.status, null, cause);
    }
  }

  async #send(operation: OperationId, input: AnyInput): Promise<Response> {
    const json = input.body === undefined ? null : JSON.stringify(input.body);
    try {
      return await fetch(`${this.#url}${targetOf(operation, input)}`, {
        method: OPERATIONS[operation].method,
        headers: {
          authorization: `Bearer ${this.#key}`,
          ...(json !== null && { "content-type": "application/json" }),
        },
        ...(json !== null && { body: json }),
        signal: AbortSignal.timeout(this.#timeoutMs),
        // A key must not follow a redirect to wherever it leads.
        redirect: "error",
      });
    } catch (cause) {
      throw new TollhouseError(`${this.#url} cannot be reached`, null, null, cause);
    }
  }
}
