import { addRollupMonths, type Database } from "@tollhouse/store";
import type { Logger } from "../process/logger.ts";

const LOOK_MS = 3_600_000;

/** Sees to it that the months to come have their partitions, now and once an hour; what fails is tried at the next look. */
export function keepMonths(db: Database, logger: Logger): { close(): Promise<void> } {
  let looking = Promise.resolve();
  const look = (): void => {
    looking = looking.then(() =>
      addRollupMonths(db).then(
        () => {},
        (error: Error) => logger.warning("the months to come could not be made in the database", { error }),
      ),
    );
  };
  look();
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return {
    close() {
      clearInterval(timer);
      return looking;
    },
  };
}
