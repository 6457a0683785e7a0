/**
 * Tables that fit their terminal: columns that may be cut give way first, then those that may be left out; an id is never cut, it is there
 * to be copied. Cells come from other people (names, reasons): control characters in them could move the cursor or forge a line.
 */
export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
  readonly align?: "right";
  /** Takes at least this many columns of the terminal: for lines that come one after the other and stand under each other. */
  readonly atLeast?: number;
  /** May be cut down to this many columns of the terminal. */
  readonly cutTo?: number;
  /** May be left out; of several, the one with the lowest number goes first. */
  readonly leaveOut?: number;
}

interface Laid {
  readonly align: "left" | "right";
  readonly cutTo: number | null;
  readonly leaveOut: number | null;
  readonly cells: readonly string[];
  width: number;
}

export const GAP = "  ";

/** Lines without a newline at their end, the head first. `width`: of the terminal; Infinity where nobody looks at it. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], width: number): string[] {
  const laid = columns.map((column) => lay(column, rows));
  while (total(laid) > width && leaveOneOut(laid, width));
  cut(laid, width);
  return [...Array(rows.length + 1).keys()].map((line) =>
    laid
      .map(({ cells, width: room, align }) => fitted(cells[line] ?? "", room, align))
      .join(GAP)
      .trimEnd(),
  );
}

function lay<Row>({ head, cell, align, atLeast, cutTo, leaveOut }: Column<Row>, rows: readonly Row[]): Laid {
  const cells = [head, ...rows.map((row) => plain(cell(row)))];
  return {
    align: align ?? "left",
    cutTo: cutTo ?? null,
    leaveOut: leaveOut ?? null,
    cells,
    width: Math.max(atLeast ?? 0, ...cells.map(widthOf)),
  };
}

function total(laid: readonly Laid[]): number {
  return laid.reduce((sum, column) => sum + column.width, GAP.length * (laid.length - 1));
}

function narrowest({ width, cutTo }: Laid): number {
  return Math.min(width, cutTo ?? width);
}

/** Leaves a column out where cutting alone would not do. */
function leaveOneOut(laid: Laid[], width: number): boolean {
  const least = laid.reduce((sum, column) => sum + narrowest(column), GAP.length * (laid.length - 1));
  if (least <= width) return false;
  const spare = laid
    .filter(({ leaveOut }) => leaveOut !== null)
    .toSorted((a, b) => (a.leaveOut ?? 0) - (b.leaveOut ?? 0))[0];
  if (spare === undefined) return false;
  laid.splice(laid.indexOf(spare), 1);
  return true;
}

/** One column of the terminal after the other from the widest cell that may be cut. */
function cut(laid: readonly Laid[], width: number): void {
  for (let over = total(laid) - width; over > 0 && Number.isFinite(over); over -= 1) {
    const widest = laid.filter((column) => column.width > narrowest(column)).toSorted((a, b) => b.width - a.width)[0];
    if (widest === undefined) return;
    widest.width -= 1;
  }
}

function fitted(text: string, room: number, align: Laid["align"]): string {
  const own = widthOf(text);
  if (own > room) return cutText(text, room);
  return align === "right" ? " ".repeat(room - own) + text : text + " ".repeat(room - own);
}

/** `text` in at most `room` columns of the terminal, an ellipsis where something went. */
export function cutText(text: string, room: number): string {
  if (widthOf(text) <= room) return text;
  let kept = "";
  for (const { segment } of GRAPHEMES.segment(text)) {
    if (widthOf(kept) + widthOf(segment) > room - 1) break;
    kept += segment;
  }
  return `${kept}…`.padEnd(room);
}

/** `text` in lines of at most `room` columns, broken at spaces; a word that is longer, an id or a hash, is left whole: it is there to be copied. */
export function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && widthOf(line) + 1 + widthOf(word) <= room) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Wide in every terminal: East Asian scripts and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns of the terminal that a text takes. */
export function widthOf(text: string): number {
  // The usual case by far.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/** Without what a terminal would obey: control characters, and the marks that turn the direction of writing. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/gu, "�");
}
