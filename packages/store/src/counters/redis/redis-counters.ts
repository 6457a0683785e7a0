import { ErrorReply } from "@redis/client";
import { CountersUnavailable, type RebuildSource, type SharedCounters } from "../shared-counters.ts";
import { removeEpochsBefore } from "./remove-epochs.ts";
import { verbScripts, type Script, type Verb } from "./counter-scripts.ts";
import { epochPrefix, keyNames, type KeyNames } from "./key-names.ts";
import { keySlot } from "./key-slot.ts";
import { rebuildCounters } from "./rebuild-counters.ts";
import { RedisServers } from "./redis-servers.ts";
import { readRedisUrls } from "./redis-url.ts";
import { RedisTenantCounters } from "./tenant-counters.ts";

export interface RedisCountersOptions {
  /** One is a server, several are nodes of one cluster. */
  readonly urls: readonly string[];
  /** Of the database whose truth is counted here: others may share the server. */
  readonly installation: string;
  /** Owner of the reservations that are made through it. */
  readonly node: string;
  /** How long a reservation is held before its owner has to keep it alive. */
  readonly holdMs?: number;
  /** Of every verb. */
  readonly deadlineMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const HOLD_MS = 30_000;
const DEADLINE_MS = 250;
const JOIN_MS = 5_000;

/** The shared counters in Redis (7 or newer) or a Redis Cluster. Connects in the background, for ever: constructing it waits for nothing. */
export function connectRedis(options: RedisCountersOptions): RedisCounters {
  return new RedisCounters(options);
}

/** What is open: an epoch, its verbs, and how far this node's verbs were acknowledged, by tenant. */
interface Entered {
  readonly epoch: bigint;
  readonly scripts: Readonly<Record<Verb, Script>>;
  readonly tenants: Map<string, Sent>;
}

interface Sent {
  /** Grows with each verb, over restarts too. */
  number: number;
  acknowledged: number;
}

export class RedisCounters implements SharedCounters {
  readonly #options: Required<RedisCountersOptions>;
  readonly #servers: RedisServers;
  readonly #keys: KeyNames;
  readonly #tenants = new Map<string, RedisTenantCounters>();
  readonly #listeners: ((reason: string) => void)[] = [];
  readonly #closing = new AbortController();
  #entered: Entered | null = null;

  constructor(options: RedisCountersOptions) {
    this.#options = { holdMs: HOLD_MS, deadlineMs: DEADLINE_MS, now: Date.now, ...options };
    this.#keys = keyNames(options.installation);
    this.#servers = new RedisServers(readRedisUrls(options.urls), this.#options.deadlineMs);
  }

  /** Resolves when every master answers; rejects where one says that it can never be used as it is. */
  joined(): Promise<void> {
    return this.#servers.untilWhole();
  }

  /** Why not every server can be used now, in words without a secret; null: all can. */
  get trouble(): string | null {
    return this.#servers.trouble;
  }

