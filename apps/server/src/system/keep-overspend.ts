import { noteOverspend, type Database } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";

/** Takes what was seen as the worst overspend so far, as often as it is looked at, and keeps what is worse where it outlives the process. */
export function keepOverspend(db: Database, logger: Logger): (seen: bigint) => void {
  let kept = 0n;
  let keeping = false;
  return (seen) => {
    if (seen <= kept || keeping) return;
    keeping = true;
    logger.error("a hard limit stands above its amount, and no overrun says why", { amount: seen });
    noteOverspend(db, seen)
      .then(() => (kept = seen))
      // The database is away: the next look tries again.
      .catch(() => undefined)
      .finally(() => (keeping = false));
  };
}
