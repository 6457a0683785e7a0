import type { PoolClient } from "pg";
import type { OpenDatabase } from "./database.ts";
import { StartRefused } from "./start-refused.ts";

export interface SoleOwner {
  /** The next owner may come when the server has seen the connection close: within moments. */
  release(): void;
}

/** Any 64-bit number of ours: advisory locks of one database share one space of numbers. */
const LOCK = 0x746f6c6c686f7573n;
/** The server of a process that was just killed may take a moment to see that its connection is gone. */
const TRY_MS = 5_000;
const AGAIN_MS = 250;

/**
 * Makes this process the only one that admits calls on the database: counters live in its memory, and two processes would each
 * admit the whole of a limit. Throws StartRefused (DATABASE_IN_USE). The lock is a connection's, so it cannot outlive the
 * process; where the connection breaks it is taken again, and `onLost` is told if another process was faster.
 */
export async function becomeSoleOwner(database: OpenDatabase, onLost: (reason: string) => void): Promise<SoleOwner> {
  let released = false;
  let client: PoolClient | null = null;

  async function hold(): Promise<boolean> {
    const taken = await database.pool.connect();
    // At once: a connection that breaks while nobody listens would end the process.
    taken.on("error", () => broken(taken));
    try {
      const { rows } = await taken.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [LOCK]);
      if (rows[0]?.locked === true) client = taken;
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
      if (held === false) {
        onLost("another Tollhouse process has taken over the database");
        return;
      }
      if (held === null) await wait(AGAIN_MS);
    }
  }

  const until = performance.now() + TRY_MS;
  while (!(await hold())) {
    if (performance.now() > until)
      throw new StartRefused(
        "DATABASE_IN_USE",
        "another Tollhouse process admits calls on this database, and two would each admit the whole of a limit: stop it first",
      );
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
