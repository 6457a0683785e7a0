import type { LimitAnswer } from "@tollhouse/contract";
import { parseUsd } from "@tollhouse/engine";
import { nearestLimits, type Database } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { LimitService } from "./limit-service.ts";

const ROWS = 8;
/** What the sums find may be of a window that has just ended, or held up by calls that run: so more are looked at than are told. */
const LOOKED_AT = 24;
/** What takes longer than this is not asked anew by everybody who looks. */
const BRIEF_MS = 300;
/** Then it rests for so many times as long as it took: whoever looks on, they cost a twentieth of a core. */
const RESTS = 20;

interface Found {
  readonly ids: readonly string[];
  readonly at: number;
  readonly tookMs: number;
  isRenewed: boolean;
}

/**
 * Budgets that were made and are used, the fullest first. Which they are is asked of the sums of all counters, which takes seconds where there
 * are a million budgets: then those that were found last are told, each with its state now, while they are looked for anew.
 */
export class NearestBudgets {
  readonly #found = new Map<string, Found>();

  async answers(db: Database, service: LimitService, place: Place, nowMs: number): Promise<readonly LimitAnswer[]> {
    const answers = await service.answers([...(await this.#ids(db, place, nowMs))]);
    return answers
      .map((limit) => ({ limit, amount: parseUsd(limit.amount), used: usedOf(limit) }))
      .filter(({ used }) => used > 0n)
      .toSorted((a, b) => compare(b.used * a.amount, a.used * b.amount))
      .slice(0, ROWS)
      .map(({ limit }) => limit);
  }

  async #ids(db: Database, place: Place, nowMs: number): Promise<readonly string[]> {
    const key = `${place.tenant} ${place.environment}`;
    const look = async (): Promise<readonly string[]> => {
      const began = performance.now();
      const ids = await nearestLimits(db, { ...place, nowMs, rows: LOOKED_AT });
      const at = performance.now();
      this.#found.set(key, { ids, at, tookMs: at - began, isRenewed: false });
      return ids;
    };
    const known = this.#found.get(key);
    // Few are looked for each time, however busy the machine is: one that was made just now is to be among them.
    if (known === undefined || known.ids.length < LOOKED_AT || known.tookMs < BRIEF_MS) return look();
    if (!known.isRenewed && performance.now() - known.at > known.tookMs * RESTS) {
      known.isRenewed = true;
      // Whoever asks next looks for themselves, and is told why it fails.
      look().catch(() => this.#found.delete(key));
    }
    return known.ids;
  }
}

function usedOf({ state }: LimitAnswer): bigint {
  return parseUsd(state.settled) + parseUsd(state.reserved);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
