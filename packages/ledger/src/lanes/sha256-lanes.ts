import { INITIAL_WORDS, sha256Module } from "./sha256-code.ts";

/** What a hash begins with: 32 bytes. */
const INITIAL = Uint8Array.from(
  INITIAL_WORDS.flatMap((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff)),
);

/** Of 64 KiB each, of one instance: a batch takes less than half of them. */
const PAGES = 2;
const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

/** Messages of one length that lie one behind the other, with their padding: only what differs has to be written. */
export interface Slots {
  /** Of the first one. */
  readonly at: number;
  readonly stride: number;
  readonly blocks: number;
}

type Run = (
  from: number,
  stride: number,
  blocks: number,
  into: number,
  intoStride: number,
  initial: number,
  groups: number,
) => void;

interface Exports {
  readonly run: Run;
  readonly memory: { readonly buffer: ArrayBuffer };
}

/** What we need of https://www.w3.org/TR/wasm-js-api-2/; browsers and Node have it, and say so under different names of their own types. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Makes one more instance. Undefined: nobody has asked yet. Null: it cannot be here. */
let instantiate: (() => Exports) | null | undefined;

/**
 * SHA-256 of many short messages, four at a time, in memory of its own: 0.12 µs a block where a call into OpenSSL takes 0.5 and 0.04 a block
 * (Node 24, EPYC), so for messages of a few blocks. Not the other way in: long ones are faster there.
 */
export class Sha256Lanes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly #run: Run;
  #used = 0;

  private constructor(run: Run, memory: ArrayBuffer) {
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.#run = run;
  }

  /** Null where WebAssembly is not to be had, or has no vectors, or a page may not compile it: whoever asks hashes one by one. */
  static open(): Sha256Lanes | null {
    if (instantiate === undefined) instantiate = compiled();
    if (instantiate === null) return null;
    const { run, memory } = instantiate();
    return new Sha256Lanes(run, memory.buffer);
  }

  /** So many bytes, all zero; nobody gives them back. */
  reserve(bytes: number): number {
    const at = this.#used;
    this.#used += Math.ceil(bytes / 16) * 16;
    if (this.#used > this.bytes.length) throw new RangeError(`expected at most ${this.bytes.length} bytes in all`);
    return at;
  }

  /** `message`: what all of them begin with. `before`: bytes of whole blocks that their hashes have behind them. */
  slots(count: number, message: Uint8Array, length: number, before = 0): Slots {
    const blocks = Math.ceil((length + 9) / BLOCK_BYTES);
    const stride = blocks * BLOCK_BYTES;
    const whole = count + (-count & 3);
    const at = this.reserve(whole * stride);
    for (let slot = at; slot < at + whole * stride; slot += stride) {
      this.bytes.set(message, slot);
      this.bytes[slot + length] = 0x80;
      this.view.setUint32(slot + stride - 4, (before + length) * 8);
    }
    return { at, stride, blocks };
  }

  /** What a hash goes on from, for `hash`: until it is set, what every hash begins with. */
  state(): number {
    const at = this.reserve(HASH_BYTES);
    this.setState(at);
    return at;
  }

  setState(at: number, bytes: Uint8Array = INITIAL): void {
    const given = new DataView(bytes.buffer, bytes.byteOffset, HASH_BYTES);
    for (let i = 0; i < HASH_BYTES; i += 4) this.view.setUint32(at + i, given.getUint32(i), true);
  }

  /** The hashes of the first `count` of them, and of up to three more, so many bytes apart. */
  hash({ at, stride, blocks }: Slots, count: number, state: number, into: number, intoStride = HASH_BYTES): void {
    if (count > 0) this.#run(at, stride, blocks, into, intoStride, state, (count + 3) >> 2);
  }
}

function compiled(): (() => Exports) | null {
  try {
    const bytes = sha256Module(PAGES);
    if (!WebAssembly.validate(bytes)) return null;
    const module = new WebAssembly.Module(bytes);
    return () => new WebAssembly.Instance(module).exports as Exports;
  } catch {
    // There is none, or a page's own rules forbid it, or a browser will not compile so much at once: CSP's wasm-unsafe-eval, Chrome's main thread.
    return null;
  }
}
