import type { Amounts, Limit } from "@tollhouse/engine";
import type { HeldOn } from "./call-log.ts";
import { MemoryCounterStore, type RebuildSource } from "@tollhouse/store";

type Item<T> = T extends AsyncIterable<infer One> ? One : never;
export type Sum = Item<ReturnType<RebuildSource["sums"]>>;
export type Open = Item<ReturnType<RebuildSource["open"]>>;

/** Who sends a verb, and in which epoch; as prelude.lua takes it. */
export interface Sender {
  readonly epoch: bigint;
  readonly node: string;
  readonly number: number;
  readonly acknowledged: number;
}

export interface Fenced {
  readonly fenced: string;
}

export interface Hold {
  readonly owner: string;
  readonly on: readonly HeldOn[];
  /** In all. */
  amounts: Amounts;
}

/** What a server has of a tenant: the fence, and what is counted behind it. The counting is the store's in memory, which has the same suite. */
export class ServerState {
  counters = new MemoryCounterStore();
  /** Pending reservations. */
  readonly holds = new Map<string, Hold>();
  /** Released before they were known. */
  readonly tombstones = new Set<string>();
  readonly adjusted = new Set<string>();
  readonly numbers = new Map<string, number>();
  open: bigint | null = null;
  building: { readonly epoch: bigint; readonly attempt: number } | null = null;
  /** What was pending when the epoch before was closed: its keys stay until the next one is open. */
  left: readonly (readonly [id: string, hold: Hold])[] = [];
}

type Change = (state: ServerState) => unknown;

/**
 * Redis as a node meets it (docs/adr/0015): verbs in one step each, a fence, scripts that a restart forgets. It can be emptied, restarted,
 * and replaced by a replica that lacks the last verbs.
 */
export class CounterServer {
  down = false;
  /** A rebuild has closed what was open. */
  onClosed: () => void = () => undefined;
  /** A rebuild has opened what it made. */
  onOpened: () => void = () => undefined;
  /** Since it was opened last, it has lost something that it had acknowledged, or all. */
  lost = true;
  #state = new ServerState();
  /** Since the last time that it was empty: a replica has the first of them. */
  #changes: Change[] = [];
  /** Epochs whose verbs this very process was taught. */
  readonly #taught = new Set<bigint>();
  #process = 0;

  get state(): ServerState {
    return this.#state;
  }

  /** Who asks for it may only go on with a rebuild while the server stays the same. */
  get process(): number {
    return this.#process;
  }

  empty(): void {
    this.lost = true;
    this.#state = new ServerState();
    this.#changes = [];
  }

  /** A replica becomes the master, without the last `behind` changes; scripts are not replicated. */
  failOver(behind: number): void {
    const kept = this.#changes.slice(0, Math.max(0, this.#changes.length - behind));
    this.forgetScripts();
    this.#state = new ServerState();
    for (const change of kept) {
      try {
        change(this.#state);
      } catch {
        // It was refused then, too.
      }
    }
    this.#changes = kept;
  }

  forgetScripts(): void {
    this.lost = true;
    this.#process += 1;
    this.#taught.clear();
  }

  teach(epoch: bigint): void {
    this.#taught.add(epoch);
  }

  verb<T>(from: Sender, run: (state: ServerState) => T): T | Fenced {
    if (!this.knows(from)) return { fenced: "a server was restarted or replaced" };
    const { open, numbers } = this.#state;
    if (open !== from.epoch) return { fenced: open === null ? "its counters are gone" : "another epoch is open" };
    if ((numbers.get(from.node) ?? 0) < from.acknowledged) return { fenced: "it has lost what it acknowledged" };
    return this.#change((state) => {
      state.numbers.set(from.node, Math.max(state.numbers.get(from.node) ?? 0, from.number));
      return run(state);
    });
  }

  protected knows({ epoch }: Sender): boolean {
    return this.#taught.has(epoch);
  }

  /** Closes every earlier epoch. False: this one, or a later one, is there already. */
  begin(epoch: bigint, attempt: number): boolean {
    const { open, building } = this.#state;
    if (open !== null && open >= epoch) return false;
    if (building !== null && building.epoch > epoch) return false;
    if (open !== null) this.onClosed();
    this.#change((state) => {
      if (state.open !== null) state.left = [...state.holds];
      state.open = null;
      state.building = { epoch, attempt };
    });
    return true;
  }

  finish(
    epoch: bigint,
    attempt: number,
    sums: readonly Sum[],
    open: readonly Open[],
    limits: readonly Limit[],
  ): boolean {
    const { building } = this.#state;
    if (building?.epoch !== epoch || building.attempt !== attempt) return false;
    this.#change((state) => {
      this.fill(state, sums, open, limits);
      Object.assign(state, { open: epoch, building: null });
    });
    this.onOpened();
    this.lost = false;
    return true;
  }

  protected fill(state: ServerState, sums: readonly Sum[], open: readonly Open[], limits: readonly Limit[]): void {
    state.counters = new MemoryCounterStore();
    for (const kept of [state.holds, state.tombstones, state.adjusted, state.numbers]) kept.clear();
    for (const { limitId, windowId, amount } of sums) state.counters.seed(limitId, windowId, amount);
    for (const one of open) hold(state, one, limits);
  }

  #change<T>(change: (state: ServerState) => T): T {
    this.#changes.push(change);
    return change(this.#state);
  }
}

/** What an open call held when it was written down. */
function hold(state: ServerState, { id, owner, held }: Open, limits: readonly Limit[]): void {
  const on = held.map(({ limitId, windowId }) => ({
    limit: limits.find((limit) => limit.id === limitId) as Limit,
    windowId,
  }));
  const most = (measure: Limit["measure"]): bigint => held.find((one) => one.measure === measure)?.amount ?? 0n;
  const amounts = { usd: most("usd"), tokens: most("tokens"), requests: most("requests") };
  const of = on.map(({ limit }) => limit);
  state.counters.restore(id, of, amounts, Date.now());
  state.holds.set(id, { owner, on, amounts });
}
