import { ANOMALY_KINDS, type AnomalyKind, type AnomalyTriggered, type Dimensions } from "@tollhouse/contract";
import { AnomalyWatch, type AnomalyRule, type Track } from "@tollhouse/engine";
import type { ConsideredCall } from "../gateway/considered-call.ts";
import type { EndedCall } from "../gateway/ended-call.ts";
import type { RefusalInput } from "../gateway/refusal.ts";
import { refusalOf, type Met } from "./anomaly-answer.ts";
import type { Fingerprint } from "./fingerprint.ts";

/** A rule was triggered by a call. `fresh`: the first time for this scope within a window; the rest is said by its count. */
export interface AnomalySeen {
  readonly rule: AnomalyRule;
  readonly scope: string;
  readonly call: ConsideredCall;
  readonly fresh: boolean;
}

export interface AnomalyMonitorParts {
  readonly fingerprint: Fingerprint;
  /** Values that all rules together remember, at most: each an equal part of them. */
  readonly scopesMax: number;
  /** The session is frozen, and its running calls are ended, when this resolves. */
  freeze(session: string, rule: AnomalyRule): Promise<void>;
  seen(seen: AnomalySeen): void;
  /** A scope was forgotten before its time, because too many others are remembered. */
  readonly evicted: () => void;
  readonly failed: (error: unknown) => void;
  now(): number;
}

/** What an open call holds, and where. */
interface Hold {
  nano: bigint;
  readonly on: readonly { readonly watch: AnomalyWatch; readonly track: Track }[];
}

interface Watched {
  readonly watch: AnomalyWatch;
  calls: number;
  /** Newest first. */
  readonly last: AnomalyTriggered[];
}

const LAST_MAX = 10;

/**
 * Anomaly rules of one environment at work: what they count, and what follows where one triggers. Nothing is awaited and, without a
 * rule, nothing done.
 */
export class AnomalyMonitor {
  readonly #parts: AnomalyMonitorParts;
  /** In the order of a decision, then the oldest first. */
  #watched: readonly Watched[] = [];
  #watchesSpend = false;
  /** By decision. */
  readonly #holds = new Map<string, Hold>();
  /** A freeze for them is on its way. */
  readonly #freezing = new Set<Track>();
  /** When a scope was said to trigger last. */
  #saidMs = new WeakMap<Track, number>();

  constructor(parts: AnomalyMonitorParts) {
    this.#parts = parts;
  }

  /** A new rule, or the next version of one. */
  put(rule: AnomalyRule): void {
    const known = this.#watched.find(({ watch }) => watch.rule.id === rule.id);
    if (known !== undefined) return known.watch.change(rule);
    const { scopesMax, evicted } = this.#parts;
    const bound = { scopesMax: () => Math.floor(scopesMax / this.#watched.length), onEvicted: evicted };
    const made = { watch: new AnomalyWatch(rule, bound), calls: 0, last: [] };
    this.#set([...this.#watched, made]);
  }

  drop(id: string): void {
    this.#set(this.#watched.filter(({ watch }) => watch.rule.id !== id));
  }

  triggered(id: string): { calls: number; last: AnomalyTriggered[] } {
    const { calls = 0, last = [] } = this.#watched.find(({ watch }) => watch.rule.id === id) ?? {};
    return { calls, last: [...last] };
  }

  /** Step 8 of a decision: counts the call with every rule, and acts for those that trigger. Null: it goes on. */
  look(call: ConsideredCall): Omit<RefusalInput, "decision"> | null {
    if (this.#watched.length === 0) return null;
    const nowMs = this.#parts.now();
    let met: Met[] | null = null;
    let fingerprint: string | null | undefined;
    for (const watched of this.#watched) {
      const { watch } = watched;
      const { kind, per } = watch.rule;
      const value = call.identity.dimensions[per];
      if (value === undefined) continue;
      if (kind === "loop" && fingerprint === undefined) fingerprint = this.#parts.fingerprint(call);
      const triggered = watch.look(value, fingerprint ?? null, nowMs);
      if (triggered === null) continue;
      (met ??= []).push({ watch, value, triggered });
      this.#tell(watched, value, triggered.track, call, nowMs);
    }
    return met === null ? null : this.#act(call, met);
  }

  get watchesSpend(): boolean {
    return this.#watchesSpend;
  }

  /** The call is on its way, and holds so much until `ended` is told of it. */
  hold(decision: string, dimensions: Dimensions, nano: bigint): void {
    const nowMs = this.#parts.now();
    const on = this.#spendWatches(dimensions).map(([watch, value]) => ({
      watch,
      track: watch.hold(value, nano, nowMs),
    }));
    if (on.length > 0) this.#holds.set(decision, { nano, on });
  }

