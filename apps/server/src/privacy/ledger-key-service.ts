import { randomUUIDv7 } from "node:crypto";
import type { LedgerKeyRotated } from "@tollhouse/contract";
import { fieldOf } from "@tollhouse/ledger";
import { findEntry, type Database, type Recorder, type Spool } from "@tollhouse/store";
import { within } from "../limits/within.ts";

export interface LedgerKeyParts {
  readonly spool: Pick<Spool, "append">;
  readonly recorder: Pick<Recorder, "drained">;
  dbOf(tenant: string): Database;
  now(): number;
}

const RECORDER_WAIT_MS = 10_000;

/**
 * Rotates the MAC key of a tenant's chain. Calls go on: the recorder changes keys at the rotation's place in the spool. Every key is
 * derived of the master key, so the old ones verify what they MACed for ever, and nothing is handed out.
 */
export class LedgerKeyService {
  readonly #parts: LedgerKeyParts;

  constructor(parts: LedgerKeyParts) {
    this.#parts = parts;
  }

  async rotate(tenant: string, actor: string): Promise<LedgerKeyRotated> {
    const { spool, recorder } = this.#parts;
    const id = randomUUIDv7().replaceAll("-", "");
    await spool.append({ t: "rotation", id, timeMs: this.#parts.now(), tenant, actor });
    await within(recorder.drained(), RECORDER_WAIT_MS);
    const found = await findEntry(this.#parts.dbOf(tenant), tenant, id);
    const next = found === null ? undefined : fieldOf(found.entry.fields, "nextMacKeyId");
    if (found === null || next === undefined)
      throw new Error("the recorder is past a rotation that is not in the ledger");
    return {
      sequence: found.sequence,
      entry_hash: found.entryHash,
      mac_key: next,
      previous_mac_key: found.entry.macKeyId,
    };
  }
}
