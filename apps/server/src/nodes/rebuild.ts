import { inRebuildSnapshot, openDatabase, type SharedCounters } from "@tollhouse/store";

export interface RebuilderParts {
  readonly databaseUrl: string;
  readonly role: string;
  readonly counters: SharedCounters;
  readonly now: () => number;
}

/** Makes the epoch of what the database has. Answers the nodes that are counted in it whole. */
export type Rebuild = (epoch: bigint) => Promise<readonly string[]>;

/** As long as an owner's own reservations are held before they have to be kept alive. */
const HOLD_MS = 30_000;
/** Of a page of sums from a cold disk. */
const ANSWER_TIMEOUT_MS = 15_000;

export function rebuilder({ databaseUrl, role, counters, now }: RebuilderParts): Rebuild {
  return async (epoch) => {
    const db = await openDatabase(
      { url: databaseUrl },
      { connectionsMax: 1, role, applicationName: "tollhouse rebuild", answerTimeoutMs: ANSWER_TIMEOUT_MS },
    );
    try {
      return await inRebuildSnapshot(db, { epoch, nowMs: now(), holdMs: HOLD_MS }, async ({ source, acknowledged }) => {
        await counters.rebuild(epoch, source);
        return acknowledged;
      });
    } finally {
      // Not waited for: a connection whose server is gone without a word says no goodbye.
      void db.close().catch(() => undefined);
    }
  };
}
