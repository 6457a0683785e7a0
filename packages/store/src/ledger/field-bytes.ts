import { encodeFields, type EntryFields } from "@tollhouse/ledger";

/** Tag, length and text of one field as they stand in a body: what a statement can look for. */
export function fieldBytes(field: EntryFields): Buffer {
  const [first] = encodeFields(field);
  if (first === undefined) throw new Error("expected one field");
  const [tag, bytes] = first;
  const head = Buffer.alloc(6);
  head.writeUInt16BE(tag);
  head.writeUInt32BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}
