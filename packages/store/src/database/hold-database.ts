import type { PoolClient } from "pg";
import type { OpenDatabase } from "./database.ts";
import { StartRefused } from "./start-refused.ts";

export interface DatabaseHold {
  /** Whoever waits may come when the server has seen the connection close: within moments. */
  release(): void;
}

/** Where the holder's counters are: in this process alone, or in a store that every process on the database asks. */
export type CountersAre = "memory" | "shared";

/** Any 64-bit number of ours: advisory locks of one database share one space of numbers. */
const LOCK = 0x746f6c6c686f7573n;
/** The server of a process that was just killed may take a moment to see that its connection is gone. */
const TRY_MS = 5_000;
const AGAIN_MS = 250;

/** Literals, and not a statement of `sql/`: the one that must not be asked by accident is the other one. */
const TRY: { readonly [C in CountersAre]: string } = {
  memory: "SELECT pg_try_advisory_lock($1) AS locked",
  shared: "SELECT pg_try_advisory_lock_shared($1) AS locked",
};

const REFUSED: { readonly [C in CountersAre]: string } = {
  memory:
    "another Tollhouse process uses this database, and counters in memory would admit the whole of each limit again: stop it first, or give every process the same REDIS_URL",
  shared:
    "a Tollhouse process with its counters in memory admits calls on this database: stop it first, or start it with the same REDIS_URL",
};

/**
 * Two processes with counters of their own would each admit the whole of a limit. So a process whose counters are in memory holds the
 * database alone, those that share them hold it together, and the two kinds refuse each other: throws StartRefused (DATABASE_IN_USE).
 * The lock is a connection's, so it cannot outlive the process; where the connection breaks it is taken again, and `onLost` is told if
 * a process of the other kind was faster.
 */
export async function holdDatabase(
  database: OpenDatabase,
  counters: CountersAre,
  onLost: (reason: string) => void,
  tryMs = TRY_MS,
): Promise<DatabaseHold> {
  let released = false;
  let client: PoolClient | null = null;

  async function hold(): Promise<boolean> {
    const taken = await database.pool.connect();
    // At once: a connection that breaks while nobody listens would end the process.
    taken.on("error", () => broken(taken));
    try {
      const { rows } = await taken.query<{ locked: boolean }>(TRY[counters], [LOCK]);
      // Whoever has released it meanwhile would never give this connection back, and the pool would wait for it for ever.
      if (rows[0]?.locked === true && !released) client = taken;
    } finally {
      // Closing the connection is what gives a lock back, whatever state it is in.
      if (client !== taken) taken.release(true);
    }
    return client === taken;
  }

  function broken(gone: PoolClient): void {
    if (client !== gone) return;
    client = null;
    gone.release(true);
    if (!released) void holdAgain();
  }

  async function holdAgain(): Promise<void> {
    while (!released && client === null) {
      const held = await hold().catch(() => null);
      if (held === false && !released) {
        onLost("another Tollhouse process has taken over the database");
        return;
      }
      if (held === null) await wait(AGAIN_MS);
    }
  }

  const until = performance.now() + tryMs;
  while (!(await hold())) {
    if (performance.now() > until) throw new StartRefused("DATABASE_IN_USE", REFUSED[counters]);
    await wait(AGAIN_MS);
  }
  return {
    release() {
      released = true;
      client?.release(true);
      client = null;
    },
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
