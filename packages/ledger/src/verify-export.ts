import { equalBytes, fromBase64 } from "./bytes.ts";
import { genesisHash, HASH_BYTES, type Hash, TENANT_BYTES } from "./chain.ts";
import { type Checkpoint, openCheckpoint, originOf } from "./checkpoint.ts";
import { decodeFields } from "./fields.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { CompactTree, subtreesOf } from "./merkle.ts";
import type { NoteKey, VerifyEd25519 } from "./signed-note.ts";
import { createVerifier, type Verifier } from "./verify.ts";

/** First line of an export (docs/ledger-format.md). */
export const EXPORT_FORMAT = "tollhouse-ledger-export/v1";

export interface ExportMeans {
  readonly sha256: Hash;
  readonly verify: VerifyEd25519;
  /** Who must have signed the checkpoints; told by somebody who is trusted, not by the export. */
  readonly key: NoteKey;
  /** A checkpoint that was kept, already opened with this key. */
  readonly pin?: Checkpoint;
}

export interface ExportVerified {
  readonly result: "PASS" | "FAIL";
  readonly tail: "PROVEN" | "NOT PROVEN";
  readonly provenTo: number | null;
  readonly entries: number;
  readonly checkpoints: number;
  readonly firstBadSequence: number | null;
  readonly problem: string | null;
}

interface Head {
  readonly deployment: string;
  readonly tenant: string;
  readonly from: number;
  readonly previousHash: Uint8Array;
  readonly edge: readonly Uint8Array[];
}

/** What is read of a chain so far. */
interface Reading {
  readonly head: Head;
  readonly chain: Verifier;
  readonly tree: CompactTree;
}

class Bad extends Error {
  override readonly name = "Bad";
}

const ENTRY_FIELDS = "body,entry_hash,mac,sequence";
const HEAD_FIELDS = "deployment,edge,format,from,origin,previous_hash,tenant,to";

/**
 * Checks the lines of an export in constant memory, with a public key and nothing of the server's: every hash, every gap, every root,
 * every signature. MACs are for those who have the keys. Exports that go on where another stopped may follow each other.
 */
export class ExportVerifier {
  readonly #means: ExportMeans;
  #reading: Reading | null = null;
  /** Entries since the last head; null = an export has ended, or none has begun. */
  #since: number | null = null;
  #checkpoints = 0;
  /** Entries up to here are those of a checkpoint that was signed. */
  #agreed = 0;
  #pinAgreed = false;
  #bad: { readonly sequence: number; readonly problem: string } | null = null;

  constructor(means: ExportMeans) {
    this.#means = means;
  }

