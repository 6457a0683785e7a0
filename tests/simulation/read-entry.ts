/** An entry of the ledger, read from its bytes by the format that docs/ledger-format.md publishes. */
export interface ReadEntry {
  readonly sequence: bigint;
  readonly id: string;
  readonly type: number;
  readonly flags: number;
  readonly amount: bigint;
  /** 0 none, 1 reported, 2 counted, 3 estimated, 4 unknown. */
  readonly source: number;
  readonly session: string;
  readonly fields: ReadonlyMap<number, Buffer>;
  readonly body: Buffer;
  readonly hash: Buffer;
}

export function readEntry(body: Buffer, hash: Buffer): ReadEntry {
  const fields = new Map<number, Buffer>();
  for (let at = 86; at < body.length;) {
    const length = body.readUInt32BE(at + 2);
    fields.set(body.readUInt16BE(at), body.subarray(at + 6, at + 6 + length));
    at += 6 + length;
  }
  return {
    sequence: body.readBigUInt64BE(20),
    id: body.toString("hex", 36, 52),
    type: body.readUInt8(1),
    flags: body.readUInt16BE(2),
    amount: body.readBigInt64BE(68),
    source: body.readUInt8(79),
    session: fields.get(16)?.toString() ?? "",
    fields,
    body,
    hash,
  };
}

/** `limit window` and what the entry added to it. */
export function* countersOf({ fields }: ReadEntry): Generator<[name: string, amount: bigint]> {
  const bytes = fields.get(39) ?? Buffer.alloc(0);
  for (let at = 0; at < bytes.length;) {
    const limit = bytes.readUInt8(at);
    const window = bytes.readUInt8(at + 1 + limit);
    const name = `${bytes.toString("utf8", at + 1, at + 1 + limit)} ${bytes.toString("utf8", at + 2 + limit, at + 2 + limit + window)}`;
    at += 2 + limit + window;
    yield [name, bytes.readBigInt64BE(at)];
    at += 8;
  }
}

/** How many refused calls the entry stands for. */
export function blockedOf({ type, fields }: ReadEntry): number {
  if (type === 3) return 1;
  if (type !== 10) return 0;
  // n × (length u8 | name | count u32), in the one field of a summary that has counts.
  const bytes = fields.get(80) ?? Buffer.alloc(0);
  let count = 0;
  for (let at = 0; at < bytes.length; at += 4) {
    at += 1 + bytes.readUInt8(at);
    count += bytes.readUInt32BE(at);
  }
  return count;
}