  /** A stream has reserved more. */
  grow(decision: string, nano: bigint): void {
    const hold = this.#holds.get(decision);
    if (hold === undefined) return;
    hold.nano += nano;
    for (const { track } of hold.on) track.held += nano;
  }

  ended({ decision, dimensions, outcome, cost }: EndedCall): void {
    const hold = this.#holds.get(decision);
    if (hold !== undefined) {
      this.#holds.delete(decision);
      for (const { watch, track } of hold.on) watch.release(track, hold.nano);
    }
    // Of a cost that is not known nothing can be counted; a rule about requests sees those calls.
    if (!this.#watchesSpend || outcome !== "settled" || cost === null) return;
    const nowMs = this.#parts.now();
    for (const [watch, value] of this.#spendWatches(dimensions)) watch.spent(value, cost, nowMs);
  }

  #set(watched: readonly Watched[]): void {
    const order = (kind: AnomalyKind): number => ANOMALY_KINDS.indexOf(kind);
    this.#watched = watched.toSorted(
      ({ watch: { rule: a } }, { watch: { rule: b } }) => order(a.kind) - order(b.kind) || (a.id < b.id ? -1 : 1),
    );
    this.#watchesSpend = watched.some(({ watch }) => watch.rule.kind === "velocity");
  }

  #spendWatches(dimensions: Dimensions): (readonly [AnomalyWatch, string])[] {
    const found: (readonly [AnomalyWatch, string])[] = [];
    for (const { watch } of this.#watched) {
      const value = dimensions[watch.rule.per];
      if (watch.rule.kind === "velocity" && value !== undefined) found.push([watch, value]);
    }
    return found;
  }

  #tell(watched: Watched, value: string, track: Track, call: ConsideredCall, nowMs: number): void {
    const { rule } = watched.watch;
    const scope = `${rule.per}:${value}`;
    const saidMs = this.#saidMs.get(track);
    const fresh = saidMs === undefined || nowMs - saidMs >= rule.windowSeconds * 1_000;
    watched.calls += 1;
    if (fresh) {
      this.#saidMs.set(track, nowMs);
      watched.last.unshift({ at: new Date(nowMs).toISOString(), decision: `dec_${call.decision}`, scope });
      if (watched.last.length > LAST_MAX) watched.last.pop();
    }
    this.#parts.seen({ rule, scope, call, fresh });
  }

  /** The first rule that stops the call is the one named; those that freeze do so whichever it is. */
  #act(call: ConsideredCall, met: readonly Met[]): Omit<RefusalInput, "decision"> | null {
    const first = met.find(({ watch }) => watch.rule.action !== "alert");
    if (first === undefined) return null;
    const { session } = call.identity.dimensions;
    const freezers = met.filter(({ watch }) => watch.rule.action === "freeze");
    if (session !== undefined && freezers.length > 0) this.#freeze(session, freezers);
    return refusalOf(first, session);
  }

  /**
   * Until the freeze is in force the rules go on refusing, and nothing is frozen twice. Then what they counted is dealt with: a session
   * that is unfrozen starts anew. Where the freeze fails, the sums stand, and the next call tries again.
   */
  #freeze(session: string, freezers: readonly Met[]): void {
    const tracks = freezers.map(({ triggered }) => triggered.track);
    if (tracks.some((track) => this.#freezing.has(track))) return;
    for (const track of tracks) this.#freezing.add(track);
    const [{ watch }] = freezers as readonly [Met, ...Met[]];
    this.#parts
      .freeze(session, watch.rule)
      .then(() => {
        for (const { watch: of, value, triggered } of freezers) of.forget(value, triggered.track);
      }, this.#parts.failed)
      .finally(() => {
        for (const track of tracks) this.#freezing.delete(track);
      });
  }
}
