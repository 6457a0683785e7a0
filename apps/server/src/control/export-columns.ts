/** null = nothing is known: an empty cell, never a zero. */
export type Cell = string | number | bigint | null;

/** A column of a file that spreadsheets and data tools read. */
export interface ExportColumn<R> {
  readonly name: string;
  /**
   * `text`: what a client chose, maybe. `time`: RFC 3339, UTC. `count`: a whole number. `money`: dollars with nine places. What is not text is
   * never quoted nor guarded in CSV, and has a type of its own in Parquet.
   */
  readonly kind: "text" | "time" | "count" | "money";
  readonly of: (row: R) => Cell;
}
