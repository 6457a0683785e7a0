import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";
import { CommandFailed } from "../exit-codes.ts";
import { readHidden, readLine } from "./prompt.ts";

/** Everything of the outside that a command may touch, besides the API and the file of profiles. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal;
}

type Style = Parameters<typeof styleText>[0];

/** Columns that a table may take; where nobody looks, as many as it wants. */
export function columnsOf({ stdout, env }: Terminal): number {
  if (stdout.isTTY !== true) return Infinity;
  // A pseudo-terminal that nobody gave a size says 0.
  return stdout.columns || Number(env["COLUMNS"]) || 80;
}

/** With colour only where somebody looks and has not asked for none (`NO_COLOR`). */
export function styled({ stdout, env }: Terminal, style: Style, text: string): string {
  const wanted = stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return wanted ? styleText(style, text, { validateStream: false }) : text;
}

export function say({ stdout }: Terminal, lines: readonly string[]): void {
  stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** On standard error: standard output belongs to what was asked for. */
export function remark({ stderr }: Terminal, line: string): void {
  stderr.write(`${line}\n`);
}

export function canAsk({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** A secret from standard input, or typed without being shown. Never an argument: those stand in the list of processes. */
export async function readSecret(terminal: Terminal, question: string): Promise<string> {
  const text = canAsk(terminal) ? await readHidden(terminal, `${question}: `) : await readAll(terminal.stdin);
  const secret = text.trim();
  if (secret === "") throw new CommandFailed("usage", `${question}: expected on standard input, or typed when asked`);
  return secret;
}

export async function askLine(terminal: Terminal, question: string, fallback: string): Promise<string> {
  if (!canAsk(terminal)) return fallback;
  return (await readLine(terminal, `${question} [${fallback}]: `)).trim() || fallback;
}

/** Whether somebody says yes. `given`: they did on the command line (`--yes`). */
export async function confirmed(terminal: Terminal, question: string, given: boolean): Promise<void> {
  if (given) return;
  if (!canAsk(terminal)) throw new CommandFailed("usage", `${question} Nobody can be asked here: say --yes`);
  if (!/^y(es)?$/i.test((await readLine(terminal, `${question} [y/N] `)).trim()))
    throw new CommandFailed("no", "nothing was changed");
}

export async function readAll(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts).toString("utf8");
}
