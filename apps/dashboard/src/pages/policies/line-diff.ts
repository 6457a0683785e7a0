export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** What must be taken out of one text, and put in, so that it is the other: the fewest lines. */
export function lineDiff(before: string, after: string): readonly DiffLine[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  // common[i][j]: how many lines the rests from i and from j can share.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  const shared = (i: number, j: number): number => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (common[i] as Uint16Array)[j] =
        a[i] === b[j] ? shared(i + 1, j + 1) + 1 : Math.max(shared(i + 1, j), shared(i, j + 1));
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, young] = [a[i], b[j]];
    if (old !== undefined && old === young) {
      lines.push({ kind: "same", text: old });
      i += 1;
      j += 1;
    } else if (old !== undefined && (young === undefined || shared(i + 1, j) >= shared(i, j + 1))) {
      lines.push({ kind: "removed", text: old });
      i += 1;
    } else {
      lines.push({ kind: "added", text: young ?? "" });
      j += 1;
    }
  }
  return lines;
}
