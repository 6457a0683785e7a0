import { setTimeout as pause } from "node:timers/promises";
import type { KeyNames } from "./key-names.ts";
import type { RedisConnection } from "./redis-connection.ts";

const AT_ONCE = "500";
/** Between two steps: calls go first. */
const PAUSE_MS = 5;

/** Removes from this server every key of the installation of an epoch before `epoch`, or, with `exactly`, of that one alone. */
export async function removeEpochsBefore(
  server: RedisConnection,
  keys: KeyNames,
  epoch: bigint,
  signal: AbortSignal,
  exactly = false,
): Promise<void> {
  let cursor = "0";
  do {
    const reply = await server.sendLong(["SCAN", cursor, "MATCH", keys.all, "COUNT", AT_ONCE]);
    const [next, found] = reply as [string, readonly string[]];
    const old = found.filter((key) => {
      const of = keys.epochOf(key);
      return of !== null && (exactly ? of === epoch : of < epoch);
    });
    // One by one: in a cluster they lie in many slots.
    await Promise.all(old.map((key) => server.sendLong(["UNLINK", key])));
    cursor = next;
    if (!exactly) await pause(PAUSE_MS, undefined, { signal, ref: false });
  } while (cursor !== "0" && !signal.aborted);
}
