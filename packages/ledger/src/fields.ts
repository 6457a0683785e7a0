import { ByteWriter } from "./byte-writer.ts";
import type { EntryField } from "./entry.ts";
import { FIELD_CODECS, type FieldKind, type FieldValues } from "./field-codecs.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

interface FieldRow<K extends FieldKind = FieldKind> {
  readonly tag: number;
  readonly kind: K;
}

function row<K extends FieldKind>(tag: number, kind: K): FieldRow<K> {
  return { tag, kind };
}

/** Fields of an entry's body. Append only: a tag is never used again for anything else, a kind never changes. */
export const FIELDS = {
  // What the call was
  environment: row(1, "text"),
  provider: row(2, "text"),
  model: row(3, "text"),
  endpoint: row(4, "text"),
  /** Id of the key that made the call (`key_…`), never the key. */
  key: row(5, "text"),
  plan: row(6, "text"),
  // Whose it was: one tag a dimension
  session: row(16, "text"),
  agent: row(17, "text"),
  feature: row(18, "text"),
  service: row(19, "text"),
  /** HMAC-SHA256(the user's random salt, tenant | user id); never the id itself. */
  user: row(20, "bytes32"),
  team: row(21, "text"),
  customer: row(22, "text"),
  // What it used, and what that was worth
  usage: row(32, "usage"),
  priceVersion: row(33, "text"),
  servedModel: row(34, "text"),
  tier: row(35, "text"),
  geo: row(36, "text"),
  /** What was held at the end, nano-dollars. */
  reserved: row(37, "i64"),
  /** What the provider itself said it cost, nano-dollars. */
  providerCost: row(38, "i64"),
  /** What each counter was settled by: counters are the fold of these. */
  counters: row(39, "counters"),
  // How it ended
  reason: row(48, "text"),
  /** HTTP status of the provider's answer. */
  status: row(49, "u32"),
  /** The provider's id of the response, for reconciliation. */
  providerId: row(50, "text"),
  /** Why the numbers may not be right. */
  doubt: row(51, "text"),
  latencyMs: row(52, "u32"),
  /** The limit, or the anomaly rule, that blocked the call. */
  limit: row(53, "text"),
  /** The limits that were looked at, as they stood: with the call's own reservation where it was let through. */
  limits: row(54, "limits"),
  /** What did not fit into the limit that blocked, in its unit. */
  required: row(55, "i64"),
  /** JSON text: which policy gave each value, and what was decided by it. */
  policy: row(56, "text"),
  // Administration
  actor: row(64, "text"),
  action: row(65, "text"),
  subject: row(66, "text"),
  /** JSON text without secrets. */
  before: row(67, "text"),
  after: row(68, "text"),
  // Summaries of blocked calls: calls a reason code, and the time they span
  blocked: row(80, "counts"),
  /** Microseconds since 1970 of the first call in the summary; the entry's own time is the last one's. */
  sinceUs: row(81, "i64"),
  // The chain itself
  deployment: row(96, "text"),
  nextMacKeyId: row(97, "u32"),
  nextMac: row(98, "bytes32"),
} as const satisfies Record<string, FieldRow>;

export type FieldName = keyof typeof FIELDS;

/** Fields by name. Absent = not said; an empty text is a value. */
export type EntryFields = { readonly [N in FieldName]?: FieldValues[(typeof FIELDS)[N]["kind"]] };

const NAMES = (Object.keys(FIELDS) as FieldName[]).toSorted((a, b) => FIELDS[a].tag - FIELDS[b].tag);
const NAME_BY_TAG = new Map<number, FieldName>(NAMES.map((name) => [FIELDS[name].tag, name]));
const TAGS = NAMES.map((name) => FIELDS[name].tag);
const WRITERS = NAMES.map((name) => FIELD_CODECS[FIELDS[name].kind].write as (to: ByteWriter, value: unknown) => void);

const scratch = new ByteWriter();

/** Sorted by tag, ready for `encodeBody`. Throws LedgerFormatError naming the field whose value does not fit. */
export function encodeFields(fields: EntryFields): EntryField[] {
  const encoded: EntryField[] = [];
  for (let i = 0; i < NAMES.length; i++) {
    const value = fields[NAMES[i] as FieldName];
    if (value === undefined) continue;
    scratch.start();
    writeAs(i, scratch, value);
    encoded.push([TAGS[i] as number, scratch.taken().slice()]);
  }
  return encoded;
}

/** The fields as they stand in a body, behind its header: `tag u16 | length u32 | bytes` each. Returns how many. */
export function writeFieldsOf(to: ByteWriter, fields: EntryFields): number {
  let count = 0;
  for (let i = 0; i < NAMES.length; i++) {
    const value = fields[NAMES[i] as FieldName];
    if (value === undefined) continue;
    to.u16(TAGS[i] as number);
    const place = to.leave(4);
    writeAs(i, to, value);
    to.u32At(place, to.length - place - 4);
    count += 1;
  }
  return count;
}

/** Known fields by name. Fields of a later version are left out: they are in the entry's bytes all the same. */
export function decodeFields(fields: readonly EntryField[]): EntryFields {
  const decoded: { [name: string]: unknown } = {};
  for (const [tag, bytes] of fields) {
    const name = NAME_BY_TAG.get(tag);
    if (name !== undefined) decoded[name] = decodeAs(name, FIELDS[name].kind, bytes);
  }
  return decoded as EntryFields;
}

/** One field without decoding the others; undefined where the entry does not have it. */
export function fieldOf<N extends FieldName>(fields: readonly EntryField[], name: N): EntryFields[N] | undefined {
  const found = fields.find(([tag]) => tag === FIELDS[name].tag);
  return found && (decodeAs(name, FIELDS[name].kind, found[1]) as EntryFields[N]);
}

function writeAs(i: number, to: ByteWriter, value: unknown): void {
  try {
    (WRITERS[i] as (to: ByteWriter, value: unknown) => void)(to, value);
  } catch (cause) {
    throw inField(NAMES[i] as FieldName, cause);
  }
}

function decodeAs<K extends FieldKind>(name: string, kind: K, bytes: Uint8Array): FieldValues[K] {
  try {
    return FIELD_CODECS[kind].decode(bytes);
  } catch (cause) {
    throw inField(name, cause);
  }
}

function inField(name: string, cause: unknown): unknown {
  return cause instanceof LedgerFormatError ? new LedgerFormatError(`${name}.${cause.field}`, cause.problem) : cause;
}
