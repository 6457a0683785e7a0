import { CountersUnavailable } from "../shared-counters.ts";
import { findMasters, type Master } from "./find-masters.ts";
import { SLOTS } from "./key-slot.ts";
import { RedisConnection } from "./redis-connection.ts";
import type { RedisPlace } from "./redis-url.ts";

const SEARCH_AGAIN_MS = 200;
/** Also where nothing is missing: a cluster may have grown. */
const SEARCH_MS = 10_000;
const TICK_MS = 500;

/** One connection to each master there is, found again whenever one is lost or has moved. */
export class RedisServers {
  readonly #place: RedisPlace;
  readonly #deadlineMs: number;
  readonly #connections = new Map<string, RedisConnection>();
  readonly #bySlot: (RedisConnection | undefined)[] = Array.from({ length: SLOTS });
  readonly #ticking: NodeJS.Timeout;
  #search: Promise<void> | null = null;
  #searchedAt = -Infinity;
  #found = false;
  #closed = false;
  #watchers: (() => void)[] = [];

  constructor(place: RedisPlace, deadlineMs: number) {
    this.#place = place;
    this.#deadlineMs = deadlineMs;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS).unref();
    this.searchSoon();
  }

  /** Throws CountersUnavailable where nobody is known to have it. */
  ofSlot(slot: number): RedisConnection {
    const connection = this.#bySlot[slot];
    if (connection === undefined) throw this.#missing();
    return connection;
  }

  get masters(): readonly RedisConnection[] {
    return [...this.#connections.values()];
  }

  /** Every slot has a master that can be used. */
  get whole(): boolean {
    return this.#found && this.masters.every((master) => master.usable);
  }

  /** What is missing, in words; null: nothing. */
  get trouble(): string | null {
    if (this.whole) return null;
    const lost = this.masters.flatMap(({ trouble }) => trouble ?? []);
    if (lost.length > 0) return lost.join(", ");
    if (this.#place.sentinel !== null) return `no Sentinel knows a master ${this.#place.sentinel.master}`;
    return this.#found ? "no Redis has answered yet" : "no Redis knows who has every slot";
  }

  /** Resolves when `whole`; rejects as soon as a server says that it cannot be used, or where it takes longer. */
  async untilWhole(withinMs = Infinity): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.whole) {
      if (this.#closed) throw new CountersUnavailable("unreachable", "the connection to Redis was closed");
      const refused = this.masters.find((master) => master.refused !== null)?.refused;
      if (refused !== undefined && refused !== null) throw new CountersUnavailable("unreachable", refused);
      if (performance.now() > deadline) throw this.#missing();
      await this.#change();
    }
  }

  /** Where are the masters now? Asked at most a few times a second, whoever wants to know. */
  searchSoon(): void {
    if (this.#search !== null || this.#closed || performance.now() - this.#searchedAt < SEARCH_AGAIN_MS) return;
    void this.search();
  }

  search(): Promise<void> {
    this.#search ??= this.#searchNow().finally(() => (this.#search = null));
    return this.#search;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#ticking);
    for (const connection of this.#connections.values()) connection.close();
    this.#tell();
  }

  async #searchNow(): Promise<void> {
    this.#searchedAt = performance.now();
    const known = this.masters.filter(({ usable }) => usable).map(({ address }) => address);
    const masters = await findMasters(this.#place, this.#place.kind === "cluster" ? known : []);
    if (masters !== null && !this.#closed) this.#take(masters);
  }

  #take(masters: readonly Master[]): void {
    const wanted = new Set(masters.map(nameOf));
    this.#bySlot.fill(undefined);
    for (const master of masters) {
      const connection = this.#connections.get(nameOf(master)) ?? this.#connect(master);
      for (const [from, to] of master.slots) this.#bySlot.fill(connection, from, to + 1);
    }
    for (const [name, connection] of this.#connections) {
      if (wanted.has(name)) continue;
      this.#connections.delete(name);
      connection.close();
    }
    this.#found = !this.#bySlot.includes(undefined);
    this.#tell();
  }

  #connect(master: Master): RedisConnection {
    const connection = new RedisConnection(master.address, {
      place: this.#place,
      deadlineMs: this.#deadlineMs,
      onLost: () => {
        this.#tell();
        this.searchSoon();
      },
      onUsable: () => this.#tell(),
    });
    this.#connections.set(nameOf(master), connection);
    return connection;
  }

  #tick(): void {
    if (!this.whole || performance.now() - this.#searchedAt > SEARCH_MS) this.searchSoon();
    this.#tell();
  }

  #missing(): CountersUnavailable {
    return new CountersUnavailable("unreachable", this.trouble ?? "no Redis has answered yet");
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  #tell(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}

function nameOf({ address }: Master): string {
  return `${address.host}:${address.port}`;
}
