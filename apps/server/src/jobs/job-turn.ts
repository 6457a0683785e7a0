import { leaveJobTurn, takeJobTurn, type Database } from "@tollhouse/store";

/** Whose turn timed work of the whole installation is. */
export interface JobTurn {
  mine(): boolean;
  close(): Promise<void>;
}

export interface JobTurnParts {
  readonly db: Database;
  /** 32 hex digits. */
  readonly node: string;
  readonly everyMs?: number;
}

const LEASE_S = 15;
/** By this node's clock, from before it asked: it gives up before others may begin, also where it was paused meanwhile. */
const MINE_MS = 12_000;
const EVERY_MS = 4_000;

/** A process that has the turn always, or never. */
export function fixedTurn(mine: boolean): JobTurn {
  return { mine: () => mine, close: async () => undefined };
}

/** One of several processes has it, and keeps it while it asks. Two never have it at once, whatever sleeps or is cut off. */
export function takeTurns({ db, node, everyMs = EVERY_MS }: JobTurnParts): JobTurn {
  let mineUntil = -Infinity;
  let asking: Promise<void> | null = null;
  const ask = async (): Promise<void> => {
    const askedAt = performance.now();
    const taken = await takeJobTurn(db, node, LEASE_S);
    mineUntil = taken ? askedAt + MINE_MS : -Infinity;
  };
  const look = (): void => {
    // The database is away: what was given holds until it ends.
    asking ??= ask()
      .catch(() => undefined)
      .finally(() => (asking = null));
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  look();
  return {
    mine: () => performance.now() < mineUntil,
    async close() {
      clearInterval(timer);
      await asking;
      mineUntil = -Infinity;
      await leaveJobTurn(db, node).catch(() => undefined);
    },
  };
}
