import { ByteWriter, ParquetWriter, type ColumnSource } from "hyparquet-writer";
import type { Cell, ExportColumn } from "./export-columns.ts";

type Kind = ExportColumn<never>["kind"];
type Element = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

/** Rows of a row group, encoded in one go: some ten milliseconds, in which nothing else runs. */
const GROUP_ROWS = 1_024;
/** A group ends at so much text too, so that a few huge cells do not fill the memory. */
const GROUP_TEXT_MAX = 4 * 1024 * 1024;
/** After so many groups they become twice as long: what is kept of each until the end grows with the logarithm of the rows. */
const GROUPS_OF_A_SIZE = 512;
const SCALE = 9;
/** Every amount of 64 bits, and sums of them: a DECIMAL in 64 bits may have 18 digits and no more. */
const PRECISION = 21;
const DECIMAL_BYTES = 9;
const NANO_MAX = 10n ** BigInt(PRECISION) - 1n;

const ELEMENTS: Readonly<Record<Kind, Omit<Element, "name">>> = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  time: { type: "INT64", converted_type: "TIMESTAMP_MICROS" },
  count: { type: "INT64" },
  money: {
    type: "FIXED_LEN_BYTE_ARRAY",
    type_length: DECIMAL_BYTES,
    converted_type: "DECIMAL",
    scale: SCALE,
    precision: PRECISION,
  },
};

/** Money is a DECIMAL and times are TIMESTAMPs in UTC: nothing goes through a float. */
const VALUES: Readonly<Record<Kind, (cell: string | number | bigint, name: string) => string | bigint>> = {
  text: String,
  time: (cell) => microseconds(String(cell)),
  count: BigInt,
  money: (cell, name) => nano(String(cell), name),
};

/** A Parquet file, row group by row group, in memory that does not grow with its rows. */
export class ParquetFile<R> {
  readonly #columns: readonly ExportColumn<R>[];
  readonly #bytes = new ByteWriter();
  readonly #file: ParquetWriter;
  #groups = 0;
  /** Of the group that is not written yet. */
  #rows = 0;
  #cells: (string | bigint | null)[][];
  #text = 0;

  constructor(columns: readonly ExportColumn<R>[]) {
    this.#columns = columns;
    this.#cells = columns.map(() => []);
    const root: Element = { name: "root", num_children: columns.length };
    const schema = columns.map(({ name, kind }): Element => ({ name, repetition_type: "OPTIONAL", ...ELEMENTS[kind] }));
    this.#file = new ParquetWriter({ writer: this.#bytes, schema: [root, ...schema], createdBy: "tollhouse" });
  }

  /** Gives the bytes that are done: none, as a rule. */
  add(rows: readonly R[]): Uint8Array {
    for (const row of rows) {
      this.#rows += 1;
      this.#columns.forEach((column, at) => this.#put(at, column, column.of(row)));
      if (this.#rows >= this.#groupRows() || this.#text >= GROUP_TEXT_MAX) this.#endGroup();
    }
    return this.#taken();
  }

  end(): Uint8Array {
    this.#endGroup();
    void this.#file.finish();
    return this.#taken();
  }

  #put(at: number, { kind, name }: ExportColumn<R>, cell: Cell): void {
    const value = cell === null ? null : VALUES[kind](cell, name);
    if (typeof value === "string") this.#text += value.length;
    (this.#cells[at] as (string | bigint | null)[]).push(value);
  }

  #groupRows(): number {
    return GROUP_ROWS * 2 ** Math.floor(this.#groups / GROUPS_OF_A_SIZE);
  }

  #endGroup(): void {
    if (this.#rows === 0) return;
    const columnData = this.#columns.map(({ name, kind }, at): ColumnSource => ({
      name,
      // Of what nobody looks up by its bounds they would be a third of the work.
      statistics: at === 0 || kind === "time",
      data: this.#cells[at] as (string | bigint | null)[],
      offsetIndex: false,
    }));
    void this.#file.write({ columnData, rowGroupSize: this.#rows });
    this.#groups += 1;
    [this.#rows, this.#text] = [0, 0];
    this.#cells = this.#columns.map(() => []);
  }

  #taken(): Uint8Array {
    const taken = Uint8Array.from(this.#bytes.getBytes());
    // Where the next byte goes in its buffer; `offset`, its place in the file, goes on.
    this.#bytes.index = 0;
    return taken;
  }
}

function microseconds(time: string): bigint {
  const fraction = /\.(\d+)Z$/.exec(time)?.[1] ?? "";
  return BigInt(Date.parse(time)) * 1000n + BigInt(fraction.slice(3, 6).padEnd(3, "0"));
}

function nano(dollars: string, name: string): bigint {
  const [whole = "", fraction = ""] = dollars.split(".");
  const amount = BigInt(`${whole}${fraction.padEnd(SCALE, "0")}`);
  if (amount > NANO_MAX || amount < -NANO_MAX)
    throw new RangeError(`${name}: ${dollars} does not fit a DECIMAL(${PRECISION}, ${SCALE})`);
  return amount;
}
