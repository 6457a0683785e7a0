/** Of one block; bodies are about half a kilobyte. */
const BLOCK_BYTES = 256 * 1024;

const utf8 = new TextEncoder();

/**
 * Bytes one behind the other, big-endian, in blocks of memory that many texts of bytes share: one piece of memory for each was a third of what
 * encoding an entry cost. What is taken stays as it is; what was written since and not taken is forgotten by `start`.
 */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #start = 0;
  #at = 0;

  constructor(blockBytes = BLOCK_BYTES) {
    this.#bytes = new Uint8Array(blockBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Begins anew behind what was taken last. */
  start(): void {
    this.#at = this.#start;
  }

  /** Since `start`. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** What was written since `start`: nobody writes there again. */
  taken(): Uint8Array {
    const taken = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return taken;
  }

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  u64(value: bigint): void {
    this.#room(8);
    this.#view.setBigUint64(this.#at, value);
    this.#at += 8;
  }

  i64(value: bigint): void {
    this.#room(8);
    this.#view.setBigInt64(this.#at, value);
    this.#at += 8;
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** UTF-8, and how many bytes it took. A lone surrogate has none: it becomes U+FFFD, so that no client makes an entry impossible to write. */
  text(value: string): number {
    this.#room(3 * value.length);
    const from = this.#at;
    this.#at += this.#ascii(value) ? value.length : utf8.encodeInto(value, this.#bytes.subarray(from)).written;
    return this.#at - from;
  }

  /** Leaves room for a number that is known only when what follows is written; answers its place, for `u8At` and `u32At`. */
  leave(bytes: number): number {
    this.#room(bytes);
    this.#at += bytes;
    return this.length - bytes;
  }

  u8At(place: number, value: number): void {
    this.#bytes[this.#start + place] = value;
  }

  u16At(place: number, value: number): void {
    this.#view.setUint16(this.#start + place, value);
  }

  u32At(place: number, value: number): void {
    this.#view.setUint32(this.#start + place, value);
  }

  /** For most texts of an entry the encoder's own call costs several times as much as the copy. */
  #ascii(value: string): boolean {
    if (value.length > 64) return false;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#bytes[this.#at + i] = code;
    }
    return true;
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#next(bytes);
  }

  #next(bytes: number): void {
    const length = this.length;
    const block = new Uint8Array(Math.max(BLOCK_BYTES, 2 * (length + bytes)));
    block.set(this.#bytes.subarray(this.#start, this.#at));
    this.#bytes = block;
    this.#view = new DataView(block.buffer);
    this.#start = 0;
    this.#at = length;
  }
}