  of(tenant: string): RedisTenantCounters {
    let counters = this.#tenants.get(tenant);
    if (counters !== undefined) return counters;
    const fence = this.#keys.fence(tenant);
    const slot = keySlot(fence);
    const call = (verb: Verb, suffixes: readonly string[], args: readonly string[]): Promise<readonly string[]> =>
      this.#call({ tenant, fence, slot, verb, suffixes, args });
    counters = new RedisTenantCounters({ call }, this.#options);
    this.#tenants.set(tenant, counters);
    return counters;
  }

  async rebuild(epoch: bigint, from: RebuildSource): Promise<void> {
    await this.#servers.search();
    await this.#servers.untilWhole(JOIN_MS);
    await rebuildCounters(this.#servers, this.#keys, epoch, from, { now: this.#options.now });
    // Nobody waits for it, and it ends with the process: the next rebuild goes on.
    for (const master of this.#servers.masters)
      void removeEpochsBefore(master, this.#keys, epoch, this.#closing.signal).catch(() => undefined);
  }

  enter(epoch: bigint | null): void {
    this.#entered =
      epoch === null ? null : { epoch, scripts: verbScripts(this.#keys.installation, epoch), tenants: new Map() };
  }

  async open(tenant: string): Promise<void> {
    const entered = this.#open();
    const fence = this.#keys.fence(tenant);
    const answer = await this.#evaluate(entered, keySlot(fence), entered.scripts.openTenant, [fence], []);
    if (answer[0] === "fenced") this.#fenced(entered, answer[1] ?? "");
  }

  onFenced(listener: (reason: string) => void): void {
    this.#listeners.push(listener);
  }

  async health(): Promise<{ reachable: boolean; latencyMs: number | null; nodes: readonly string[] }> {
    const startedAt = performance.now();
    const { masters } = this.#servers;
    const nodes = masters.map(({ name }) => name);
    try {
      await Promise.all(masters.map((master) => master.send(["PING"])));
      const reachable = this.#servers.whole;
      return { reachable, latencyMs: reachable ? performance.now() - startedAt : null, nodes };
    } catch {
      return { reachable: false, latencyMs: null, nodes };
    }
  }

  close(): Promise<void> {
    this.#closing.abort();
    this.#servers.close();
    return Promise.resolve();
  }

  async #call(asked: {
    readonly tenant: string;
    readonly fence: string;
    readonly slot: number;
    readonly verb: Verb;
    readonly suffixes: readonly string[];
    readonly args: readonly string[];
  }): Promise<readonly string[]> {
    const entered = this.#open();
    let sent = entered.tenants.get(asked.tenant);
    if (sent === undefined) entered.tenants.set(asked.tenant, (sent = { number: Date.now() * 1_000, acknowledged: 0 }));
    const number = ++sent.number;
    const prefix = epochPrefix(asked.fence, entered.epoch);
    const keys = [asked.fence, ...asked.suffixes.map((suffix) => prefix + suffix)];
    const args = [this.#options.node, String(number), String(sent.acknowledged), ...asked.args];
    const answer = await this.#evaluate(entered, asked.slot, entered.scripts[asked.verb], keys, args);
    if (answer[0] === "fenced") this.#fenced(entered, answer[1] ?? "");
    if (number > sent.acknowledged) sent.acknowledged = number;
    if (answer[0] === "overflow") throw new RangeError(`${asked.verb}: ${answer[1]}: an amount would leave 64 bits`);
    return answer;
  }

  #open(): Entered {
    if (this.#entered === null)
      throw new CountersUnavailable("fenced", "no epoch of the counters is open on this node");
    return this.#entered;
  }

  async #evaluate(
    entered: Entered,
    slot: number,
    { sha }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<readonly string[]> {
    const command = ["EVALSHA", sha, String(keys.length), ...keys, ...args];
    for (let moved = false; ; moved = true) {
      try {
        return (await this.#servers.ofSlot(slot).send(command)) as readonly string[];
      } catch (error) {
        if (!(error instanceof ErrorReply)) throw error;
        if (error.message.startsWith("NOSCRIPT"))
          this.#fenced(entered, "a Redis server was restarted or replaced", error);
        // It was not taken: the one thing that may be sent again, to whoever has the slot now.
        if (!error.message.startsWith("MOVED") || moved) throw this.#unusable(error);
        await this.#servers.search();
      }
    }
  }

  #unusable(error: ErrorReply): CountersUnavailable {
    this.#servers.searchSoon();
    return new CountersUnavailable("unreachable", `Redis answered: ${error.message}`, error);
  }

  /** An answer to an epoch that this node has left says nothing of the one that it is in. */
  #fenced(entered: Entered, reason: string, cause?: unknown): never {
    if (this.#entered === entered) for (const listener of this.#listeners) listener(reason);
    throw new CountersUnavailable("fenced", reason, cause);
  }
}
