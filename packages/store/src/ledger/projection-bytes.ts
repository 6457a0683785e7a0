import { INPUT_CLASSES, OUTPUT_CLASSES, USAGE_CLASSES } from "@tollhouse/contract/usage";
import {
  BODY_HEADER_BYTES,
  BODY_PLACES,
  ENTRY_TYPES,
  equalBytes,
  FIELD_HEADER_BYTES,
  FIELDS,
  isWellFormedField,
  LedgerFormatError,
  sameBytes,
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

/** Columns that hold the very bytes of a field: texts, the pseudonym, the status. By tag; -1 = none. */
const COLUMN_OF_TAG = new Int16Array(1 + Math.max(...Object.values(FIELDS).map(({ tag }) => tag))).fill(-1);
for (const [name, { tag }] of Object.entries(FIELDS))
  COLUMN_OF_TAG[tag] = COLUMNS.get(name === "user" ? "user_pseudonym" : name) ?? -1;
/** The same of a row whose details were purged. */
const KEPT_OF_TAG = COLUMN_OF_TAG.map((column) => (DETAILS.has(PROJECTION[column]?.[0] ?? "") ? -1 : column));
const FIELD_COLUMNS = [...COLUMN_OF_TAG].filter((column) => column >= 0);
const USAGE_TAG = FIELDS.usage.tag;
const INPUT_FLAGS = USAGE_CLASSES.map((name) => (INPUT_CLASSES as readonly string[]).includes(name));
const OUTPUT_FLAGS = USAGE_CLASSES.map((name) => (OUTPUT_CLASSES as readonly string[]).includes(name));

/**
 * Is the row's projection what its body says, and is every field what its tag says? True is certain; false is a reason to look closely
 * (`differingColumn`): summaries, corrections, and texts with U+0000 are not looked at here. The body has been checked. Makes no object: clearing
 * those away was a third of the time of a verification. `isPurged`: the row must have no details.
 */
export function isProjected(row: StoredRow, isPurged = false): boolean {
  const { view, bodyAt } = row;
  const type = view.getUint8(bodyAt + BODY_PLACES.type);
  if (type === ENTRY_TYPES.blocked_summary || type === ENTRY_TYPES.correction) return false;
  return (
    isHeaderProjected(row, type) &&
    areFieldsProjected(row, isPurged ? KEPT_OF_TAG : COLUMN_OF_TAG) &&
    isNumber(row, BLOCKED, type === ENTRY_TYPES.call_blocked ? 1 : 0)
  );
}

function areFieldsProjected(row: StoredRow, columnOfTag: Int16Array): boolean {
  const { view, bodyAt } = row;
  const end = bodyAt + row.bodyLength;
  let columnsLeft = 0;
  let input = 0;
  let output = 0;
  for (const column of FIELD_COLUMNS) if (row.length(column) >= 0) columnsLeft += 1;
  for (let field = bodyAt + BODY_HEADER_BYTES; field < end;) {
    const tag = view.getUint16(field);
    const from = field + FIELD_HEADER_BYTES;
    const to = from + view.getUint32(field + 2);
    if (!isWellFormedField(tag, view, from, to)) return false;
    const column = tag < columnOfTag.length ? (columnOfTag[tag] as number) : -1;
    if (column >= 0) {
      if (!isColumn(row, column, from, to - from)) return false;
      columnsLeft -= 1;
    }
    if (tag === USAGE_TAG) {
      input = sumOfUsage(view, from, to, INPUT_FLAGS);
      output = sumOfUsage(view, from, to, OUTPUT_FLAGS);
    }
    field = to;
  }
  return columnsLeft === 0 && isNumber(row, INPUT, input) && isNumber(row, OUTPUT, output);
}

function isHeaderProjected(row: StoredRow, type: number): boolean {
  const { view, bodyAt } = row;
  const refId = bodyAt + BODY_PLACES.refId;
  return (
    isColumn(row, ENTRY_ID, bodyAt + BODY_PLACES.entryId, 16) &&
    (isZero(view, refId, 16) ? row.length(REF_ID) < 0 : isColumn(row, REF_ID, refId, 16)) &&
    row.length(TYPE) === 2 &&
    view.getUint16(row.start(TYPE)) === type &&
    row.length(FLAGS) === 4 &&
    view.getUint32(row.start(FLAGS)) === view.getUint16(bodyAt + BODY_PLACES.flags) &&
    isColumn(row, TIME, bodyAt + BODY_PLACES.timeUs, 8) &&
    isColumn(row, AMOUNT, bodyAt + BODY_PLACES.amountNano, 8) &&
    row.length(SOURCE) === 2 &&
    view.getUint16(row.start(SOURCE)) === view.getUint8(bodyAt + BODY_PLACES.usageSource)
  );
}

/** The column has these bytes of the body. */
function isColumn(row: StoredRow, column: number, from: number, length: number): boolean {
  return row.length(column) === length && sameBytes(row.view, row.start(column), row.view, from, length);
}

/** An eight-byte column; a negative one is above every number that is asked for. */
function isNumber(row: StoredRow, column: number, value: number): boolean {
  const { view } = row;
  const start = row.start(column);
  return row.length(column) === 8 && view.getUint32(start) * 2 ** 32 + view.getUint32(start + 4) === value;
}

/** `length`: a multiple of four. */
function isZero(view: DataView, from: number, length: number): boolean {
  for (let i = 0; i < length; i += 4) if (view.getInt32(from + i) !== 0) return false;
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
