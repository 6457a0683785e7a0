import type { ExportColumn } from "./export-columns.ts";

export function csvHead<R>(columns: readonly ExportColumn<R>[]): string {
  return `${columns.map(({ name }) => name).join(",")}\r\n`;
}

/** A line as RFC 4180 has it. */
export function csvLine<R>(columns: readonly ExportColumn<R>[], row: R): string {
  const cells = columns.map(({ kind, of }) => {
    const cell = of(row);
    if (cell === null) return "";
    return kind === "text" ? textCell(String(cell)) : String(cell);
  });
  return `${cells.join(",")}\r\n`;
}

/**
 * A spreadsheet takes a text that begins with one of these for a formula, also where it is quoted. An apostrophe before it says that it is
 * text; a text that begins with an apostrophe gets one too, so that taking one away always gives back what it was.
 */
const FORMULA = /^[=+\-@\t\r'\uFF0B\uFF0D\uFF1D\uFF20]/u;

function textCell(text: string): string {
  const guarded = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
