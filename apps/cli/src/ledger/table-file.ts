import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { given } from "../arguments.ts";
import { CommandFailed } from "../exit-codes.ts";
import type { Filters } from "../filters.ts";
import type { Run } from "../run.ts";
import { bodyOf } from "../streamed.ts";
import { Progress } from "../terminal/progress.ts";
import type { ExportRange } from "./export-file.ts";

/** Which entries a table has, beside the range of their sequences. */
export interface TableWanted extends Omit<Filters, "from" | "to"> {
  readonly since?: string;
  readonly until?: string;
  readonly type?: readonly string[];
}

const [NEWLINE, QUOTE, COMMA] = [10, 34, 44];

/** As CSV, to standard output. */
export async function csvToOutput(run: Run, range: ExportRange, wanted: TableWanted): Promise<void> {
  await pipeline(await csvBody(run, range, wanted), run.terminal.stdout, { end: false });
}

/** As CSV into a file; `resume`: behind the last row that it has whole. Gives the sequence that it began at. */
export async function csvToFile(
  run: Run,
  range: ExportRange,
  wanted: TableWanted,
  { file, resume }: { readonly file: string; readonly resume: boolean },
): Promise<number> {
  const goesOn = resume && existsSync(file);
  if (!resume && existsSync(file))
    throw new CommandFailed("conflict", `${file} is there already: --resume goes on where it stopped`);
  const stopped = goesOn ? await whereCsvStopped(file) : null;
  // A head that broke off has no row behind it: all of it is written anew.
  const from = stopped?.next ?? range.from ?? 1;
  const body = await csvBody(run, { ...range, from }, wanted);
  if (goesOn) truncateSync(file, stopped?.next === null ? 0 : (stopped?.bytes ?? 0));
  const out = createWriteStream(file, { flags: goesOn ? "a" : "wx", mode: 0o600 });
  if (stopped === null || stopped.next === null) await pipeline(body, out);
  else await pipeline(body, withoutHead(), out);
  return from;
}

function csvBody(run: Run, range: ExportRange, wanted: TableWanted): Promise<Readable> {
  return bodyOf(run, "exportLedger", { query: { ...range, ...wanted, format: "csv" } }, "*/*");
}

/** Behind which entry a table stopped, and how many of its bytes are whole rows; null = it has no row. */
async function whereCsvStopped(file: string): Promise<{ readonly next: number | null; readonly bytes: number }> {
  let [at, bytes, isQuoted, isFirst, next] = [0, 0, false, true, null as number | null];
  let first = "";
  for await (const part of createReadStream(file) as AsyncIterable<Buffer>) {
    for (const byte of part) {
      at += 1;
      if (byte === QUOTE) isQuoted = !isQuoted;
      else if (byte === NEWLINE && !isQuoted) {
        if (/^\d+$/.test(first)) next = Number(first) + 1;
        else if (bytes > 0 || first !== "sequence")
          throw new CommandFailed("refused", `${file} is no table of a ledger`);
        [bytes, isFirst, first] = [at, true, ""];
      } else if (byte === COMMA) isFirst = false;
      else if (isFirst && first.length < 20) first += String.fromCharCode(byte);
    }
  }
  return { next, bytes };
}

/** The names of the columns stand in the file already. */
function withoutHead(): Transform {
  let isHead = true;
  return new Transform({
    transform(part: Buffer, _encoding, done) {
      const end = isHead ? part.indexOf(NEWLINE) : -1;
      if (isHead && end < 0) return done();
      isHead = false;
      done(null, part.subarray(end + 1));
    },
  });
}

/** Entries a file: a Parquet file ends with its index, so one that broke off is none, and is made again. */
const PART = 250_000;
const PART_NAME = /^ledger-(\d{15})-(\d{15})\.parquet$/;

/**
 * As Parquet files of a folder, up to the newest checkpoint; tools read the folder as one table. A file is there when it is whole. Gives how
 * many were written.
 */
export async function parquetToFolder(
  run: Run,
  { from = 1, to }: ExportRange,
  wanted: TableWanted,
  { folder, resume, part = PART }: { readonly folder: string; readonly resume: boolean; readonly part?: number },
): Promise<number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const there = readdirSync(folder).flatMap((name) => PART_NAME.exec(name)?.[2] ?? []);
  if (there.length > 0 && !resume)
    throw new CommandFailed("conflict", `${folder} has files already: --resume goes on where they stop`);
  const newest = Number((await run.api.call("getCheckpoint", {})).split("\n")[1]);
  const last = Math.min(to ?? newest, newest);
  const progress = new Progress(run.terminal, "entries");
  let written = 0;
  try {
    for (let next = Math.max(from, ...there.map((end) => Number(end) + 1)); next <= last; next += part) {
      const end = Math.min(next + part - 1, last);
      const query = { ...given({ ...wanted }), from: next, to: end, format: "parquet" } as const;
      const file = join(folder, `ledger-${digits(next)}-${digits(end)}.parquet`);
      const body = await bodyOf(run, "exportLedger", { query }, "*/*");
      await pipeline(body, createWriteStream(`${file}.part`, { mode: 0o600 }));
      renameSync(`${file}.part`, file);
      written += 1;
      progress.at(end, last);
    }
  } finally {
    progress.end();
  }
  return written;
}

function digits(sequence: number): string {
  return String(sequence).padStart(15, "0");
}
