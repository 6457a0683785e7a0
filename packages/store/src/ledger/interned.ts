/**
 * Small numbers for what is the same, and for pairs of such numbers: rows of a batch are told apart by one number and not by a long text, and
 * what one value is called is made once.
 */
export class Interned<T = unknown> {
  readonly #ids = new Map<unknown, number>();
  readonly #values: (T | undefined)[] = [undefined];
  /** Open addressing: pairs `a, b` and what they are called, at three times their place; 0 = free. A Map takes three times as long. */
  #pairs = new Int32Array(3 * 1024);
  #taken = 0;

  /** Bytes are the same where they are the same object, or have been seen with these bytes. Texts have no NUL in front. */
  value(value: T): number {
    let id = this.#ids.get(value);
    if (id !== undefined) return id;
    const name = value instanceof Uint8Array ? `\0${latin1(value)}` : value;
    id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#next(value);
      this.#ids.set(name, id);
    }
    this.#ids.set(value, id);
    return id;
  }

  /** What has this number. */
  of(id: number): T {
    return this.#values[id] as T;
  }

  /** Of two numbers that were given here. */
  pair(a: number, b: number): number {
    const places = this.#pairs.length / 3;
    let at = placeOf(a, b, places);
    for (; ; at = (at + 1) & (places - 1)) {
      const id = this.#pairs[3 * at + 2] as number;
      if (id === 0) break;
      if (this.#pairs[3 * at] === a && this.#pairs[3 * at + 1] === b) return id;
    }
    const id = this.#next(undefined);
    this.#pairs.set([a, b, id], 3 * at);
    this.#taken += 1;
    if (2 * this.#taken > places) this.#grow();
    return id;
  }

  #next(value: T | undefined): number {
    this.#values.push(value);
    return this.#values.length - 1;
  }

  #grow(): void {
    const before = this.#pairs;
    const places = (2 * before.length) / 3;
    const pairs = new Int32Array(3 * places);
    for (let from = 0; from < before.length; from += 3) {
      if (before[from + 2] === 0) continue;
      let at = placeOf(before[from] as number, before[from + 1] as number, places);
      while (pairs[3 * at + 2] !== 0) at = (at + 1) & (places - 1);
      for (let i = 0; i < 3; i++) pairs[3 * at + i] = before[from + i] as number;
    }
    this.#pairs = pairs;
  }
}

/** `places` is a power of two. */
function placeOf(a: number, b: number, places: number): number {
  const mixed = Math.imul(Math.imul(a, 0x9e3779b1) ^ b, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & (places - 1);
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}
