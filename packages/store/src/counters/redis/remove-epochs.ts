import { setTimeout as pause } from "node:timers/promises";
import type { RedisConnection } from "./redis-connection.ts";

const AT_ONCE = "500";
/** Between two steps: calls go first. */
const PAUSE_MS = 5;
const OF_EPOCH = /^th:\{[^}]*\}:(\d+):/;

/** Removes from this server every key of an epoch before `epoch`, or, with `exactly`, of that one alone. */
export async function removeEpochsBefore(
  server: RedisConnection,
  epoch: bigint,
  signal: AbortSignal,
  exactly = false,
): Promise<void> {
  let cursor = "0";
  do {
    const reply = await server.sendLong(["SCAN", cursor, "MATCH", "th:{*}:*", "COUNT", AT_ONCE]);
    const [next, keys] = reply as [string, readonly string[]];
    const old = keys.filter((key) => {
      const found = OF_EPOCH.exec(key)?.[1];
      return found !== undefined && (exactly ? BigInt(found) === epoch : BigInt(found) < epoch);
    });
    // One by one: in a cluster they lie in many slots.
    await Promise.all(old.map((key) => server.sendLong(["UNLINK", key])));
    cursor = next;
    if (!exactly) await pause(PAUSE_MS, undefined, { signal, ref: false });
  } while (cursor !== "0" && !signal.aborted);
}
