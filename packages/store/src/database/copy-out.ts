import type { Connection, PoolClient, Submittable } from "pg";

/** "PGCOPY\n", 0xff, "\r\n\0", flags, and the length of an extension, which nobody uses. */
const HEADER_BYTES = 19;
const COLUMNS_BYTES = 2;
const LENGTH_BYTES = 4;
/** In place of the number of columns, behind the last row. */
const TRAILER = -1;

/**
 * The one row that a statement has, as PostgreSQL's own bytes, null = NULL; null = it has none. For values of megabytes: as the answer of a query
 * they come as hexadecimal digits, which take PostgreSQL twice as long to make as the value itself, and us as long to read.
 * `statement` has no parameters. `into` is written over, and the answer lies in it where it is long enough.
 */
export function copyOut(client: PoolClient, statement: string, into?: Buffer): Promise<CopiedRow | null> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOut(`COPY (${statement}) TO STDOUT (FORMAT binary)`, into, resolve, reject));
  });
}

export type CopiedRow = readonly (Buffer | null)[];

/** What pg asks of a statement under way. The rows come first in one message with the header, then a message each, then the trailer. */
class CopyOut implements Submittable {
  readonly #text: string;
  readonly #into: Buffer | undefined;
  readonly #resolve: (row: CopiedRow | null) => void;
  readonly #reject: (error: Error) => void;
  #isBegun = false;
  #row: CopiedRow | null = null;
  #error: Error | null = null;

  constructor(
    text: string,
    into: Buffer | undefined,
    resolve: (row: CopiedRow | null) => void,
    reject: (error: Error) => void,
  ) {
    this.#text = text;
    this.#into = into;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const at = this.#isBegun ? 0 : HEADER_BYTES;
    this.#isBegun = true;
    const columns = chunk.length < at + COLUMNS_BYTES ? TRAILER : chunk.readInt16BE(at);
    if (columns === TRAILER) return;
    if (this.#row !== null) this.#error ??= new Error("COPY: expected one row, got more");
    else this.#row = columnsOf(this.#copied(chunk.subarray(at + COLUMNS_BYTES)), columns);
  }

  /** pg reads what comes next into the same memory. */
  #copied(bytes: Buffer): Buffer {
    if (this.#into === undefined || this.#into.length < bytes.length) return Buffer.from(bytes);
    this.#into.set(bytes);
    return this.#into.subarray(0, bytes.length);
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#reject(this.#error);
  }

  handleReadyForQuery(): void {
    if (this.#error === null) this.#resolve(this.#row);
    else this.#reject(this.#error);
  }

  handleCommandComplete(): void {}

  handleCopyOutResponse(): void {}
}

function columnsOf(row: Buffer, count: number): CopiedRow {
  const columns: (Buffer | null)[] = [];
  for (let at = 0; columns.length < count;) {
    const length = row.readInt32BE(at);
    at += LENGTH_BYTES;
    columns.push(length < 0 ? null : row.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return columns;
}
