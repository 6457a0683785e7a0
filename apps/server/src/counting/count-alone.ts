import { countAlone, type OpenDatabase } from "@tollhouse/store";
import { settleLeftCalls } from "../gateway/settle-left-calls.ts";
import { loadCounters } from "../limits/load-counters.ts";
import type { Logger } from "../process/logger.ts";
import { keepOverspend } from "../system/keep-overspend.ts";
import type { Counting } from "./counting.ts";

export interface AloneParts {
  readonly db: OpenDatabase;
  readonly logger: Logger;
  readonly now: () => number;
}

const SWEEP_MS = 10_000;

/** Counters in the memory of this process, made of what the ledger's sums have. Its recorder has nothing left to write. */
export async function startAlone({ db, logger, now }: AloneParts): Promise<Counting> {
  await countAlone(db);
  const counters = await loadCounters(db, now(), logger);
  const seen = keepOverspend(db, logger);
  let sweep: NodeJS.Timeout | null = null;
  return {
    counters,
    countersOf: () => counters,
    settleLeft: (gateway, left) => settleLeftCalls(gateway, left, counters),
    async begin() {
      sweep = setInterval(() => {
        counters.sweep(now());
        seen(counters.overspendMax);
      }, SWEEP_MS);
      sweep.unref();
    },
    waitingFor: () => [],
    stale: () => false,
    heldAnywhere: null,
    openCounters: async () => undefined,
    status: null,
    bounds: () => [],
    drain: () => undefined,
    tellAll: async () => undefined,
    close: async () => {
      if (sweep !== null) clearInterval(sweep);
    },
  };
}
