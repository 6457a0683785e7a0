import type { Snapshot } from "../database/database.ts";
import { sql } from "../database/sql.ts";
import { StoredRow } from "./stored-row.ts";
import { idBytes } from "./tenant-id.ts";

/** A second of a walk has some three of them; between two of them PostgreSQL and whoever walks wait for each other. */
export const PAGE_ROWS = 50_000;

/** The entries of one chain, some at a time, so that something else can be asked in between. */
export class ChainPages {
  readonly #at: Snapshot;
  readonly #statement: string;

  /** `tenant`: 32 hex digits. */
  constructor(at: Snapshot, tenant: string, to: bigint) {
    this.#at = at;
    this.#statement = inlined(tenant, to);
  }

  /**
   * Tells of up to PAGE_ROWS rows from there on, in their order, while PostgreSQL makes the next ones. `row` is the same object for all of them.
   * Returns how many there were.
   */
  async read(from: bigint, each: (row: StoredRow) => void): Promise<number> {
    const row = new StoredRow();
    let rows = 0;
    await this.#at.copyOut(this.#statement.replaceAll("$2", String(from)), (bytes, at) => {
      row.read(bytes, at);
      rows += 1;
      each(row);
    });
    return rows;
  }
}

/** COPY takes no parameters; none of these is a text that somebody gave. */
function inlined(tenant: string, to: bigint): string {
  const uuid = Buffer.from(idBytes("tenant", tenant)).toString("hex");
  return sql("entries-to-verify")
    .replace(/;$/, "")
    .replaceAll("$1", `'${uuid}'::uuid`)
    .replaceAll("$3", String(to))
    .replaceAll("$4", String(PAGE_ROWS));
}
