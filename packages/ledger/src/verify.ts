import { copyBytes, dataView, equalBytes, sameBytes } from "./bytes.ts";
import {
  type BodyPlace,
  ENTRY_PREFIX_BYTES,
  entryMac,
  HASH_BYTES,
  type Hash,
  hashPlaced,
  rotationMac,
  TENANT_BYTES,
} from "./chain.ts";
import { BODY_PLACES, checkBody, decodeBody, ENTRY_TYPES } from "./entry.ts";
import { fieldOf } from "./fields.ts";
import { MacBatch } from "./lanes/mac-batch.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

/** HMAC-SHA256 under the tenant's key of this id; null where that key is not at hand (then the entry fails). */
export type KeyedHash = (bytes: Uint8Array, macKeyId: number, into?: Uint8Array) => Uint8Array | null;

export interface VerifierOptions {
  readonly sha256: Hash;
  /** null: without the keys. Then hashes, order and gaps are checked and MACs are not. */
  readonly hmac: KeyedHash | null;
  /**
   * The keys of `hmac` themselves, for many MACs at once, where lanes can be had: `push` is ahead of them then, and `firstBad` is what counts.
   * Null = that key is not at hand.
   */
  readonly macKey?: (macKeyId: number) => Uint8Array | null;
  /** 16 bytes: whose chain this is. */
  readonly tenant: Uint8Array;
  /** `genesisHash(…)`: the previous hash of the entry at sequence 1. */
  readonly genesis: Uint8Array;
  /** The sequence of the first entry that will be pushed. */
  readonly from: bigint;
  /** The entry hash of `from - 1`, from a source that is trusted; needed where `from` is above 1. */
  readonly previousHash?: Uint8Array;
}

/** An entry as it is stored. */
export interface StoredEntry {
  readonly sequence: bigint;
  readonly body: Uint8Array;
  readonly entryHash: Uint8Array;
  readonly mac: Uint8Array;
  /**
   * The body where it lies, with ENTRY_PREFIX_BYTES in front of it that may be written over: it is hashed there, and `body` is not asked for
   * unless something is wrong.
   */
  readonly place?: BodyPlace | null;
}

export type ChainFault = "gap" | "order" | "format" | "tenant" | "hash" | "mac" | "genesis" | "key";

export interface BadEntry {
  /** The first place of the chain that its genuine entry does not fill. */
  readonly sequence: bigint;
  readonly fault: ChainFault;
  readonly detail: string;
}

export interface Verifier {
  /** Checks the next entry; its bytes may be written over afterwards. True where it is good; false from the first bad one on. */
  push(stored: StoredEntry): boolean;
  /** Entries pushed, good or bad. */
  readonly entries: bigint;
  /** Of all that were pushed: asking for it catches up with the MACs. */
  readonly firstBad: BadEntry | null;
  /** Entry hash of the last good entry; the genesis hash before the first. Written over by the next `push`. */
  readonly lastHash: Uint8Array;
}

/** Walks one chain from `from` on in constant memory. Never throws on bad entries: it names the first one. */
export function createVerifier(options: VerifierOptions): Verifier {
  return new ChainVerifier(options);
}

class ChainVerifier implements Verifier {
  readonly lastHash = new Uint8Array(HASH_BYTES);
  readonly #lastHash = dataView(this.lastHash);
  readonly #options: VerifierOptions;
  #entries = 0;
  #expected: bigint;
  /** Tenant and `#expected` as a body says them, one behind the other. */
  readonly #standing = dataView(new Uint8Array(TENANT_BYTES + 8));
  /** Only a key rotation changes it; null until the first entry has said it. */
  #macKeyId: number | null = null;
  readonly #hash = new Uint8Array(HASH_BYTES);
  readonly #hashView = dataView(this.#hash);
  readonly #mac = new Uint8Array(HASH_BYTES);
  readonly #hmac: Hash;
  #bad: BadEntry | null = null;
  /** MACs that wait, of entries up to the last one, all of one key. */
  readonly #macs: MacBatch | null;
  #batchKeyId = -1;

