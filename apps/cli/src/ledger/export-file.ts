import { createReadStream, createWriteStream, existsSync, statSync, truncateSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CommandFailed } from "../exit-codes.ts";
import type { Run } from "../run.ts";
import { bodyOf } from "../streamed.ts";
import { Progress } from "../terminal/progress.ts";

export interface ExportRange {
  readonly from?: number;
  readonly to?: number;
}

/** The export as it comes, to standard output. */
export async function exportToOutput(run: Run, range: ExportRange): Promise<void> {
  await pipeline(await opened(run, range), run.terminal.stdout, { end: false });
}

/** Into a file, with how far it has come; never over one that is there. Gives how many bytes were written. */
export async function exportToFile(run: Run, range: ExportRange, file: string): Promise<number> {
  if (existsSync(file))
    throw new CommandFailed("conflict", `${file} is there already: --resume goes on where it stopped`);
  const progress = new Progress(run.terminal, "KiB");
  const body = await opened(run, range);
  let bytes = 0;
  const counting = new Transform({
    transform(part: Buffer, _encoding, done) {
      bytes += part.length;
      progress.at(Math.floor(bytes / 1024), null);
      done(null, part);
    },
  });
  try {
    await pipeline(body, counting, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  } finally {
    progress.end();
  }
  return bytes;
}

function opened(run: Run, range: ExportRange): Promise<Readable> {
  return bodyOf(run, "exportLedger", { query: range }, "application/x-ndjson");
}

export interface Resumed {
  /** The next sequence that the file does not have. */
  readonly next: number;
  /** Closes an export that broke off, so that the next may stand behind it; empty where it has its end. */
  readonly closing: string;
  /** Of the file, without a line that broke off. */
  readonly bytes: number;
}

/** Where an export stopped: by its whole lines; what was half written is dropped. */
export async function whereItStopped(file: string): Promise<Resumed> {
  if (!existsSync(file)) return { next: 1, closing: "", bytes: 0 };
  let [next, entries, isOpen, bytes] = [1, 0, false, 0];
  const total = statSync(file).size;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const length = Buffer.byteLength(line) + 1;
    // Without its newline it may be half a line, whatever it reads like.
    if (bytes + length > total) break;
    const fields = parsed(line, file);
    if (typeof fields["from"] === "number") [next, entries, isOpen] = [fields["from"], 0, true];
    else if (typeof fields["sequence"] === "number") [next, entries] = [fields["sequence"] + 1, entries + 1];
    else if (fields["end"] === true) isOpen = false;
    bytes += length;
  }
  return { next, closing: isOpen ? `${JSON.stringify({ end: true, entries })}\n` : "", bytes };
}

function parsed(line: string, file: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    throw new CommandFailed("refused", `${file} is no export of a ledger`);
  }
}

/** Goes on behind what the file has. */
export async function resumeFile(run: Run, range: ExportRange, file: string): Promise<number> {
  const { next, closing, bytes } = await whereItStopped(file);
  const body = await opened(run, { ...range, from: next });
  if (existsSync(file)) truncateSync(file, bytes);
  const out = createWriteStream(file, { flags: "a", mode: 0o600 });
  out.write(closing);
  await pipeline(body, out);
  return next;
}
