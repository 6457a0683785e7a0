import { outputAmounts, type Limit } from "@tollhouse/engine";
import type { StreamMeter } from "@tollhouse/providers";
import type { Refused } from "@tollhouse/store";
import { policyLimitsNow } from "../policies/policy-rules.ts";
import type { Call } from "./call.ts";
import type { Gateway } from "./gateway.ts";
import { profileKey } from "./reserve-call.ts";

/** What the reservation of a stream can ask of the exchange. */
export interface StreamHost {
  /** Reads no further while the tokens are counted. */
  pause(): void;
  resume(): void;
  /** The limit is reached: no more can be reserved, and what was made is all that may be. */
  exhausted(refused: Refused): void;
  /** The extension could not be recorded; unrecorded, a crash would forget it. */
  unrecorded(): void;
}

const COUNT_DEADLINE_MS = 3_000;
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
  /** Of the policies that it is held to. */
  #policyVersion: number;
  /** Resolves when the last count asked for is done. */
  #counted: Promise<void> = Promise.resolve();

  constructor(gateway: Gateway, call: Call, meter: StreamMeter, host: StreamHost) {
    this.#gateway = gateway;
    this.#call = call;
    this.#meter = meter;
    this.#host = host;
    this.#policyVersion = call.policyVersion ?? 0;
  }

  get counting(): boolean {
    return this.#counting;
  }

  /** Output tokens made so far, at most. */
  get produced(): number {
    return this.#countedTokens + (this.#meter.outputBytes - this.#countedBytes);
  }

  /** Called for every chunk: a few comparisons, unless the stream nears what is reserved. */
  keepAhead(): void {
    if (this.#counting) return;
    const need = this.#need();
    if (need <= 0) return;
    const left = this.#cap() - this.#call.reservation.outputTokens;
    const slice = this.#gateway.profile.slice(profileKey(this.#call));
    // Beyond the cap only what was made is reserved: a provider that ignores it is followed, and cut where the limit is.
    if (this.#extend(Math.max(need, Math.min(left, slice))) === null) return;
    const refused = this.#extend(need);
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

  /** Policies may have changed while the stream runs: from here on it is held to what they say now. */
  #changedLimits(): readonly Limit[] | null {
    const now = policyLimitsNow(this.#gateway, this.#call, this.#policyVersion);
    if (now === null) return null;
    this.#policyVersion = now.version;
    return now.limits;
  }

  /** Null: reserved, and on its way to the spool. */
  #extend(tokens: number): Refused | null {
    const { reservation, estimate, decision } = this.#call;
    // Not cut to the cap, which a provider may ignore.
    const more = outputAmounts({ ...estimate, outputTokensMax: Infinity }, tokens);
    const result = this.#gateway.counters.extend(decision, more, this.#changedLimits());
    if (result.outcome === "refused") return result;
    reservation.outputTokens += tokens;
    reservation.usd += more.usd;
    reservation.tokens += more.tokens;
    this.#gateway.anomalies(this.#call.identity).grow(decision, more.usd);
    this.#gateway.spool
      .append({ t: "extend", decision, usd: more.usd.toString(), tokens: more.tokens.toString() })
      .catch(() => this.#host.unrecorded());
    return null;
  }

  async #countThenDecide(refused: Refused): Promise<void> {
    this.#counting = true;
    this.#host.pause();
    await this.count();
    this.#counting = false;
    if (this.#call.ended) return;
    const need = this.#need();
    if (need > 0 && this.#extend(need) !== null) this.#host.exhausted(refused);
    else this.#host.resume();
  }
}
