import { randomBytes } from "node:crypto";
import { CountersUnavailable, type OpenReservation, type RebuildSource } from "../shared-counters.ts";
import { rebuildScripts, verbScripts, type Script } from "./counter-scripts.ts";
import { epochPrefix, type KeyNames } from "./key-names.ts";
import { keySlot } from "./key-slot.ts";
import { leftReservations } from "./left-reservations.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { RedisServers } from "./redis-servers.ts";
import { removeEpochsBefore } from "./remove-epochs.ts";
import { counterName, counterSuffix, isSlot, keptForId } from "./seen-limit.ts";

type Scripts = ReturnType<typeof rebuildScripts>;

/** Commands of one write: a script must not hold a server up. */
const COMMANDS_AT_ONCE = 100;
const WRITES_AT_ONCE = 32;

/**
 * Closes every earlier epoch, writes all counters and open reservations anew, and opens the epoch: in this order, and on servers that stayed
 * the same all the while. Whatever else happens, it throws, nothing is open, and it may be repeated: an attempt that was given up
 * can no longer write once another has begun.
 */
export async function rebuildCounters(
  servers: RedisServers,
  keys: KeyNames,
  epoch: bigint,
  from: RebuildSource,
  { now }: { readonly now: () => number },
): Promise<void> {
  const scripts = rebuildScripts(epoch, randomBytes(12).toString("hex"));
  await loadScripts(servers.masters, [
    ...Object.values(verbScripts(keys.installation, epoch)),
    ...Object.values(scripts),
  ]);
  const written = new Map<string, TenantWriter>();
  const writerOf = (tenant: string): TenantWriter => {
    const writer = written.get(tenant);
    if (writer === undefined) throw new Error(`tenant ${tenant} has counters and is not among the tenants`);
    return writer;
  };
  for (const tenant of from.tenants) written.set(tenant, new TenantWriter(servers, epoch, keys.fence(tenant), scripts));
  let left = false;
  for (const writer of written.values()) left = (await writer.begin()) || left;
  if (left) {
    const never = new AbortController().signal;
    await Promise.all(servers.masters.map((master) => removeEpochsBefore(master, keys, epoch, never, true)));
  }
  const nowMs = now();
  for await (const { tenant, limitId, windowId, amount } of from.sums())
    await writerOf(tenant).settled(limitId, windowId, amount, nowMs);
  for await (const reservation of from.open()) await writerOf(reservation.tenant).hold(reservation, nowMs);
  for (const [tenant, writer] of written)
    for await (const found of leftOf(servers, keys.fence(tenant), tenant, from))
      for (const reservation of found) await writer.hold(reservation, nowMs);
  for (const writer of written.values()) await writer.open();
}

async function* leftOf(
  servers: RedisServers,
  fence: string,
  tenant: string,
  { left }: RebuildSource,
): AsyncGenerator<readonly OpenReservation[], void> {
  if (left === undefined) return;
  const server = servers.ofSlot(keySlot(fence));
  for await (const found of leftReservations(server, { tenant, fence, epoch: left.epoch }))
    yield found.length === 0 ? [] : await left.unknown(found);
}

async function loadScripts(masters: readonly RedisConnection[], scripts: readonly Script[]): Promise<void> {
  await Promise.all(
    masters.flatMap((master) =>
      scripts.map(async ({ text, sha }) => {
        const loaded = await master.sendLong(["SCRIPT", "LOAD", text]);
        if (loaded !== sha) throw new Error(`${master.name} loaded a script as ${String(loaded)}; expected ${sha}`);
      }),
    ),
  );
}

/** What is written of one tenant. Each write is counted: where one is missing at the end, the server has lost it. */
class TenantWriter {
  readonly #servers: RedisServers;
  readonly #scripts: Scripts;
  readonly #fence: string;
  readonly #prefix: string;
  readonly #reserved = new Map<string, bigint>();
  #commands: string[] = [];
  #inBatch = 0;
  #writes = 0;
  #running: Promise<unknown>[] = [];

  constructor(servers: RedisServers, epoch: bigint, fence: string, scripts: Scripts) {
    this.#servers = servers;
    this.#scripts = scripts;
    this.#fence = fence;
    this.#prefix = epochPrefix(fence, epoch);
  }

  /** True: an earlier attempt at this epoch may have left something. */
  async begin(): Promise<boolean> {
    const [, left] = await this.#evaluate(this.#scripts.begin, [], "begun");
    return left !== "";
  }

  async settled(limitId: string, windowId: string, amount: bigint, nowMs: number): Promise<void> {
    const key = this.#prefix + counterSuffix(limitId, windowId);
    await this.#add(["HSET", key, isSlot(windowId) ? windowId : "s", String(amount)]);
    await this.#keep(key, windowId, nowMs);
  }

  async hold({ id, owner, deadlineMs, held }: OpenReservation, nowMs: number): Promise<void> {
    const amounts = { usd: 0n, tokens: 0n, requests: 0n };
    for (const { measure, amount } of held) if (amount > amounts[measure]) amounts[measure] = amount;
    for (const { limitId, windowId, measure } of held) {
      const key = this.#prefix + counterSuffix(limitId, windowId);
      const reserved = (this.#reserved.get(key) ?? 0n) + amounts[measure];
      this.#reserved.set(key, reserved);
      await this.#add(["HSET", key, "r", String(reserved)]);
      await this.#keep(key, windowId, nowMs);
    }
    const counters = held
      .map(({ limitId, windowId, measure }) => counterName(limitId, windowId, measure).text)
      .join("");
    const deadline = String(Math.ceil(deadlineMs));
    const { usd, tokens, requests } = amounts;
    const fields = { state: "pending", owner, deadline, u: `${usd}`, t: `${tokens}`, q: `${requests}`, counters };
    await this.#add(["HSET", `${this.#prefix}r:${id}`, ...Object.entries(fields).flat()]);
    await this.#add(["ZADD", `${this.#prefix}deadlines`, deadline, id]);
  }

  async open(): Promise<void> {
    await this.#flush();
    await Promise.all(this.#running);
    await this.#evaluate(this.#scripts.open, [String(this.#writes)], "opened");
  }

  async #keep(key: string, windowId: string, nowMs: number): Promise<void> {
    const kept = keptForId(windowId, nowMs);
    if (kept !== "") await this.#add(["PEXPIRE", key, kept]);
  }

  async #add(command: readonly string[]): Promise<void> {
    this.#commands.push(String(command.length), ...command);
    if (++this.#inBatch >= COMMANDS_AT_ONCE) await this.#flush();
  }

  /** In order: over one connection, and the server takes them as they come. */
  async #flush(): Promise<void> {
    if (this.#inBatch === 0) return;
    this.#running.push(this.#evaluate(this.#scripts.write, this.#commands, "written"));
    this.#writes++;
    this.#commands = [];
    this.#inBatch = 0;
    if (this.#running.length < WRITES_AT_ONCE) return;
    await Promise.all(this.#running);
    this.#running = [];
  }

  async #evaluate({ sha }: Script, args: readonly string[], expected: string): Promise<readonly string[]> {
    const server = this.#servers.ofSlot(keySlot(this.#fence));
    const answer = (await server.sendLong(["EVALSHA", sha, "1", this.#fence, ...args])) as readonly string[];
    if (answer[0] === expected) return answer;
    throw new CountersUnavailable("fenced", `another rebuild has passed this one: the fence says ${answer[1]}`);
  }
}
