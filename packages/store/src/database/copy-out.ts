import type { Connection, PoolClient, Submittable } from "pg";
import { readEvent } from "./reading-socket.ts";

/** "PGCOPY\n", 0xff, "\r\n\0", flags, and the length of an extension, which nobody uses: in front of the first row, in its message. */
const HEADER_BYTES = 19;
/** In place of the number of columns, behind the last row. */
const TRAILER = -1;
/** Type, and the length of what follows the type. */
const PREFIX_BYTES = 5;
const COPY_DATA = 0x64;
/** All that a server says while it copies: data, begin, done, complete, ready, error, notice, parameter, notification. */
const KNOWN = new Set(Buffer.from("dHcCZENSA"));

/**
 * Told of one row in PostgreSQL's binary form: number of columns i16, then of each its length i32 (-1 = NULL) and its bytes, from `at` on.
 * Must not keep `bytes`, which are read into again. Where it throws, it is told of no more rows.
 */
export type CopiedRow = (bytes: Buffer, at: number) => void;

/**
 * Rows of a statement without parameters, one by one as they come, in constant memory. A page of them that PostgreSQL puts together as one value took
 * it 14 µs an entry of the ledger where this takes 3; and what pg's parser makes of megabytes had V8 collect its garbage for a sixth of the time.
 */
export function copyOut(client: PoolClient, statement: string, row: CopiedRow): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyOut(`COPY (${statement}) TO STDOUT (FORMAT binary)`, row, resolve, reject));
  });
}

/** What pg asks of a statement under way. Rows are taken out of what the server sends in front of pg, which is given all the rest. */
class CopyOut implements Submittable {
  readonly #text: string;
  readonly #row: CopiedRow;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  #isThrown = false;
  #thrown: unknown;
  #giveBack = (): void => undefined;

  constructor(text: string, row: CopiedRow, resolve: () => void, reject: (error: unknown) => void) {
    this.#text = text;
    this.#row = row;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    const { stream } = connection;
    const listeners = stream.listeners("data") as ((chunk: Buffer) => void)[];
    // pg keeps what it is given in part.
    const rows = new RowReader(this.#told, (bytes) => listeners.forEach((listener) => listener(Buffer.from(bytes))));
    const read = (chunk: Buffer): void => {
      if (!rows.read(chunk)) stream.destroy(new Error("COPY: the server sent what is no message of it"));
    };
    const event = readEvent(stream);
    stream.on(event, read);
    for (const listener of listeners) stream.off("data", listener);
    this.#giveBack = () => {
      this.#giveBack = () => undefined;
      rows.end();
      for (const listener of listeners) stream.on("data", listener);
      stream.off(event, read);
    };
    connection.query(this.#text);
  }

  /** pg tells nothing more of a statement that failed. */
  handleError(error: Error): void {
    this.#giveBack();
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.#giveBack();
    if (this.#isThrown) this.#reject(this.#thrown);
    else this.#resolve();
  }

  handleCommandComplete(): void {}

  handleCopyOutResponse(): void {}

  /** In the middle of what is read from the socket nobody could catch it. */
  readonly #told: CopiedRow = (bytes, at) => {
    if (this.#isThrown) return;
    try {
      this.#row(bytes, at);
    } catch (error) {
      [this.#isThrown, this.#thrown] = [true, error];
    }
  };
}

/** Parts what the server sends into messages, which begin and end anywhere in a chunk. */
class RowReader {
  readonly #row: CopiedRow;
  readonly #other: (bytes: Buffer) => void;
  #isBegun = false;
  #isEnded = false;
  #isSound = true;
  /** The beginning of a message that goes on in the next chunk. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;

  /** `other`: told of messages that are no data. */
  constructor(row: CopiedRow, other: (bytes: Buffer) => void) {
    this.#row = row;
    this.#other = other;
  }

  /** False: there is something in it that is no message. */
  read(chunk: Buffer): boolean {
    let at = this.#complete(chunk);
    for (let end = endOf(chunk, at, chunk.length); end <= chunk.length; end = endOf(chunk, at, chunk.length)) {
      this.#message(chunk, at, end);
      at = end;
    }
    if (at < chunk.length && !KNOWN.has(chunk[at] as number)) this.#isSound = false;
    // What comes behind the answer, in part, is pg's to put together.
    if (this.#isEnded && at < chunk.length) this.#other(chunk.subarray(at));
    else this.#keep(chunk, at, chunk.length);
    return this.#isSound;
  }

  /** From the next chunk on somebody else reads. */
  end(): void {
    this.#isEnded = true;
  }

  /** The message that was kept: returns where it ends in the chunk. */
  #complete(chunk: Buffer): number {
    let at = 0;
    while (this.#keptBytes > 0 && at < chunk.length) {
      const end = endOf(this.#kept, 0, this.#keptBytes);
      const wanted = end === Infinity ? PREFIX_BYTES : end;
      const to = Math.min(chunk.length, at + wanted - this.#keptBytes);
      this.#keep(chunk, at, to, wanted);
      at = to;
      if (this.#keptBytes < end) continue;
      this.#keptBytes = 0;
      this.#message(this.#kept, 0, end);
    }
    return at;
  }

  #message(bytes: Buffer, at: number, end: number): void {
    if (bytes[at] !== COPY_DATA) {
      if (!KNOWN.has(bytes[at] as number)) this.#isSound = false;
      else this.#other(bytes.subarray(at, end));
      return;
    }
    const row = at + PREFIX_BYTES + (this.#isBegun ? 0 : HEADER_BYTES);
    this.#isBegun = true;
    if (bytes.readInt16BE(row) !== TRAILER) this.#row(bytes, row);
  }

  /** `whole`: bytes of the message, as far as that is known. */
  #keep(chunk: Buffer, from: number, to: number, whole = to - from): void {
    if (this.#kept.length < whole) {
      const longer = Buffer.allocUnsafe(2 * whole);
      this.#kept.copy(longer, 0, 0, this.#keptBytes);
      this.#kept = longer;
    }
    chunk.copy(this.#kept, this.#keptBytes, from, to);
    this.#keptBytes += to - from;
  }
}

/** Of the message at this place; Infinity = too little of it is there to know. */
function endOf(bytes: Buffer, at: number, length: number): number {
  return at + PREFIX_BYTES > length ? Infinity : at + 1 + bytes.readUInt32BE(at + 1);
}
