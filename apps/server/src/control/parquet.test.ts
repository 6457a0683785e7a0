import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { describe, expect, test } from "vitest";
import type { Cell, ExportColumn } from "./export-columns.ts";
import { ParquetFile } from "./parquet.ts";

interface Row {
  readonly name: string | null;
  readonly at: string | null;
  readonly calls: number | bigint | null;
  readonly cost: string | null;
}
const COLUMNS: readonly ExportColumn<Row>[] = [
  { name: "name", kind: "text", of: (row) => row.name },
  { name: "at", kind: "time", of: (row) => row.at },
  { name: "calls", kind: "count", of: (row) => row.calls },
  { name: "cost", kind: "money", of: (row) => row.cost },
];

function fileOf(rows: readonly Row[], pageRows = 1_000): ArrayBuffer {
  const file = new ParquetFile(COLUMNS);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < rows.length; at += pageRows) parts.push(file.add(rows.slice(at, at + pageRows)));
  parts.push(file.end());
  return Uint8Array.from(Buffer.concat(parts)).buffer;
}

/** As they are stored: the reader would make a float of a DECIMAL. */
async function storedRows(file: ArrayBuffer): Promise<Record<string, Cell | Uint8Array>[]> {
  const metadata = parquetMetadata(file);
  const stored = metadata.schema.map(({ converted_type: type, ...element }) =>
    type === "UTF8" ? { ...element, converted_type: type } : element,
  );
  return (await parquetReadObjects({ file, metadata: { ...metadata, schema: stored } })) as Record<string, Cell>[];
}

function bigEndian(bytes: unknown): bigint {
  return BigInt.asIntN(72, BigInt(`0x${Buffer.from(bytes as Uint8Array).toString("hex")}`));
}

const row = (over: Partial<Row> = {}): Row => ({ name: null, at: null, calls: null, cost: null, ...over });

describe("a Parquet file", () => {
  test.each([
    ["0.000000001", 1n],
    ["-0.000000001", -1n],
    ["0.000056400", 56_400n],
    ["123456789012.123456789", 123_456_789_012_123_456_789n],
    ["9223372036.854775807", 2n ** 63n - 1n],
    ["-9223372036.854775808", -(2n ** 63n)],
    ["0.000000000", 0n],
  ])("has the exact amount of %s", async (cost, expected) => {
    const [stored] = await storedRows(fileOf([row({ cost })]));
    expect(bigEndian(stored?.["cost"])).toBe(expected);
  });

  test("says what its columns are: DECIMAL with nine places, TIMESTAMP in UTC, text, whole numbers", () => {
    const { schema } = parquetMetadata(fileOf([row()]));
    expect(schema.slice(1).map(({ name, type, converted_type: as, scale }) => [name, type, as, scale])).toEqual([
      ["name", "BYTE_ARRAY", "UTF8", undefined],
      ["at", "INT64", "TIMESTAMP_MICROS", undefined],
      ["calls", "INT64", undefined, undefined],
      ["cost", "FIXED_LEN_BYTE_ARRAY", "DECIMAL", 9],
    ]);
  });

  test("keeps every microsecond, every whole number and every text as it is; what is not known is null, and no zero", async () => {
    const rows = [
      row({ name: "=1+1", at: "2026-11-21T06:30:00.123456Z", calls: 2n ** 63n - 1n }),
      row({ name: 'k\u00e4ufer \u{1F600} "x",\n', at: "1970-01-01T00:00:00.000Z", calls: 0 }),
      row({ name: "" }),
      row(),
    ];
    const stored = await storedRows(fileOf(rows));
    expect(stored.map(({ name, at, calls }) => [name, at, calls])).toEqual([
      ["=1+1", BigInt(Date.parse("2026-11-21T06:30:00.123Z")) * 1000n + 456n, 2n ** 63n - 1n],
      ['k\u00e4ufer \u{1F600} "x",\n', 0n, 0n],
      ["", null, null],
      [null, null, null],
    ]);
  });

  test("is the same rows however they came, in row groups that are written as they fill", async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => row({ name: `row ${n}`, calls: n }));
    for (const pageRows of [1, 999, 5_000]) {
      const file = fileOf(rows, pageRows);
      expect(parquetMetadata(file).row_groups.map(({ num_rows: count }) => Number(count))).toEqual([
        1024, 1024, 1024, 1024, 904,
      ]);
      expect((await storedRows(file)).map(({ calls }) => Number(calls))).toEqual(rows.map(({ calls }) => calls));
    }
    const file = new ParquetFile(COLUMNS);
    expect(file.add(rows).length).toBeGreaterThan(10_000);
  });

  test("is a file without rows too, ends a group by its text, and refuses an amount that does not fit by its column", async () => {
    expect(await storedRows(fileOf([]))).toEqual([]);
    const large = Array.from({ length: 12 }, () => row({ name: "x".repeat(1024 * 1024) }));
    expect(parquetMetadata(fileOf(large)).row_groups).toHaveLength(3);
    expect(() => fileOf([row({ cost: "1000000000000.000000000" })])).toThrow(
      /^cost: 1000000000000\.000000000 does not fit/,
    );
  });
});
