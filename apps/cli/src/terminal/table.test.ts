import { describe, expect, test } from "vitest";
import { plain, table, widthOf, wrapped, type Column } from "./table.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly cost: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { head: "ID", cell: ({ id }) => id },
  { head: "NAME", cell: ({ name }) => name, cutTo: 8 },
  { head: "COST", cell: ({ cost }) => cost, align: "right", leaveOut: 1 },
];
const ID = `lim_${"0123456789abcdef".repeat(2)}`;

describe("a table", () => {
  test("has its columns under each other, amounts to the right", () => {
    const rows = [
      { id: "a", name: "first", cost: "$1.00" },
      { id: "bcd", name: "2", cost: "$10.00" },
    ];
    expect(table(rows, COLUMNS, 80)).toEqual(["ID   NAME     COST", "a    first   $1.00", "bcd  2      $10.00"]);
  });

  test.each([60, 52, 48, 47])("of %i columns is not wider, and no id is cut", (width) => {
    const lines = table([{ id: ID, name: "a name that goes on and on", cost: "$123.45" }], COLUMNS, width);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
    expect(lines[1]).toContain(ID);
  });

  test("leaves a column out only where cutting is not enough", () => {
    const rows = [{ id: ID, name: "a name that goes on and on", cost: "$123.45" }];
    expect(table(rows, COLUMNS, 55)[1]).toBe(`${ID}  a name …  $123.45`);
    expect(table(rows, COLUMNS, 54)[0]).not.toContain("COST");
  });

  test("has columns that are as wide whatever stands in them, where they are to be", () => {
    const columns = COLUMNS.map((column) => ({ ...column, atLeast: 6 }));
    const heads = ["$1.00", "$0.5"].map((cost) => table([{ id: "a", name: "b", cost }], columns, 80));
    expect(heads.map(([, line]) => line)).toEqual(["a       b        $1.00", "a       b         $0.5"]);
  });

  test("cuts nothing where nobody looks at it", () => {
    const name = "n".repeat(300);
    expect(table([{ id: ID, name, cost: "$1.00" }], COLUMNS, Infinity)[1]).toContain(name);
  });

  test("keeps its columns with wide and joined characters", () => {
    const rows = [
      { id: "日本", name: "x", cost: "" },
      { id: "👩‍👩‍👧", name: "x", cost: "" },
      { id: "abcd", name: "x", cost: "" },
    ];
    expect(table(rows, COLUMNS, 80).slice(1)).toEqual(["日本  x", "👩‍👩‍👧    x", "abcd  x"]);
  });
});

test("a sentence is broken at spaces, and an id never", () => {
  const hash = "f0".repeat(32);
  expect(wrapped("wait until the window ends", 12)).toEqual(["wait until", "the window", "ends"]);
  expect(wrapped(`see ${hash} there`, 20)).toEqual(["see", hash, "there"]);
  expect(wrapped("wait until the window ends", Infinity)).toEqual(["wait until the window ends"]);
  expect(wrapped("", 10)).toEqual([""]);
});

test("what a cell holds cannot move the cursor, forge a line, or turn the text around", () => {
  expect(plain("a\u001b[2Jb\r\nc\u202edcba\u009b1m")).toBe("a�[2Jb��c�dcba�1m");
  expect(table([{ id: "a\nFORGED", name: "", cost: "" }], COLUMNS, 80)).toHaveLength(2);
});
