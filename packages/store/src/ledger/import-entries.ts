import {
  BadExport,
  CompactTree,
  createVerifier,
  decodeBody,
  decodeFields,
  equalBytes,
  genesisHash,
  LedgerFormatError,
  originOf,
  readExportLine,
} from "@tollhouse/ledger";
import type { ExportHead, NoteKey, StoredEntry, Verifier } from "@tollhouse/ledger";
import type { Database, Queryable } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { insertEnvironment } from "../tenants/tenant-store.ts";
import type { ChainRow } from "./chain-rows.ts";
import { openWithAny } from "./checkpoint-signer.ts";
import type { CheckpointSigner } from "./checkpoint-signer.ts";
import { insertRows, RowSums, sendTo } from "./keep-rows.ts";
import type { LedgerKeys } from "./ledger-keys.ts";
import { sha256 } from "./ledger-keys.ts";
import { STORED_LEVELS } from "./merkle-reader.ts";
import { projectFields } from "./projection.ts";
import { purgeSaidBy, type SaidPurge } from "./purges.ts";
import { loadDeploymentId } from "./recorder-state.ts";
import { adoptPurge } from "../retention/purge-store.ts";

export interface ImportParts {
  /** As the installation. */
  readonly db: Database;
  /** Of the master key under which the ledger was written. */
  readonly keys: LedgerKeys;
  readonly signer: Pick<CheckpointSigner, "keys">;
  /** Of a whole export, from sequence 1, without their newlines; of one that was resumed, part behind part. */
  readonly lines: AsyncIterable<string>;
}

export interface Imported {
  /** 32 hex digits. */
  readonly tenant: string;
  readonly deployment: string;
  readonly entries: number;
  readonly checkpoints: number;
}

/** Nothing was imported: the export is not sound, or not whole, or this installation has a ledger already. */
export class ImportRefused extends Error {
  override readonly name = "ImportRefused";
}

const PAGE = 1000;

/**
 * Takes the chain of an export into an installation that has recorded nothing, byte for byte, and makes projection, roll-ups, counter sums
 * and tree anew from it; the chain goes on where it ended. All of it in one transaction, or nothing. Every hash, MAC, root and signature is
 * checked on the way; what the chain says was purged is purged here too. The installation takes over the deployment id, so that its next start needs the master key given here.
 *
 * An export has neither users' names nor their salts: a user who is seen again gets a new pseudonym. Configuration is no part of it.
 */
export function importEntries({ db, keys, signer, lines }: ImportParts): Promise<Imported> {
  return db.transaction(async (tx) => {
    let importing: Import | null = null;
    let isWhole = false;
    let number = 0;
    for await (const line of lines) {
      number += 1;
      try {
        const read = readExportLine(line);
        if (importing === null) {
          if (read.is !== "head") throw new BadExport("expected the first line of an export");
          importing = await Import.begin(tx, read.head, keys, signer);
        } else if (isWhole) {
          if (read.is !== "head")
            throw new BadExport("expected nothing behind the last line of an export, or its next part");
          importing.goOn(read.head);
          isWhole = false;
        } else if (read.is === "entry") await importing.entry(read.entry);
        else if (read.is === "checkpoint") await importing.checkpoint(read.note);
        else if (read.is === "end") isWhole = importing.isAll(read.entries);
        else throw new BadExport("an export begins before the one before it has ended");
      } catch (error) {
        if (!(error instanceof BadExport || error instanceof LedgerFormatError)) throw error;
        throw new ImportRefused(`line ${number}: ${error.message}`, { cause: error });
      }
    }
    if (importing === null || !isWhole) throw new ImportRefused("the export breaks off: its last line is missing");
    return importing.end();
  });
}

class Import {
  readonly #tx: Queryable;
  readonly #head: ExportHead;
  readonly #chain: Verifier;
  readonly #tree: CompactTree;
  readonly #noteKeys: readonly [NoteKey, ...NoteKey[]];
  readonly #environments = new Set<string>();
  /** The last of each environment. */
  readonly #purges = new Map<string, SaidPurge & { readonly entryId: string }>();
  #page: ChainRow[] = [];
  #subtrees: { readonly level: number; readonly index: number; readonly hash: Uint8Array }[] = [];
  #lastMs = 0;
  #checkpoints = 0;
  /** The first entry of the part that is read. */
  #since = 1;

