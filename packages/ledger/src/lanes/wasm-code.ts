/** Bytes of one WebAssembly function, instruction by instruction (webassembly.github.io/spec/core/binary). */
export class WasmCode {
  readonly bytes: number[] = [];

  get(local: number): this {
    return this.#op(0x20, local);
  }

  set(local: number): this {
    return this.#op(0x21, local);
  }

  tee(local: number): this {
    return this.#op(0x22, local);
  }

  int(value: number): this {
    this.bytes.push(0x41, ...signed(value));
    return this;
  }

  /** Adds the two 32-bit numbers on the stack. */
  addInt(): this {
    return this.#op(0x6a);
  }

  /** Does `body`, and again for as long as the local, less one each time, is not 0. */
  times(local: number, body: () => void): this {
    this.#op(0x03, 0x40);
    body();
    this.get(local).int(1).#op(0x6b).tee(local);
    return this.#op(0x0d, 0).#op(0x0b);
  }

  /** 16 bytes from the address on the stack. */
  load(offset: number): this {
    return this.#vector(0, 0, offset);
  }

  /** Four times the 32-bit number at the address on the stack. */
  loadSplat(offset: number): this {
    return this.#vector(9, 2, offset);
  }

  /** The 16 bytes on the stack to the address below them. */
  store(offset: number): this {
    return this.#vector(11, 0, offset);
  }

  /** Four times this number. */
  splat(value: number): this {
    return this.int(value).#vector(17);
  }

  /** Sixteen of the 32 bytes on the stack, by their places. */
  shuffle(places: readonly number[]): this {
    return this.#vector(13, ...places);
  }

  add(): this {
    return this.#vector(174);
  }

  xor(): this {
    return this.#vector(81);
  }

  /** Bits of the first where the third has ones, of the second elsewhere. */
  select(): this {
    return this.#vector(82);
  }

  shiftLeft(bits: number): this {
    return this.int(bits).#vector(171);
  }

  shiftRight(bits: number): this {
    return this.int(bits).#vector(173);
  }

  #op(...bytes: readonly number[]): this {
    this.bytes.push(...bytes);
    return this;
  }

  #vector(operation: number, ...immediates: readonly number[]): this {
    this.bytes.push(0xfd, ...unsigned(operation));
    for (const immediate of immediates) this.bytes.push(...unsigned(immediate));
    return this;
  }
}

/** "\0asm", version 1. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const I32 = 0x7f;
const V128 = 0x7b;

export interface WasmShape {
  readonly pages: number;
  /** 32-bit numbers that the function is given. */
  readonly parameters: number;
  /** Locals behind them: 32-bit numbers, then vectors. */
  readonly numbers: number;
  readonly vectors: number;
}

/** A module of one function, `run`, which returns nothing, and its memory, `memory`, which does not grow. */
export function wasmModule(
  { pages, parameters, numbers, vectors }: WasmShape,
  code: WasmCode,
): Uint8Array<ArrayBuffer> {
  const locals = [2, ...unsigned(numbers), I32, ...unsigned(vectors), V128];
  const body = [...locals, ...code.bytes, 0x0b];
  return Uint8Array.from([
    ...MAGIC,
    ...section(1, [1, 0x60, parameters, ...Array.from({ length: parameters }, () => I32), 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 1, ...unsigned(pages), ...unsigned(pages)]),
    ...section(7, [2, ...name("run"), 0, 0, ...name("memory"), 2, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

function section(id: number, bytes: readonly number[]): number[] {
  return [id, ...unsigned(bytes.length), ...bytes];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

/** LEB128, as are those below zero. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest & 0x7f];
}
