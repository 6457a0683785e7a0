import type { ReasonCode } from "@tollhouse/contract";
import { outputAmounts, type Amounts, type Limit } from "@tollhouse/engine";
import type { StreamMeter } from "@tollhouse/providers";
import { CountersUnavailable, ReservationError, type Refused, type ReserveResult } from "@tollhouse/store";
import { policyLimitsNow } from "../policies/policy-rules.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { failsOpen } from "./limits-unavailable.ts";
import { profileKey } from "./reserve-call.ts";

/** What the reservation of a stream can ask of the exchange. */
export interface StreamHost {
  /** Reads no further while the tokens are counted. */
  pause(): void;
  resume(): void;
  /** The limit is reached: no more can be reserved, and what was made is all that may be. */
  exhausted(refused: Refused): void;
  /** It cannot go on, for reasons of Tollhouse's own. */
  stopped(code: ReasonCode, message: string): void;
}

const COUNT_DEADLINE_MS = 3_000;
/** A rebuild of the counters takes a few seconds. */
const EXTEND_WAIT_MS = 10_000;
const EXTEND_AGAIN_MS = 100;
const EXTENDED: ReserveResult = Object.freeze({ outcome: "reserved", states: Object.freeze([]) });
/** Twice what a token of plain text is long: with fewer tokens than its bytes by this, a provider is taken to keep to its cap. */
const BYTES_PER_TOKEN_LONG = 8;

/**
 * Keeps the reservation of a stream ahead of its tokens, by what the provider may still make before it notices an abort. Bytes are
 * the first bound of the tokens made; the tokenizer decides only where the bytes say that the limit is reached.
 */
export class StreamReservation {
  readonly #gateway: Gateway;
  readonly #call: Call;
  readonly #meter: StreamMeter;
  readonly #host: StreamHost;
  /** Output tokens counted, and the bytes of output they stand for; each byte since then counts as one token. */
  #countedTokens = 0;
  #countedBytes = 0;
  #counting = false;
  /** Is an extension asked for that shared counters have not answered? */
  #extending = false;
  /** Is all that is reserved read? */
  #paused = false;
  /** Of the policies that it is held to. One that is gone holds it on to its end: what is left of a call may not be what a condition saw. */
  #policyRevision: number;
  #snapshotVersion: number;
  #ofPolicies: readonly Limit[] = [];
  /** Its limits, where any changed since it began. */
  #limitsNow: readonly Limit[] | null = null;
  /** Resolves when the last count asked for is done. */
  #counted: Promise<void> = Promise.resolve();

  readonly #waitMs: number;

  /** `waitMs`: how long an extension is asked for again where shared counters cannot answer. */
  constructor(gateway: Gateway, call: Call, meter: StreamMeter, host: StreamHost, waitMs = EXTEND_WAIT_MS) {
    this.#gateway = gateway;
    this.#call = call;
    this.#meter = meter;
    this.#host = host;
    this.#waitMs = waitMs;
    this.#policyRevision = call.policyRevision ?? 0;
    this.#snapshotVersion = call.snapshotVersion;
  }

  /** Is the stream to be read no further for now? */
  get waiting(): boolean {
    return this.#counting || this.#paused;
  }

  /** Output tokens made so far, at most. */
  get produced(): number {
    return this.#countedTokens + (this.#meter.outputBytes - this.#countedBytes);
  }

