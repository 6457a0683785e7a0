import { INPUT_CLASSES, OUTPUT_CLASSES, USAGE_CLASSES } from "@tollhouse/contract/usage";
import {
  BODY_HEADER_BYTES,
  ENTRY_TYPES,
  equalBytes,
  FIELDS,
  isWellFormedField,
  LedgerFormatError,
  sumOfUsage,
} from "@tollhouse/ledger";
import type { Entry } from "@tollhouse/ledger";
import { DETAILS, project, PROJECTION } from "./projection.ts";
import type { ColumnValue } from "./projection.ts";
import type { StoredRow } from "./stored-row.ts";

const COLUMNS = new Map(PROJECTION.map(([column], i) => [column, i]));
const at = (column: string): number => COLUMNS.get(column) as number;
const [ENTRY_ID, REF_ID, TYPE, FLAGS, TIME, AMOUNT, SOURCE] = [
  at("entry_id"),
  at("ref_id"),
  at("type"),
  at("flags"),
  at("time_us"),
  at("amount_nano"),
  at("usage_source"),
];
const [INPUT, OUTPUT, BLOCKED] = [at("input_tokens"), at("output_tokens"), at("blocked_calls")];

/** Columns that hold the very bytes of a field: texts, the pseudonym, the status. By tag. */
const COLUMN_OF_TAG: (number | undefined)[] = [];
for (const [name, { tag }] of Object.entries(FIELDS)) {
  const column = COLUMNS.get(name === "user" ? "user_pseudonym" : name);
  if (column !== undefined) COLUMN_OF_TAG[tag] = column;
}
/** The same of a row whose details were purged. */
const KEPT_OF_TAG = COLUMN_OF_TAG.map((column) =>
  column !== undefined && DETAILS.has(PROJECTION[column]?.[0] ?? "") ? undefined : column,
);
const FIELD_COLUMNS = COLUMN_OF_TAG.filter((column) => column !== undefined);
const USAGE_TAG = FIELDS.usage.tag;
const INPUT_FLAGS = USAGE_CLASSES.map((name) => (INPUT_CLASSES as readonly string[]).includes(name));
const OUTPUT_FLAGS = USAGE_CLASSES.map((name) => (OUTPUT_CLASSES as readonly string[]).includes(name));

/**
 * Is the row's projection what its body says, and is every field what its tag says? True is certain; false is a reason to look closely
 * (`differingColumn`): summaries, corrections, and texts with U+0000 are not looked at here. The body has been checked. Makes no object: clearing
 * those away was a third of the time of a verification. `isPurged`: the row must have no details.
 */
export function isProjected(row: StoredRow, isPurged = false): boolean {
  const { body } = row;
  if (body[1] === ENTRY_TYPES.blocked_summary || body[1] === ENTRY_TYPES.correction) return false;
  if (!isHeaderProjected(row, body)) return false;
  const columnOfTag = isPurged ? KEPT_OF_TAG : COLUMN_OF_TAG;
  let [columnsLeft, input, output] = [0, 0, 0];
  for (const column of FIELD_COLUMNS) if (row.length(column) >= 0) columnsLeft += 1;
  for (let field = BODY_HEADER_BYTES; field < body.length;) {
    const tag = number(body, field, 2);
    const from = field + 6;
    const to = from + number(body, field + 2, 4);
    const column = columnOfTag[tag];
    if (!isWellFormedField(tag, body, from, to)) return false;
    if (column !== undefined && !isColumn(row, column, from, to - from)) return false;
    if (column !== undefined) columnsLeft -= 1;
    if (tag === USAGE_TAG)
      [input, output] = [sumOfUsage(body, from, to, INPUT_FLAGS), sumOfUsage(body, from, to, OUTPUT_FLAGS)];
    field = to;
  }
  const blocked = body[1] === ENTRY_TYPES.call_blocked ? 1 : 0;
  return (
    columnsLeft === 0 &&
    isNumber(row, INPUT, 8, input) &&
    isNumber(row, OUTPUT, 8, output) &&
    isNumber(row, BLOCKED, 8, blocked)
  );
}

function isHeaderProjected(row: StoredRow, body: Uint8Array): boolean {
  const isRefless = isZero(body, 52, 16);
  return (
    isColumn(row, ENTRY_ID, 36, 16) &&
    (isRefless ? row.length(REF_ID) < 0 : isColumn(row, REF_ID, 52, 16)) &&
    isNumber(row, TYPE, 2, body[1] as number) &&
    isNumber(row, FLAGS, 4, number(body, 2, 2)) &&
    isColumn(row, TIME, 28, 8) &&
    isColumn(row, AMOUNT, 68, 8) &&
    isNumber(row, SOURCE, 2, body[79] as number)
  );
}

/** The column has these bytes of the body. */
function isColumn(row: StoredRow, column: number, from: number, length: number): boolean {
  if (row.length(column) !== length) return false;
  const { view } = row;
  const [start, bodyAt] = [row.start(column), row.bodyStart + from];
  let i = 0;
  for (; i + 4 <= length; i += 4) if (view.getInt32(start + i) !== view.getInt32(bodyAt + i)) return false;
  for (; i < length; i++) if (view.getUint8(start + i) !== view.getUint8(bodyAt + i)) return false;
  return true;
}

function isNumber(row: StoredRow, column: number, bytes: number, value: number): boolean {
  return row.length(column) === bytes && number(row.bytes, row.start(column), bytes) === value;
}

/** Unsigned; a negative one of eight bytes is above every number that is asked for. */
function number(bytes: Uint8Array, from: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (bytes[from + i] as number);
  return value;
}

function isZero(bytes: Uint8Array, from: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[from + i] !== 0) return false;
  return true;
}

/**
 * The first column that is not what the body says, or a field that is not what its tag says, in words; null = all is well. `isPurged`: the
 * row must have no details.
 */
export function differingColumn(entry: Entry, stored: readonly (Buffer | null)[], isPurged = false): string | null {
  try {
    const derived = project(entry);
    const expected = (column: string, i: number): ColumnValue =>
      isPurged && DETAILS.has(column) ? null : (derived[i] ?? null);
    const different = PROJECTION.find(([column], i) => !isStored(expected(column, i), stored[i] ?? null));
    return different === undefined ? null : `column ${different[0]} is not what the body says`;
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    return `format: ${error.message}`;
  }
}

function isStored(derived: ColumnValue, stored: Buffer | null): boolean {
  if (derived === null || stored === null) return derived === stored;
  if (typeof derived === "string") return equalBytes(Buffer.from(derived), stored);
  if (Buffer.isBuffer(derived)) return equalBytes(derived, stored);
  const value = stored.length === 8 ? stored.readBigInt64BE() : BigInt(stored.readIntBE(0, stored.length));
  return value === BigInt(derived);
}
