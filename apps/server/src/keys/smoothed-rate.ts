const MINUTE_MS = 60_000;

/**
 * So much a minute, smoothed: a minute's worth at once, refilled evenly (the generic cell rate algorithm, told as a level that
 * drains). All numbers are whole: the level counts units × 60,000, of which `perMinute` drain each millisecond.
 */
export class SmoothedRate {
  readonly perMinute: number;
  readonly #full: number;
  #level = 0;
  #atMs = 0;

  constructor(perMinute: number) {
    this.perMinute = perMinute;
    this.#full = perMinute * MINUTE_MS;
  }

  /**
   * Milliseconds until `amount` fits; 0 = now. One that is larger than a minute's worth fits where nothing else is held: refusing it
   * for ever would be a cap, which a rate is not.
   */
  waitMs(amount: number, nowMs: number): number {
    this.#drain(nowMs);
    const over = this.#level + Math.min(amount * MINUTE_MS, this.#full) - this.#full;
    return over <= 0 ? 0 : Math.ceil(over / this.perMinute);
  }

  /** Counts `amount`; a negative one gives back. May fill it beyond a minute's worth: what was really used is waited for. */
  add(amount: number, nowMs: number): void {
    this.#drain(nowMs);
    this.#level = Math.max(0, this.#level + amount * MINUTE_MS);
  }

  /** How much fits now; 0 where it is filled beyond a minute's worth. */
  remaining(nowMs: number): number {
    this.#drain(nowMs);
    return Math.max(0, Math.floor((this.#full - this.#level) / MINUTE_MS));
  }

  /** Milliseconds until a whole minute's worth fits again. */
  resetMs(nowMs: number): number {
    this.#drain(nowMs);
    return Math.ceil(this.#level / this.perMinute);
  }

  #drain(nowMs: number): void {
    if (nowMs <= this.#atMs) return;
    this.#level = Math.max(0, this.#level - (nowMs - this.#atMs) * this.perMinute);
    this.#atMs = nowMs;
  }
}
