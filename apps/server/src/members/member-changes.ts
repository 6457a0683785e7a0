import { randomUUIDv7 } from "node:crypto";
import {
  lockMembers,
  type AdminRecord,
  type Database,
  type Queryable,
  type Spool,
  type StoredMember,
} from "@tollhouse/store";
import { memberLedgerText } from "./describe-member.ts";

export interface MemberChangesParts {
  readonly dbOf: (tenant: string) => Database;
  readonly spool: Pick<Spool, "append">;
  now(): number;
}

/** Who changes what in which tenant. */
export interface Changing {
  readonly tenant: string;
  readonly actor: string;
}

export interface MemberChange {
  readonly action: string;
  readonly before: StoredMember | null;
  readonly after: StoredMember | null;
}

/**
 * Changes of members: one after another in a tenant, over all processes, each with its entry. The entry is written while the change can
 * still be taken back, so that there is none without an entry; what then fails to commit has a second entry that says so.
 */
export class MemberChanges {
  readonly #parts: MemberChangesParts;

  constructor(parts: MemberChangesParts) {
    this.#parts = parts;
  }

  /** `work` null: nothing was to be changed. */
  async make(by: Changing, work: (tx: Queryable) => Promise<MemberChange | null>): Promise<void> {
    let recorded: MemberChange | null = null;
    try {
      await this.#parts.dbOf(by.tenant).transaction(async (tx) => {
        await lockMembers(tx, by.tenant);
        const change = await work(tx);
        if (change === null) return;
        await this.#record(by, change);
        recorded = change;
      });
    } catch (error) {
      const made = recorded as MemberChange | null;
      if (made !== null) await this.#record(by, { action: made.action, before: made.after, after: made.before });
      throw error;
    }
  }

  #record({ tenant, actor }: Changing, { action, before, after }: MemberChange): Promise<void> {
    const record: AdminRecord = {
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: this.#parts.now(),
      tenant,
      environment: null,
      actor,
      action,
      subject: (after ?? before)?.id ?? "",
      before: before === null ? null : memberLedgerText(before),
      after: after === null ? null : memberLedgerText(after),
    };
    return this.#parts.spool.append(record);
  }
}