  constructor(options: VerifierOptions) {
    if (options.from < 1n) throw new RangeError(`from: expected 1 or above, got ${options.from}`);
    const previous = options.from === 1n ? options.genesis : options.previousHash;
    if (previous?.length !== HASH_BYTES)
      throw new RangeError("previousHash: expected the 32-byte entry hash of the entry before `from`");
    if (options.tenant.length !== TENANT_BYTES) throw new RangeError(`tenant: expected ${TENANT_BYTES} bytes`);
    this.#options = options;
    this.#expected = options.from;
    copyBytes(dataView(options.tenant), 0, this.#standing, 0, TENANT_BYTES);
    this.#standing.setBigUint64(TENANT_BYTES, options.from);
    this.lastHash.set(previous);
    const { hmac } = options;
    this.#hmac = (bytes, into) => hmac?.(bytes, this.#macKeyId ?? 0, into) ?? NO_MAC;
    this.#macs = hmac !== null && options.macKey !== undefined ? MacBatch.open(options.tenant) : null;
  }

  get entries(): bigint {
    return BigInt(this.#entries);
  }

  get firstBad(): BadEntry | null {
    this.#settle();
    return this.#bad;
  }

  push(stored: StoredEntry): boolean {
    this.#entries += 1;
    if (this.#bad !== null || !this.#check(stored, stored.place ?? placed(stored.body))) return false;
    copyBytes(this.#hashView, 0, this.#lastHash, 0, HASH_BYTES);
    this.#expected += 1n;
    this.#standing.setBigUint64(TENANT_BYTES, this.#expected);
    return true;
  }

  #check(stored: StoredEntry, body: BodyPlace): boolean {
    const { view, bodyAt } = body;
    const { sha256 } = this.#options;
    if (stored.sequence !== this.#expected)
      return stored.sequence > this.#expected
        ? this.#fail("gap", `${stored.sequence} stands here: entries are missing`)
        : this.#fail("order", `${stored.sequence} stands here`);
    if (!this.#isWellFormed(body)) return false;
    if (!sameBytes(view, bodyAt + BODY_PLACES.sequence, this.#standing, TENANT_BYTES, 8))
      return this.#fail("order", `the body says sequence ${view.getBigUint64(bodyAt + BODY_PLACES.sequence)}`);
    if (!sameBytes(view, bodyAt + BODY_PLACES.tenant, this.#standing, 0, TENANT_BYTES))
      return this.#fail("tenant", "the body names another tenant");
    hashPlaced(sha256, this.#lastHash, body, this.#hash);
    if (!equalBytes(this.#hash, stored.entryHash))
      return this.#fail("hash", "the entry hash does not follow from the entry before and the body");
    const type = view.getUint8(bodyAt + BODY_PLACES.type);
    if ((type === ENTRY_TYPES.genesis) !== (stored.sequence === 1n))
      return this.#fail("genesis", "a genesis entry stands at sequence 1 and nowhere else");
    return this.#checkKey(stored, type, view.getUint32(bodyAt + BODY_PLACES.macKeyId));
  }

  #checkKey(stored: StoredEntry, type: number, keyId: number): boolean {
    if (this.#macKeyId !== null && keyId !== this.#macKeyId)
      return this.#fail("key", `MAC key ${keyId} without a key rotation from ${this.#macKeyId}`);
    if (this.#options.hmac !== null && !this.#checkMac(stored, keyId)) return false;
    this.#macKeyId = keyId;
    return type !== ENTRY_TYPES.key_rotation || this.#checkRotation(stored.body);
  }

  #checkMac(stored: StoredEntry, keyId: number): boolean {
    if (stored.mac.length !== HASH_BYTES) return this.#fail("mac", wrongMac(keyId));
    if (this.#macs !== null) return this.#putMac(this.#macs, stored, keyId);
    this.#macKeyId = keyId;
    const mac = entryMac(this.#hmac, this.#options.tenant, stored.sequence, stored.entryHash, this.#mac);
    return equalBytes(mac, stored.mac) || this.#fail("mac", wrongMac(keyId));
  }

  #putMac(macs: MacBatch, stored: StoredEntry, keyId: number): boolean {
    if (keyId !== this.#batchKeyId) {
      const key = this.#options.macKey?.(keyId) ?? null;
      if (key === null) return this.#fail("mac", wrongMac(keyId));
      if (!this.#settle()) return false;
      macs.setKey(key);
      this.#batchKeyId = keyId;
    }
    macs.add(stored.sequence, stored.entryHash, stored.mac);
    return !macs.isFull || this.#settle();
  }

  /** Looks at the MACs that wait: one that is wrong is of an earlier entry than whatever else was found. False: something is bad. */
  #settle(): boolean {
    const sequence = this.#macs?.settle() ?? null;
    if (sequence !== null) this.#bad = { sequence, fault: "mac", detail: wrongMac(this.#batchKeyId) };
    return this.#bad === null;
  }

  #checkRotation(body: Uint8Array): boolean {
    const { hmac, tenant } = this.#options;
    try {
      const { fields, sequence } = decodeBody(body);
      const nextKeyId = fieldOf(fields, "nextMacKeyId");
      const nextMac = fieldOf(fields, "nextMac");
      if (nextKeyId === undefined || nextMac === undefined)
        return this.#fail("format", "a key rotation needs nextMacKeyId and nextMac");
      if (hmac !== null) {
        const nextHmac: Hash = (bytes) => hmac(bytes, nextKeyId) ?? NO_MAC;
        if (!equalBytes(rotationMac(nextHmac, tenant, sequence, this.lastHash, nextKeyId), nextMac))
          return this.#fail("mac", `nextMac is not that of key ${nextKeyId}`);
      }
      this.#macKeyId = nextKeyId;
      return true;
    } catch (cause) {
      return this.#formatFault(cause);
    }
  }

  #isWellFormed({ view, bodyAt, bodyLength }: BodyPlace): boolean {
    try {
      checkBody(view, bodyAt, bodyLength);
      return true;
    } catch (cause) {
      return this.#formatFault(cause);
    }
  }

  #formatFault(cause: unknown): false {
    if (!(cause instanceof LedgerFormatError)) throw cause;
    return this.#fail("format", cause.message);
  }

  #fail(fault: ChainFault, detail: string): false {
    this.#bad = { sequence: this.#expected, fault, detail };
    return false;
  }
}

function wrongMac(keyId: number): string {
  return `the MAC is not that of key ${keyId}`;
}

/** A place of its own, with room in front of it. Written over by the next one. */
function placed(body: Uint8Array): BodyPlace {
  const bytes = ENTRY_PREFIX_BYTES + body.length;
  const view = bytes > SCRATCH.byteLength ? dataView(new Uint8Array(bytes)) : SCRATCH;
  new Uint8Array(view.buffer).set(body, ENTRY_PREFIX_BYTES);
  return { view, bodyAt: ENTRY_PREFIX_BYTES, bodyLength: body.length };
}

/** Larger bodies are rare. */
const SCRATCH = dataView(new Uint8Array(16 * 1024));

/** No MAC has this length, so a missing key never compares equal. */
const NO_MAC = new Uint8Array(0);
