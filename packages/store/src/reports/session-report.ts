import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import type { LimitPlace } from "./limit-store.ts";

export interface SessionUse {
  readonly session: string;
  /** Let through. */
  readonly calls: number;
  readonly blocked: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNano: bigint;
  /** Start of the newest hour it was seen in. */
  readonly lastHourMs: number;
}

export interface SessionReport {
  readonly sessions: readonly SessionUse[];
  /** Of all, also of those past the limit. */
  readonly count: number;
}

type UseRow = { readonly session: string } & {
  readonly [C in "calls" | "blocked" | "input_tokens" | "output_tokens" | "cost_nano" | "last_hour" | "sessions"]:
    | string
    | bigint;
};

const HOUR_MS = 3_600_000;

/** Sessions seen at or after the hour of `sinceMs`, the newest first, `limit` at most, with what they did since. */
export async function sessionReport(
  db: Queryable,
  place: LimitPlace,
  sinceMs: number,
  limit: number,
): Promise<SessionReport> {
  const values = [place.tenant, place.environment, Math.floor(sinceMs / HOUR_MS), limit];
  const { rows } = await db.query<UseRow>(sql("sessions"), values);
  return {
    count: Number(rows[0]?.sessions ?? 0),
    sessions: rows.map((row) => ({
      session: row.session,
      calls: Number(row.calls),
      blocked: Number(row.blocked),
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      costNano: BigInt(row.cost_nano),
      lastHourMs: Number(row.last_hour) * HOUR_MS,
    })),
  };
}