  private constructor(tx: Queryable, head: ExportHead, keys: LedgerKeys, signer: Pick<CheckpointSigner, "keys">) {
    const { tenant, tenantId, deployment, origin } = head;
    this.#tx = tx;
    this.#head = head;
    this.#noteKeys = signer.keys({ tenant, origin });
    this.#chain = createVerifier({
      sha256,
      hmac: (bytes, keyId) => keys.mac(tenant, keyId)(bytes),
      tenant: tenantId,
      genesis: genesisHash(sha256, deployment, tenantId),
      from: 1n,
    });
    this.#tree = new CompactTree(sha256, ({ level, index }, hash) => {
      if (level > 0 && level % STORED_LEVELS === 0) this.#subtrees.push({ level, index, hash });
    });
  }

  static async begin(
    tx: Queryable,
    head: ExportHead,
    keys: LedgerKeys,
    signer: Pick<CheckpointSigner, "keys">,
  ): Promise<Import> {
    const { deployment, tenant, origin, from } = head;
    if (origin !== originOf(deployment, tenant))
      throw new BadExport("origin is not that of this deployment and tenant");
    if (from !== 1) throw new BadExport(`expected an export from sequence 1, got one from ${from}`);
    const [{ present } = { present: true }] = (await tx.query<{ present: boolean }>(sql("any-entry"))).rows;
    const isOurs = (await loadDeploymentId(tx)) === deployment;
    const hasChain = (await tx.query(sql("entry-hash"), [tenant, 1n])).rows.length > 0;
    if (hasChain || (present && !isOurs))
      throw new BadExport("this installation has a ledger already; import into one that has recorded nothing");
    if (!isOurs) await tx.query(sql("adopt-deployment-id"), [deployment]);
    await tx.query(sql("adopt-tenant"), [tenant, `imported-${tenant.slice(0, 8)}`]);
    return new Import(tx, head, keys, signer);
  }

  /** The part that a resumed export has behind the one before. */
  goOn({ deployment, tenant, from, previousHash }: ExportHead): void {
    const isNext = from === this.#tree.size + 1 && equalBytes(previousHash, this.#chain.lastHash);
    if (!isNext || deployment !== this.#head.deployment || tenant !== this.#head.tenant)
      throw new BadExport("the export does not go on where the one before it ended");
    this.#since = from;
  }

  async entry(stored: StoredEntry): Promise<void> {
    if (!this.#chain.push(stored)) {
      const { sequence, fault, detail } = this.#chain.firstBad ?? {};
      const hint = fault === "mac" && sequence === 1n ? "; is the master key the one it was written under?" : "";
      throw new BadExport(`sequence ${sequence}: ${fault}: ${detail}${hint}`);
    }
    this.#tree.push(stored.entryHash);
    const entry = decodeBody(stored.body);
    const fields = decodeFields(entry.fields);
    const { tenant } = this.#head;
    this.#page.push({ tenant, ...stored, entry, fields, projection: projectFields(entry, fields) });
    this.#lastMs = Number(entry.timeUs / 1000n);
    const purge = purgeSaidBy(entry, fields);
    if (purge !== null)
      this.#purges.set(purge.environment, { ...purge, entryId: Buffer.from(entry.entryId).toString("hex") });
    if (fields.environment !== undefined && !this.#environments.has(fields.environment)) {
      this.#environments.add(fields.environment);
      await insertEnvironment(this.#tx, tenant, { name: fields.environment, createdMs: this.#lastMs });
    }
    if (this.#page.length === PAGE) await this.#write();
  }

  async checkpoint(note: string): Promise<void> {
    const { size, root } = openWithAny(note, this.#noteKeys);
    if (size !== this.#tree.size || !equalBytes(root, this.#tree.root()))
      throw new BadExport(`the entries up to ${this.#tree.size} are not those of the checkpoint behind them`);
    const madeAt = new Date(this.#lastMs);
    await this.#tx.query(sql("insert-checkpoint"), [this.#head.tenant, size, root, note, madeAt]);
    this.#checkpoints += 1;
  }

  isAll(entries: number): true {
    if (entries !== this.#tree.size - this.#since + 1)
      throw new BadExport("the export does not have as many entries as it says");
    return true;
  }

  async end(): Promise<Imported> {
    await this.#write();
    const { tenant, deployment } = this.#head;
    for (const purge of this.#purges.values()) await adoptPurge(this.#tx, tenant, purge);
    return { tenant, deployment, entries: this.#tree.size, checkpoints: this.#checkpoints };
  }

  async #write(): Promise<void> {
    const [rows, subtrees] = [this.#page, this.#subtrees];
    [this.#page, this.#subtrees] = [[], []];
    if (rows.length === 0) return;
    const send = sendTo(this.#tx);
    await insertRows(send, rows);
    const sums = new RowSums();
    sums.add(rows);
    await sums.keep(send);
    await this.#tx.query(sql("insert-subtrees"), [
      this.#head.tenant,
      subtrees.map(({ level }) => level),
      subtrees.map(({ index }) => index),
      subtrees.map(({ hash }) => hash),
    ]);
  }
}