  /** Called for every chunk: a few comparisons, unless the stream nears what is reserved. */
  keepAhead(): void {
    if (this.#counting) return;
    if (this.#extending) return this.#pauseAtEdge();
    const need = this.#need();
    if (need <= 0) return;
    const left = this.#cap() - this.#call.reservation.outputTokens;
    const slice = this.#gateway.profile.slice(profileKey(this.#call));
    // Beyond the cap only what was made is reserved: a provider that ignores it is followed, and cut where the limit is.
    const wanted = Math.max(need, Math.min(left, slice));
    const asked = this.#ask(wanted);
    if (asked instanceof Promise) return void this.#extendBehind(asked, wanted);
    if (this.#taken(asked, wanted) === null) return;
    const refused = this.#taken(this.#ask(need) as ReserveResult, need);
    if (refused !== null) void this.#countThenDecide(refused);
  }

  /** Replaces the byte bound of what was made by a count. Past the deadline the byte bound stands. */
  count(): Promise<void> {
    // One after another: two at once would both take the same bytes for theirs.
    return (this.#counted = this.#counted.then(() => this.#countOnce()));
  }

  async #countOnce(): Promise<void> {
    const bytes = this.#meter.outputBytes - this.#countedBytes;
    const text = this.#meter.takeText();
    if (text.length === 0) return;
    const counted = await this.#gateway.tokens.count([text], COUNT_DEADLINE_MS);
    // The meter keeps only the last part of a very long text: what it dropped counts like what it kept.
    const kept = Math.min(bytes, Buffer.byteLength(text));
    const tokens = counted === null ? bytes : Math.min(bytes, Math.ceil((counted * bytes) / kept));
    this.#countedTokens += tokens;
    this.#countedBytes += bytes;
  }

  /** Output tokens that the provider should not go beyond: the cap that Tollhouse set, else the one the call came with. */
  #cap(): number {
    const { reservation, estimate, facts } = this.#call;
    return reservation.outputLimit === null ? estimate.outputTokensMax : reservation.outputLimit * facts.choices;
  }

  #need(): number {
    const { reservation, estimate } = this.#call;
    const lead = this.#gateway.profile.lead(profileKey(this.#call));
    const cap = this.#cap();
    const least =
      this.#countedTokens + Math.floor((this.#meter.outputBytes - this.#countedBytes) / BYTES_PER_TOKEN_LONG);
    const wanted = least > cap ? least + lead : Math.min(cap, estimate.hiddenTokensMax + this.produced + lead);
    return wanted - reservation.outputTokens;
  }

  /** Limits and policies may have changed while the stream runs: from here on it is held to what they say now. */
  #changedLimits(): readonly Limit[] | null {
    const { identity, limits } = this.#call;
    const policies = policyLimitsNow(this.#gateway, this.#call, this.#policyRevision);
    const snapshot = this.#gateway.limits(identity);
    if (policies === null && snapshot.version === this.#snapshotVersion) return this.#limitsNow;
    if (policies !== null) {
      this.#policyRevision = policies.revision;
      this.#ofPolicies = policies.limits;
    }
    this.#snapshotVersion = snapshot.version;
    const made = limits.flatMap(({ id, perCall }) => (perCall === undefined ? (snapshot.byId(id) ?? []) : []));
    return (this.#limitsNow = [...made, ...this.#ofPolicies]);
  }

  #ask(tokens: number): ReserveResult | Promise<ReserveResult> {
    const { identity, decision } = this.#call;
    const counters = this.#gateway.countersOf(identity.tenant);
    return counters.extend(decision, this.#amounts(tokens), this.#changedLimits());
  }

  /** Not cut to the cap, which a provider may ignore. */
  #amounts(tokens: number): Amounts {
    return outputAmounts({ ...this.#call.estimate, outputTokensMax: Infinity }, tokens);
  }

  /** Null: reserved, and on its way to the spool. */
  #taken(result: ReserveResult, tokens: number): Refused | null {
    if (result.outcome === "refused") return result;
    const { reservation, decision, identity } = this.#call;
    const more = this.#amounts(tokens);
    reservation.outputTokens += tokens;
    reservation.usd += more.usd;
    reservation.tokens += more.tokens;
    this.#gateway.anomalies(identity).grow(decision, more.usd);
    this.#gateway.spool
      .append({ t: "extend", decision, usd: more.usd.toString(), tokens: more.tokens.toString() })
      // Unrecorded, a crash would forget it.
      .catch(() => this.#host.stopped("SPOOL_UNAVAILABLE", "The call cannot be recorded right now, so it was stopped"));
    return null;
  }

  /** The counters are shared: the stream is read on within what it holds while they answer. */
  async #extendBehind(asked: Promise<ReserveResult>, tokens: number): Promise<void> {
    this.#extending = true;
    try {
      let refused = await this.#answered(asked, tokens);
      const need = this.#need();
      if (refused !== null && need > 0 && !this.#call.ended) refused = await this.#answered(this.#ask(need), need);
      this.#extending = false;
      if (this.#call.ended) return;
      if (refused !== null && this.#need() > 0) return await this.#countThenDecide(refused);
      this.#readOn();
    } catch (error) {
      this.#extending = false;
      this.#uncounted(error);
    }
  }

  /** A reservation that ended under it is another node's doing: this one was taken for dead. */
  #uncounted(error: unknown): void {
    if (this.#call.ended) return;
    if (!(error instanceof CountersUnavailable || error instanceof ReservationError)) this.#gateway.failed(error);
    this.#host.stopped("LIMITS_UNAVAILABLE", "The limits could not be read for too long, so the call was stopped");
  }

  /** Null: taken. Asked again while the counters cannot answer: the store repeats nothing by itself, and a lost answer holds too much at most. */
  async #answered(asked: ReserveResult | Promise<ReserveResult>, tokens: number): Promise<Refused | null> {
    const until = performance.now() + this.#waitMs;
    for (let next = asked; ; next = this.#ask(tokens)) {
      try {
        const result = await next;
        return this.#call.ended ? null : this.#taken(result, tokens);
      } catch (error) {
        if (!(error instanceof CountersUnavailable)) throw error;
        if (this.#call.ended) return null;
        if (this.#takenUncounted(tokens)) return null;
        if (performance.now() >= until) throw error;
        this.#pauseAtEdge();
        await new Promise((resolve) => setTimeout(resolve, EXTEND_AGAIN_MS));
        if (this.#call.ended) return null;
      }
    }
  }

  #takenUncounted(tokens: number): boolean {
    const { identity, decision } = this.#call;
    if (!failsOpen(this.#gateway, this.#call)) return false;
    const more = this.#amounts(tokens);
    if (!this.#gateway.countersOf(identity.tenant).extendUncounted(decision, more)) return false;
    this.#taken(EXTENDED, tokens);
    return true;
  }

  /** All that is reserved may be made by now. */
  #pauseAtEdge(): void {
    const { reservation, estimate } = this.#call;
    if (this.#paused || estimate.hiddenTokensMax + this.produced < reservation.outputTokens) return;
    this.#paused = true;
    this.#host.pause();
  }

  #readOn(): void {
    const paused = this.#paused;
    this.#paused = false;
    this.keepAhead();
    if (paused) this.#host.resume();
  }

  async #countThenDecide(refused: Refused): Promise<void> {
    this.#counting = true;
    this.#host.pause();
    await this.count();
    const need = this.#call.ended ? 0 : this.#need();
    const asked = need > 0 ? this.#ask(need) : null;
    const still = asked instanceof Promise ? await this.#answered(asked, need) : asked && this.#taken(asked, need);
    this.#counting = this.#paused = false;
    if (this.#call.ended) return;
    if (still !== null) this.#host.exhausted(refused);
    else this.#host.resume();
  }
}
