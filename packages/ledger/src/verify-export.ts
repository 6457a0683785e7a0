import { equalBytes } from "./bytes.ts";
import { genesisHash } from "./chain.ts";
import { type Checkpoint, originOf } from "./checkpoint.ts";
import { decodeBody } from "./entry.ts";
import { checkFields } from "./field-form.ts";
import { fieldOf } from "./fields.ts";
import { type GrowingTree, growingTree } from "./lanes/lane-tree.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";
import { BadExport, type ExportHead, readExportLine } from "./read-export-line.ts";
import { openTrusted, type Trust } from "./trust.ts";
import { createVerifier, type StoredEntry, type Verifier } from "./verify.ts";

export interface ExportMeans extends Trust {
  /** A checkpoint that was kept, already opened with a key of the ledger. */
  readonly pin?: Checkpoint;
}

export interface ExportVerified {
  readonly result: "PASS" | "FAIL";
  readonly tail: "PROVEN" | "NOT PROVEN";
  readonly provenTo: number | null;
  readonly entries: number;
  readonly checkpoints: number;
  /** The sequence up to which as many witnesses as are needed saw the chain; null where none are asked for. */
  readonly witnessedTo: number | null;
  readonly firstBadSequence: number | null;
  readonly problem: string | null;
}

/** What is read of a chain so far. */
interface Reading {
  readonly head: ExportHead;
  readonly chain: Verifier;
  readonly tree: GrowingTree;
}

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
  /** Entries up to here are those of a checkpoint that enough witnesses cosigned. */
  #witnessed = 0;
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
      if (!(error instanceof BadExport || error instanceof LedgerFormatError)) throw error;
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
      witnessedTo: this.#asksWitnesses ? this.#witnessed : null,
      firstBadSequence: this.#bad?.sequence ?? null,
      problem: this.#bad?.problem ?? null,
    };
  }

  get #asksWitnesses(): boolean {
    return (this.#means.witnesses ?? []).length > 0;
  }

  #read(text: string): void {
    const line = readExportLine(text);
    if (line.is === "head") return this.#begin(line.head);
    if (this.#since === null || this.#reading === null) throw new BadExport("expected the first line of an export");
    if (line.is === "entry") return this.#entry(this.#reading, line.entry);
    if (line.is === "checkpoint") return this.#checkpoint(this.#reading, line.note);
    if (line.entries !== this.#since) throw new BadExport("the export does not have as many entries as it says");
    this.#since = null;
  }

  #begin(head: ExportHead): void {
    const { sha256, key } = this.#means;
    if (this.#since !== null) throw new BadExport("an export begins before the one before it has ended");
    if (originOf(head.deployment, head.tenant) !== key.name || head.origin !== key.name)
      throw new BadExport(`the export is of another ledger than ${key.name}`);
    const before = this.#reading;
    if (before !== null) {
      if (head.from !== before.tree.size + 1 || !equalBytes(head.previousHash, before.chain.lastHash))
        throw new BadExport("the export does not go on where the one before it ended");
    } else {
      const tenant = head.tenantId;
      const genesis = genesisHash(sha256, head.deployment, tenant);
      if (head.from === 1 && !equalBytes(genesis, head.previousHash))
        throw new BadExport("previous_hash is not the genesis hash of this deployment and tenant");
      const { previousHash } = head;
      const options = { sha256, hmac: null, tenant, genesis, from: BigInt(head.from), previousHash };
      const tree = growingTree(sha256, head.from - 1, head.edge);
      this.#reading = { head, chain: createVerifier(options), tree };
      this.#agreed = head.from - 1;
      this.#witnessed = head.from - 1;
    }
    this.#since = 0;
  }

  #entry({ head, chain, tree }: Reading, stored: StoredEntry): void {
    if (!chain.push(stored)) throw new BadExport(`${chain.firstBad?.fault}: ${chain.firstBad?.detail}`);
    checkFields(stored.body);
    if (stored.sequence === 1n && fieldOf(decodeBody(stored.body).fields, "deployment") !== head.deployment)
      throw new BadExport("genesis: it names another deployment");
    tree.push(stored.entryHash);
    this.#since = (this.#since ?? 0) + 1;
    const { pin } = this.#means;
    if (pin?.size !== tree.size) return;
    if (!equalBytes(tree.root(), pin.root)) return this.#disagree("the pinned checkpoint");
    this.#pinAgreed = true;
    this.#agreed = tree.size;
  }

  #checkpoint({ tree }: Reading, note: string): void {
    const { size, root, isWitnessed } = openTrusted(this.#means, note);
    if (size !== tree.size) throw new BadExport(`the checkpoint of ${size} entries does not follow its last one`);
    if (!equalBytes(root, tree.root())) return this.#disagree("its checkpoint");
    this.#checkpoints += 1;
    this.#agreed = size;
    if (isWitnessed) this.#witnessed = size;
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
    if (this.#agreed < tree.size) this.#uncovered(this.#agreed + 1, "no checkpoint");
    else if (this.#asksWitnesses && this.#witnessed < tree.size)
      this.#uncovered(this.#witnessed + 1, "no checkpoint that enough witnesses cosigned");
  }

  #uncovered(sequence: number, by: string): void {
    this.#bad = { sequence, problem: `${by} covers the entries from ${sequence} on` };
  }

  #fail(problem: string): void {
    this.#bad = { sequence: (this.#reading?.tree.size ?? 0) + 1, problem };
  }
}
