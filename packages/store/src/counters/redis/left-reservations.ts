import type { OpenReservation } from "../shared-counters.ts";
import { epochPrefix } from "./key-names.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { readCounters } from "./seen-limit.ts";

const AT_ONCE = 500;

/**
 * What is pending, or expired and not written down, in an epoch of a tenant whose fence has been taken: nothing changes there any more. Its
 * keys are read as they are, for its scripts may be gone. A server that has lost them has nothing left.
 */
export async function* leftReservations(
  server: RedisConnection,
  of: { readonly tenant: string; readonly fence: string; readonly epoch: bigint },
): AsyncGenerator<readonly OpenReservation[], void> {
  const prefix = epochPrefix(of.fence, of.epoch);
  for (let from = 0; ; from += AT_ONCE) {
    const range = [`${prefix}deadlines`, String(from), String(from + AT_ONCE - 1)];
    const ids = (await server.sendLong(["ZRANGE", ...range])) as readonly string[];
    const found = await Promise.all(ids.map((id) => readReservation(server, of.tenant, prefix, id)));
    yield found.filter((reservation) => reservation !== null);
    if (ids.length < AT_ONCE) return;
  }
}

async function readReservation(
  server: RedisConnection,
  tenant: string,
  prefix: string,
  id: string,
): Promise<OpenReservation | null> {
  const fields = ["state", "owner", "deadline", "u", "t", "q", "counters"];
  const read = (await server.sendLong(["HMGET", `${prefix}r:${id}`, ...fields])) as readonly (string | null)[];
  const [state, owner, deadline, usd, tokens, requests, counters] = read.map((field) => field ?? "");
  if (state !== "pending" && state !== "expired") return null;
  const amounts = { usd: BigInt(usd ?? ""), tokens: BigInt(tokens ?? ""), requests: BigInt(requests ?? "") };
  const held = readCounters(counters ?? "").map((counter) => ({ ...counter, amount: amounts[counter.measure] }));
  return { tenant, id, owner: owner ?? "", deadlineMs: Number(deadline), held };
}
