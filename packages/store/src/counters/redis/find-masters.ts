import { createClient } from "@redis/client";
import { SLOTS } from "./key-slot.ts";
import type { Address, RedisPlace } from "./redis-url.ts";

/** A master, and the slots whose keys it has: from, to, both included. */
export interface Master {
  readonly address: Address;
  readonly slots: readonly (readonly [from: number, to: number])[];
}

const ASK_MS = 2_000;
const ALL = [[0, SLOTS - 1]] as const;

/**
 * Where the masters are now. Asks nodes of the cluster, or Sentinels, one after another until one knows. Null: none does.
 */
export async function findMasters(place: RedisPlace, known: readonly Address[]): Promise<readonly Master[] | null> {
  if (place.kind === "single") return place.addresses.map((address) => ({ address, slots: ALL }));
  const asked = new Set<string>();
  for (const address of [...known, ...place.addresses]) {
    const name = `${address.host}:${address.port}`;
    if (asked.has(name)) continue;
    asked.add(name);
    const found = await (place.sentinel === null ? askNode(address, place) : askSentinel(address, place)).catch(
      () => null,
    );
    if (found !== null && found.length > 0) return found;
  }
  return null;
}

async function askNode(address: Address, place: RedisPlace): Promise<readonly Master[]> {
  return mastersOf(await askOnce(address, place, ["CLUSTER", "SLOTS"]), address);
}

/** What it knows may be old: whoever uses the address asks that server whether it is the master. */
async function askSentinel(address: Address, place: RedisPlace): Promise<readonly Master[]> {
  const { master = "", username, password } = place.sentinel ?? {};
  const asked = { tls: place.tls, username, password };
  const found = await askOnce(address, asked, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", master]);
  const [host, port] = (found ?? []) as readonly string[];
  return host === undefined ? [] : [{ address: { host, port: Number(port) }, slots: ALL }];
}

async function askOnce(
  address: Address,
  place: Pick<RedisPlace, "tls" | "username" | "password">,
  command: readonly string[],
): Promise<unknown> {
  const client = createClient({
    RESP: 2,
    ...(place.username !== undefined && { username: place.username }),
    ...(place.password !== undefined && { password: place.password }),
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: {
      ...address,
      ...(place.tls ? { tls: true as const } : {}),
      connectTimeout: ASK_MS,
      reconnectStrategy: false,
    },
  });
  client.on("error", () => undefined);
  // A server that accepts and then says nothing is none that knows.
  const late = setTimeout(() => client.destroy(), ASK_MS);
  try {
    await client.connect();
    return await client.sendCommand(command);
  } finally {
    clearTimeout(late);
    client.destroy();
  }
}

function mastersOf(reply: unknown, asked: Address): readonly Master[] {
  const found = new Map<string, { address: Address; slots: [number, number][] }>();
  for (const [from, to, [host, port]] of reply as readonly (readonly [
    number,
    number,
    readonly [string | null, number],
  ])[]) {
    // A node that does not know its own address yet is the one that was asked.
    const address = { host: host === null || host === "" ? asked.host : host, port };
    const name = `${address.host}:${port}`;
    const master = found.get(name) ?? { address, slots: [] };
    master.slots.push([from, to]);
    found.set(name, master);
  }
  return [...found.values()];
}
