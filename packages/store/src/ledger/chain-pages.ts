import type { Snapshot } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { idBytes } from "./tenant-id.ts";

export const PAGE_ROWS = 2000;
/** A page is ended by its bytes as well: a body has 500 as a rule, and 16 MiB at most. */
const PAGE_BYTES = 2 * 1024 * 1024;
/** A page and what stands beside its bodies. */
const BUFFER_BYTES = 2 * PAGE_BYTES;

/** Null: there are no entries from there to the end. `bytes` are good until the page after the next is asked for. */
export type ChainPage = { readonly bytes: Buffer; readonly last: bigint } | null;

/** The entries of one chain as PostgreSQL holds them, page by page (stored-rows.ts reads one). */
export class ChainPages {
  readonly #at: Snapshot;
  readonly #statement: string;
  /** One is read while the other is walked. */
  readonly #buffers = [Buffer.allocUnsafe(BUFFER_BYTES), Buffer.allocUnsafe(BUFFER_BYTES)];
  #asked = 0;
  readonly #to: bigint;

  /** `tenant`: 32 hex digits. */
  constructor(at: Snapshot, tenant: string, to: bigint) {
    this.#at = at;
    this.#to = to;
    this.#statement = inlined(tenant, to);
  }

  async from(next: bigint): Promise<ChainPage> {
    if (next > this.#to) return null;
    const into = this.#buffers[this.#asked++ % 2];
    const [bytes, last] = (await this.#at.copyOut(this.#statement.replaceAll("$2", String(next)), into)) ?? [];
    return bytes && last ? { bytes, last: last.readBigInt64BE() } : null;
  }
}

/** COPY takes no parameters; none of these is a text that somebody gave. */
function inlined(tenant: string, to: bigint): string {
  const uuid = Buffer.from(idBytes("tenant", tenant)).toString("hex");
  return sql("entries-to-verify")
    .replace(/;$/, "")
    .replaceAll("$1", `'${uuid}'::uuid`)
    .replaceAll("$3", String(to))
    .replaceAll("$4", String(PAGE_ROWS))
    .replaceAll("$5", String(PAGE_BYTES));
}
