import type { Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";

/** What was asked cannot be answered any more. Never answered as nothing or zero instead. */
export class DetailsPurged extends Error {
  override readonly name = "DetailsPurged";
  readonly code = "DETAILS_PURGED";
  /** Of the question: what to ask otherwise. Null = it is about one call. */
  readonly field: string | null;
  /** From this instant on there are details. RFC 3339. */
  readonly purgedBefore: string;

  constructor(field: string | null, beforeUs: bigint, otherwise = "") {
    const purgedBefore = instantOf(beforeUs);
    const expected = field === null ? "" : `${field}: expected a time from ${purgedBefore} on${otherwise}; `;
    super(`${expected}details of calls before ${purgedBefore} were removed`);
    this.field = field;
    this.purgedBefore = purgedBefore;
  }
}

export interface PurgedEnvironment {
  readonly environment: string;
  /** Microseconds since 1970: calls before have no details. Null = all have. */
  readonly beforeUs: bigint | null;
  /** Are those before being removed still? */
  readonly removing: boolean;
}

interface PurgedRow {
  readonly environment: string;
  readonly before_us: bigint | null;
  readonly removing: boolean;
}

/** What was purged in the environments asked about; without any, in all that the tenant has. */
export class PurgedDetails {
  readonly environments: readonly PurgedEnvironment[];

  private constructor(environments: readonly PurgedEnvironment[]) {
    this.environments = environments;
  }

  static async of(db: Queryable, tenant: string, asked?: readonly string[]): Promise<PurgedDetails> {
    const { rows } = await db.query<PurgedRow>(sql("purged-details"), [tenant]);
    const all = rows.map(({ environment, before_us: beforeUs, removing }) => ({ environment, beforeUs, removing }));
    const isAsked = ({ environment }: PurgedEnvironment): boolean =>
      asked === undefined || asked.length === 0 || asked.includes(environment);
    return new PurgedDetails(all.filter(isAsked));
  }

  /** From here on there are details in each of them; null = there always were. */
  get latestUs(): bigint | null {
    return this.#known.reduce<bigint | null>((latest, us) => (latest === null || us > latest ? us : latest), null);
  }

  /** Before it there are none in any of them; null = in one at least there always were. */
  get earliestUs(): bigint | null {
    if (this.#known.length < this.environments.length || this.environments.length === 0) return null;
    return this.#known.reduce((earliest, us) => (us < earliest ? us : earliest));
  }

  /** From when on there are details, where a call of this environment and time has none any more; else null. */
  purgedUs(environment: string | null, timeUs: bigint): bigint | null {
    const beforeUs = this.environments.find((each) => each.environment === environment)?.beforeUs ?? null;
    return beforeUs !== null && timeUs < beforeUs ? beforeUs : null;
  }

  get #known(): readonly bigint[] {
    return this.environments.flatMap(({ beforeUs }) => (beforeUs === null ? [] : [beforeUs]));
  }
}

/** `ends`: half-open, microseconds; what is summed of single calls, by what they say of themselves. */
export function assertEndsHaveDetails(ends: readonly (readonly [bigint, bigint])[], purgedUs: bigint | null): void {
  if (purgedUs !== null && ends.some(([start, end]) => start < end && start < purgedUs))
    throw new DetailsPurged("from", purgedUs);
}

export function instantOf(us: bigint): string {
  return new Date(Number(us / 1000n)).toISOString();
}
