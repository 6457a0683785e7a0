import { randomUUIDv7 } from "node:crypto";
import type { Retention, RetentionAnswer } from "@tollhouse/contract";
import {
  instantOf,
  keptFromMs,
  loadRetention,
  PurgedDetails,
  putRetention,
  type Database,
  type RetentionSetting,
  type Spool,
} from "@tollhouse/store";
import { assertMatch, type IfMatch } from "../control/etag.ts";
import { Problem } from "../control/problem.ts";
import type { Place } from "../place.ts";
import { Turns } from "../turns.ts";

export interface RetentionParts {
  readonly dbOf: (tenant: string) => Database;
  readonly spool: Pick<Spool, "append">;
  readonly now: () => number;
}

/** For how long details of calls are kept: the setting. `jobs/purge-details.ts` does what it says. */
export class RetentionService {
  readonly #parts: RetentionParts;
  readonly #turns = new Turns();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  async get(place: Place): Promise<RetentionAnswer> {
    const db = this.#parts.dbOf(place.tenant);
    return this.#answerOf(db, place, await loadRetention(db, place));
  }

  /** In the ledger first, then in the database; taken back in the ledger where the database refuses. */
  update(place: Place, { detail_months }: Retention, actor: string, ifMatch: IfMatch): Promise<RetentionAnswer> {
    return this.#turns.run(async () => {
      const db = this.#parts.dbOf(place.tenant);
      const before = await loadRetention(db, place);
      assertMatch(ifMatch, "retention", before.version);
      const after = { detailMonths: detail_months, version: before.version + 1 };
      await this.#record(place, actor, before, after);
      const stored = await putRetention(db, place, after).catch(async (error: unknown) => {
        await this.#record(place, actor, after, before);
        throw error;
      });
      if (!stored) {
        await this.#record(place, actor, after, before);
        throw new Problem("VERSION_CONFLICT", "Retention was changed meanwhile");
      }
      return this.#answerOf(db, place, after);
    });
  }

  async #answerOf(db: Database, { tenant, environment }: Place, setting: RetentionSetting): Promise<RetentionAnswer> {
    const { detailMonths, version } = setting;
    const [purged] = (await PurgedDetails.of(db, tenant, [environment])).environments;
    return {
      environment,
      detail_months: detailMonths,
      version,
      keeps_from: detailMonths === null ? null : instantOf(BigInt(keptFromMs(detailMonths, this.#parts.now())) * 1000n),
      purged_before: purged === undefined || purged.beforeUs === null ? null : instantOf(purged.beforeUs),
      removing: purged?.removing ?? false,
    };
  }

  #record(place: Place, actor: string, before: RetentionSetting, after: RetentionSetting): Promise<void> {
    const { spool, now } = this.#parts;
    return spool.append({
      t: "admin",
      id: randomUUIDv7().replaceAll("-", ""),
      timeMs: now(),
      tenant: place.tenant,
      environment: place.environment,
      actor,
      action: "retention.update",
      subject: place.environment,
      before: textOf(before),
      after: textOf(after),
    });
  }
}

function textOf({ detailMonths, version }: RetentionSetting): string {
  return JSON.stringify({ detail_months: detailMonths, version });
}
