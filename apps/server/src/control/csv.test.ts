import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { csvHead, csvLine } from "./csv.ts";
import type { ExportColumn } from "./export-columns.ts";

interface Row {
  readonly text: string | null;
  readonly figure: string | number | null;
}
const COLUMNS: readonly ExportColumn<Row>[] = [
  { name: "text", kind: "text", of: (row) => row.text },
  { name: "figure", kind: "count", of: (row) => row.figure },
];
const line = (text: string | null, figure: string | number | null = 1): string => csvLine(COLUMNS, { text, figure });

describe("a line", () => {
  test.each([
    ["plain", "plain,1\r\n"],
    ['say "so"', '"say ""so""",1\r\n'],
    ["a,b", '"a,b",1\r\n'],
    ["two\r\nlines", '"two\r\nlines",1\r\n'],
    [null, ",1\r\n"],
  ])("of %j is as RFC 4180 has it", (text, expected) => {
    expect(line(text)).toBe(expected);
  });

  test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", '=HYPERLINK("x","y")', "'=1"])(
    "never begins a text cell like a formula: %j",
    (text) => {
      expect(line(text).replace(/^"/, "")).toMatch(/^'/);
    },
  );

  test("leaves negative money a number, and what is not known empty", () => {
    expect(line("x", "-0.500000000")).toBe("x,-0.500000000\r\n");
    expect(line("x", null)).toBe("x,\r\n");
  });

  test("gives any text back to whoever reads it as RFC 4180 and takes one leading apostrophe away", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const cell = line(text).slice(0, -",1\r\n".length);
        const unquoted = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
        expect(unquoted.replace(/^'/, "")).toBe(text);
      }),
    );
  });
});

test("the head names the columns", () => {
  expect(csvHead(COLUMNS)).toBe("text,figure\r\n");
});