  /** One line without its newline. Nothing is judged after the first bad one. */
  push(line: string): void {
    if (this.#bad !== null) return;
    try {
      this.#read(line);
    } catch (error) {
      if (!(error instanceof Bad || error instanceof LedgerFormatError)) throw error;
      this.#fail(error.message);
    }
  }

  end(): ExportVerified {
    if (this.#bad === null) this.#judgeEnd();
    const { pin } = this.#means;
    const isProven = this.#bad === null && this.#pinAgreed;
    return {
      result: this.#bad === null ? "PASS" : "FAIL",
      tail: isProven ? "PROVEN" : "NOT PROVEN",
      provenTo: isProven ? (pin?.size ?? null) : null,
      entries: Number(this.#reading?.chain.entries ?? 0n),
      checkpoints: this.#checkpoints,
      firstBadSequence: this.#bad?.sequence ?? null,
      problem: this.#bad?.problem ?? null,
    };
  }

  #read(line: string): void {
    const fields = parseLine(line);
    const names = Object.keys(fields).toSorted().join(",");
    if (names === HEAD_FIELDS) return this.#begin(fields);
    if (this.#since === null || this.#reading === null) throw new Bad("expected the first line of an export");
    if (names === ENTRY_FIELDS) return this.#entry(this.#reading, fields);
    if (names === "checkpoint") return this.#checkpoint(this.#reading, fields["checkpoint"]);
    if (names !== "end,entries" || fields["end"] !== true) throw new Bad("a line that an export does not have");
    if (fields["entries"] !== this.#since) throw new Bad("the export does not have as many entries as it says");
    this.#since = null;
  }

  #begin(fields: Fields): void {
    const { sha256, key } = this.#means;
    const head = headOf(fields);
    if (this.#since !== null) throw new Bad("an export begins before the one before it has ended");
    if (originOf(head.deployment, head.tenant) !== key.name || fields["origin"] !== key.name)
      throw new Bad(`the export is of another ledger than ${key.name}`);
    const before = this.#reading;
    if (before !== null) {
      if (head.from !== before.tree.size + 1 || !equalBytes(head.previousHash, before.chain.lastHash))
        throw new Bad("the export does not go on where the one before it ended");
    } else {
      const tenant = hexBytes("tenant", head.tenant, TENANT_BYTES);
      const genesis = genesisHash(sha256, head.deployment, tenant);
      if (head.from === 1 && !equalBytes(genesis, head.previousHash))
        throw new Bad("previous_hash is not the genesis hash of this deployment and tenant");
      const { previousHash } = head;
      const options = { sha256, hmac: null, tenant, genesis, from: BigInt(head.from), previousHash };
      const tree = new CompactTree(sha256, undefined, head.from - 1, head.edge);
      this.#reading = { head, chain: createVerifier(options), tree };
      this.#agreed = head.from - 1;
    }
    this.#since = 0;
  }

  #entry({ head, chain, tree }: Reading, fields: Fields): void {
    const { sequence, body, entry_hash: entryHash, mac } = fields;
    const bytes = typeof body === "string" ? fromBase64(body) : null;
    if (!isNumber(sequence) || bytes === null) throw new Bad("sequence or body is not what an entry has");
    const stored = {
      sequence: BigInt(sequence),
      body: bytes,
      entryHash: hexBytes("entry_hash", entryHash, HASH_BYTES),
      mac: hexBytes("mac", mac, HASH_BYTES),
    };
    const entry = chain.push(stored);
    if (entry === null) throw new Bad(`${chain.firstBad?.fault}: ${chain.firstBad?.detail}`);
    const { deployment } = decodeFields(entry.fields);
    if (sequence === 1 && deployment !== head.deployment) throw new Bad("genesis: it names another deployment");
    tree.push(stored.entryHash);
    this.#since = (this.#since ?? 0) + 1;
    const { pin } = this.#means;
    if (pin?.size !== tree.size) return;
    if (!equalBytes(tree.root(), pin.root)) return this.#disagree("the pinned checkpoint");
    this.#pinAgreed = true;
    this.#agreed = tree.size;
  }

  #checkpoint({ tree }: Reading, note: unknown): void {
    if (typeof note !== "string") throw new Bad("checkpoint is not a text");
    const { size, root } = openCheckpoint(this.#means, note, this.#means.key);
    if (size !== tree.size) throw new Bad(`the checkpoint of ${size} entries does not follow its last one`);
    if (!equalBytes(root, tree.root())) return this.#disagree("its checkpoint");
    this.#checkpoints += 1;
    this.#agreed = size;
  }

  #disagree(what: string): void {
    const to = this.#reading?.tree.size ?? 0;
    this.#bad = { sequence: this.#agreed + 1, problem: `the entries up to ${to} are not those of ${what}` };
  }

  #judgeEnd(): void {
    const { pin } = this.#means;
    const { tree, head } = this.#reading ?? {};
    if (tree === undefined || head === undefined) return this.#fail("there is no export");
    if (this.#since !== null) return this.#fail("the export breaks off: its last line is missing");
    if (pin !== undefined && pin.size > tree.size)
      return this.#fail(`entries were cut off: the export ends at ${tree.size}, the pin covers ${pin.size}`);
    if (pin !== undefined && pin.size < head.from) return this.#fail("the export begins behind the pin");
    if (this.#agreed < tree.size) {
      const problem = `no checkpoint covers the entries from ${this.#agreed + 1} on`;
      this.#bad = { sequence: this.#agreed + 1, problem };
    }
  }

  #fail(problem: string): void {
    this.#bad = { sequence: (this.#reading?.tree.size ?? 0) + 1, problem };
  }
}

type Fields = { readonly [name: string]: unknown };

function parseLine(line: string): Fields {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw new Bad("a line that is no JSON object");
}

function headOf(fields: Fields): Head {
  const { format, deployment, tenant, from, previous_hash, edge } = fields;
  if (format !== EXPORT_FORMAT) throw new Bad(`expected the format ${EXPORT_FORMAT}`);
  if (typeof deployment !== "string" || typeof tenant !== "string" || !isNumber(from) || !Array.isArray(edge))
    throw new Bad("the first line is not what an export has");
  hexBytes("tenant", tenant, TENANT_BYTES);
  const hashes = edge.map((hash: unknown) => hexBytes("edge", hash, HASH_BYTES));
  if (hashes.length !== subtreesOf({ from: 0, to: from - 1 }).length)
    throw new Bad("edge has not one hash for each whole subtree before the first entry");
  return { deployment, tenant, from, previousHash: hexBytes("previous_hash", previous_hash, HASH_BYTES), edge: hashes };
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function hexBytes(name: string, text: unknown, length: number): Uint8Array {
  if (typeof text !== "string" || text.length !== 2 * length || !/^[0-9a-f]*$/.test(text))
    throw new Bad(`${name}: expected ${length} bytes as lower-case hexadecimal digits`);
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
