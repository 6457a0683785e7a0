import { equalBytes } from "./bytes.ts";
import { entryHash, entryMac, HASH_BYTES, type Hash, rotationMac } from "./chain.ts";
import { decodeBody, type Entry } from "./entry.ts";
import { fieldOf } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

/** HMAC-SHA256 under the tenant's key of this id; null where that key is not at hand (then the entry fails). */
export type KeyedHash = (bytes: Uint8Array, macKeyId: number) => Uint8Array | null;

export interface VerifierOptions {
  readonly sha256: Hash;
  /** null: without the keys. Then hashes, order and gaps are checked and MACs are not. */
  readonly hmac: KeyedHash | null;
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
}

export type ChainFault = "gap" | "order" | "format" | "tenant" | "hash" | "mac" | "genesis" | "key";

export interface BadEntry {
  /** The first place of the chain that its genuine entry does not fill. */
  readonly sequence: bigint;
  readonly fault: ChainFault;
  readonly detail: string;
}

export interface Verifier {
  /** Checks the next entry. Returns the decoded entry where it is good; null from the first bad one on. */
  push(stored: StoredEntry): Entry | null;
  /** Entries pushed, good or bad. */
  readonly entries: bigint;
  readonly firstBad: BadEntry | null;
  /** Entry hash of the last good entry; the genesis hash before the first. Compare with a checkpoint to prove the tail. */
  readonly lastHash: Uint8Array;
}

/** Walks one chain from `from` on in constant memory. Never throws on bad entries: it names the first one. */
export function createVerifier(options: VerifierOptions): Verifier {
  return new ChainVerifier(options);
}

class ChainVerifier implements Verifier {
  entries = 0n;
  firstBad: BadEntry | null = null;
  lastHash: Uint8Array;
  readonly #options: VerifierOptions;
  #expected: bigint;
  /** Only a key rotation changes it; null until the first entry has said it. */
  #macKeyId: number | null = null;

  constructor(options: VerifierOptions) {
    if (options.from < 1n) throw new RangeError(`from: expected 1 or above, got ${options.from}`);
    const previous = options.from === 1n ? options.genesis : options.previousHash;
    if (previous?.length !== HASH_BYTES)
      throw new RangeError("previousHash: expected the 32-byte entry hash of the entry before `from`");
    this.#options = options;
    this.#expected = options.from;
    this.lastHash = previous;
  }

  push(stored: StoredEntry): Entry | null {
    this.entries += 1n;
    if (this.firstBad !== null) return null;
    const entry = this.#check(stored);
    if (entry === null) return null;
    this.lastHash = stored.entryHash;
    this.#expected += 1n;
    return entry;
  }

  #check(stored: StoredEntry): Entry | null {
    const { sha256, tenant } = this.#options;
    if (stored.sequence > this.#expected)
      return this.#bad("gap", `${stored.sequence} stands here: entries are missing`);
    if (stored.sequence < this.#expected) return this.#bad("order", `${stored.sequence} stands here`);
    const entry = this.#decode(stored.body);
    if (entry === null) return null;
    if (entry.sequence !== stored.sequence) return this.#bad("order", `the body says sequence ${entry.sequence}`);
    if (!equalBytes(entry.tenant, tenant)) return this.#bad("tenant", "the body names another tenant");
    if (!equalBytes(entryHash(sha256, this.lastHash, stored.body), stored.entryHash))
      return this.#bad("hash", "the entry hash does not follow from the entry before and the body");
    if ((entry.type === "genesis") !== (entry.sequence === 1n))
      return this.#bad("genesis", "a genesis entry stands at sequence 1 and nowhere else");
    return this.#checkKey(entry, stored) ? entry : null;
  }

  #checkKey(entry: Entry, stored: StoredEntry): boolean {
    if (this.#macKeyId !== null && entry.macKeyId !== this.#macKeyId)
      return this.#fail("key", `MAC key ${entry.macKeyId} without a key rotation from ${this.#macKeyId}`);
    this.#macKeyId = entry.macKeyId;
    const { hmac, tenant } = this.#options;
    if (hmac !== null) {
      const mac = entryMac((bytes) => hmac(bytes, entry.macKeyId) ?? NO_MAC, tenant, entry.sequence, stored.entryHash);
      if (stored.mac.length !== HASH_BYTES || !equalBytes(mac, stored.mac))
        return this.#fail("mac", `the MAC is not that of key ${entry.macKeyId}`);
    }
    return entry.type !== "key_rotation" || this.#checkRotation(entry);
  }

  #checkRotation(entry: Entry): boolean {
    const { hmac, tenant } = this.#options;
    try {
      const nextKeyId = fieldOf(entry.fields, "nextMacKeyId");
      const nextMac = fieldOf(entry.fields, "nextMac");
      if (nextKeyId === undefined || nextMac === undefined)
        return this.#fail("format", "a key rotation needs nextMacKeyId and nextMac");
      if (hmac !== null) {
        const nextHmac: Hash = (bytes) => hmac(bytes, nextKeyId) ?? NO_MAC;
        if (!equalBytes(rotationMac(nextHmac, tenant, entry.sequence, this.lastHash, nextKeyId), nextMac))
          return this.#fail("mac", `nextMac is not that of key ${nextKeyId}`);
      }
      this.#macKeyId = nextKeyId;
      return true;
    } catch (cause) {
      return this.#formatFault(cause);
    }
  }

  #decode(body: Uint8Array): Entry | null {
    try {
      return decodeBody(body);
    } catch (cause) {
      this.#formatFault(cause);
      return null;
    }
  }

  #formatFault(cause: unknown): false {
    if (!(cause instanceof LedgerFormatError)) throw cause;
    return this.#fail("format", cause.message);
  }

  #bad(fault: ChainFault, detail: string): null {
    this.#fail(fault, detail);
    return null;
  }

  #fail(fault: ChainFault, detail: string): false {
    this.firstBad = { sequence: this.#expected, fault, detail };
    return false;
  }
}

/** No MAC has this length, so a missing key never compares equal. */
const NO_MAC = new Uint8Array(0);
