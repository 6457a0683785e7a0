import { PassThrough, type Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { csvHead, csvLine } from "./csv.ts";
import type { ExportColumn } from "./export-columns.ts";
import { ParquetFile } from "./parquet.ts";
import { Problem } from "./problem.ts";

export const FORMATS = ["json", "csv", "ndjson", "parquet"] as const;
export type Format = (typeof FORMATS)[number];
export type ExportFormat = Exclude<Format, "json">;

export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
};

const ACCEPTED: Readonly<Record<string, Format>> = {
  "*/*": "json",
  "application/json": "json",
  "text/csv": "csv",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/vnd.apache.parquet": "parquet",
};

/** `format=`, else the first type of `Accept` that we have; JSON where it names none. */
export function formatOf(asked: Format | undefined, accept: string | undefined): Format {
  if (asked !== undefined) return asked;
  const types = (accept ?? "").split(",").map((type) => type.split(";", 1)[0]?.trim().toLowerCase() ?? "");
  return types.map((type) => ACCEPTED[type]).find((format) => format !== undefined) ?? "json";
}

export interface Export<R> {
  readonly format: ExportFormat;
  /** Of the file, without its ending. */
  readonly name: string;
  readonly columns: readonly ExportColumn<R>[];
}

/** Gives rows away, and resolves when there is room for more. */
export type Take<R> = (rows: readonly R[]) => Promise<void>;

/** A reader that takes nothing for so long is cut off: an export holds a connection of the database. */
const STALLED_MS = 30_000;
/** Further ones are refused: reports and changes need connections too. */
const EXPORTS_MAX = 3;

/** Exports under way in this process. */
export class Exports {
  #running = 0;

  /**
   * Streams what `produce` gives away, as much at a time as the client reads: memory stays flat whatever the size. An error before the
   * first row is answered as a problem; after it the connection is cut, so that half a file never looks like a whole one.
   */
  async send<R>(reply: FastifyReply, what: Export<R>, produce: (take: Take<R>) => Promise<void>): Promise<Readable> {
    if (this.#running >= EXPORTS_MAX)
      throw new Problem("RATE_LIMITED", `${EXPORTS_MAX} exports are running: try again when one of them has ended`);
    this.#running++;
    const stream = new PassThrough();
    // Fastify listens once it is handed over; until then nobody does.
    stream.on("error", () => undefined);
    const began = Promise.withResolvers<void>();
    const file = fileOf(what);
    const put = async (part: string | Uint8Array): Promise<void> => {
      if (part.length > 0 && !stream.write(part)) await room(stream);
    };
    void put(file.head)
      .then(() =>
        produce((rows) => {
          began.resolve();
          return put(file.add(rows));
        }),
      )
      .then(() => put(file.end()))
      .then(
        () => stream.end(),
        (error: Error) => {
          began.reject(error);
          stream.destroy(error);
        },
      )
      .finally(() => {
        began.resolve();
        this.#running--;
      });
    await began.promise;
    void reply.headers({
      "content-type": MEDIA_TYPES[what.format],
      "content-disposition": `attachment; filename="${what.name}.${what.format}"`,
      "cache-control": "no-store",
    });
    return stream;
  }
}

/** How rows become the bytes of a file. */
interface File<R> {
  readonly head: string;
  add(rows: readonly R[]): string | Uint8Array;
  end(): string | Uint8Array;
}

function fileOf<R>({ format, columns }: Export<R>): File<R> {
  if (format === "parquet") return Object.assign(new ParquetFile(columns), { head: "" });
  const lineOf = format === "csv" ? (row: R) => csvLine(columns, row) : (row: R) => `${JSON.stringify(row)}\n`;
  return {
    head: format === "csv" ? csvHead(columns) : "",
    add: (rows) => rows.map(lineOf).join(""),
    end: () => "",
  };
}

/** Rejects where the reader is gone, or stalls. */
function room(stream: PassThrough): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = (): void => reject(new Error("the reader of an export is gone"));
  const stalled = setTimeout(() => reject(new Error("the reader of an export takes nothing")), STALLED_MS);
  stream.once("drain", resolve);
  stream.once("close", gone);
  if (stream.destroyed) gone();
  return promise.finally(() => {
    clearTimeout(stalled);
    stream.off("drain", resolve);
    stream.off("close", gone);
  });
}
