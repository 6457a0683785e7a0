import { HASH_BYTES, macMessage, TENANT_BYTES } from "../chain.ts";
import { Sha256Lanes, type Slots } from "./sha256-lanes.ts";

const BLOCK_BYTES = 64;
const BATCH = 256;

/** MACs of entries under one key after the other, looked at many at once: `entryMac` by HMAC-SHA256 (RFC 2104). */
export class MacBatch {
  readonly #lanes: Sha256Lanes;
  readonly #inner: Slots;
  readonly #outer: Slots;
  readonly #innerState: number;
  readonly #outerState: number;
  readonly #keyBlock: Slots;
  /** What was made, and what is stored. */
  readonly #made: number;
  readonly #stored: number;
  readonly #sequenceAt: number;
  readonly #words: Int32Array;
  #count = 0;
  /** Of the last one that was added. */
  #sequence = 0n;

  private constructor(lanes: Sha256Lanes, tenant: Uint8Array) {
    const message = macMessage(tenant);
    this.#lanes = lanes;
    this.#inner = lanes.slots(BATCH, message, message.length, BLOCK_BYTES);
    this.#outer = lanes.slots(BATCH, new Uint8Array(), HASH_BYTES, BLOCK_BYTES);
    this.#keyBlock = { at: lanes.reserve(BLOCK_BYTES), stride: 0, blocks: 1 };
    [this.#innerState, this.#outerState] = [lanes.state(), lanes.state()];
    this.#made = lanes.reserve(BATCH * HASH_BYTES);
    this.#stored = lanes.reserve(BATCH * HASH_BYTES);
    this.#sequenceAt = message.length - HASH_BYTES - 8;
    this.#words = new Int32Array(lanes.bytes.buffer);
  }

  /** Null where there are no lanes. `tenant`: 16 bytes. */
  static open(tenant: Uint8Array): MacBatch | null {
    if (tenant.length !== TENANT_BYTES) throw new RangeError(`tenant: expected ${TENANT_BYTES} bytes`);
    const lanes = Sha256Lanes.open();
    return lanes && new MacBatch(lanes, tenant);
  }

  get isFull(): boolean {
    return this.#count === BATCH;
  }

  /** Of all that are added from now on; there must be none that wait. */
  setKey(key: Uint8Array): void {
    if (this.#count > 0 || key.length > BLOCK_BYTES)
      throw new RangeError("expected a key of at most 64 bytes, and no MAC that waits");
    for (const [pad, state] of [
      [0x36, this.#innerState],
      [0x5c, this.#outerState],
    ] as const) {
      const { bytes } = this.#lanes;
      for (let i = 0; i < BLOCK_BYTES; i++) bytes[this.#keyBlock.at + i] = (key[i] ?? 0) ^ pad;
      this.#lanes.setState(state);
      this.#lanes.hash(this.#keyBlock, 1, state, this.#made);
      this.#lanes.setState(state, bytes.subarray(this.#made, this.#made + HASH_BYTES));
    }
    this.#lanes.bytes.fill(0, this.#keyBlock.at, this.#keyBlock.at + BLOCK_BYTES);
  }

  /** Of the entry that comes next: 32 bytes each. There must be room. */
  add(sequence: bigint, entryHash: Uint8Array, mac: Uint8Array): void {
    const { bytes, view } = this.#lanes;
    const slot = this.#inner.at + this.#count * this.#inner.stride + this.#sequenceAt;
    view.setBigUint64(slot, sequence);
    bytes.set(entryHash, slot + 8);
    bytes.set(mac, this.#stored + this.#count * HASH_BYTES);
    this.#count += 1;
    this.#sequence = sequence;
  }

  /** The sequence of the first of those that wait whose MAC is not the key's; null = all are. None waits any more. */
  settle(): bigint | null {
    const count = this.#count;
    this.#count = 0;
    this.#lanes.hash(this.#inner, count, this.#innerState, this.#outer.at, this.#outer.stride);
    this.#lanes.hash(this.#outer, count, this.#outerState, this.#made);
    for (let i = 0; i < count * (HASH_BYTES / 4); i++)
      if (this.#words[this.#made / 4 + i] !== this.#words[this.#stored / 4 + i])
        return this.#sequence - BigInt(count - 1 - (i >> 3));
    return null;
  }
}
