import { fromBase64, toBase64 } from "./bytes.ts";
import { HASH_BYTES } from "./chain.ts";
import { LedgerFormatError } from "./ledger-format-error.ts";

/** A proof that one entry is in the tree of a checkpoint, as one text file (c2sp.org/tlog-proof). */
export interface TlogProof {
  /** Of an entry of ours: previous hash | body, from which its entry hash follows. Not authenticated by itself. */
  readonly extra: Uint8Array | null;
  /** The entry's sequence less one. */
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, as it is. */
  readonly checkpoint: string;
}

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
/** A path through 2^53 leaves. */
const HASHES_MAX = 63;

export function formatTlogProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === null ? [] : [`extra ${toBase64(extra)}`]),
    `index ${index}`,
    ...hashes.map(toBase64),
  ];
  return `${lines.join("\n")}\n\n${checkpoint}`;
}

/** Strict: `formatTlogProof` gives the same text back. Proves nothing by itself. Throws LedgerFormatError. */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf("\n\n");
  const [first, ...lines] = text.slice(0, Math.max(split, 0)).split("\n");
  if (split < 0 || first !== FIRST_LINE) throw new LedgerFormatError("proof", `expected a first line ${FIRST_LINE}`);
  const extra = lines[0]?.startsWith("extra ") === true ? fromBase64((lines.shift() as string).slice(6)) : undefined;
  if (extra === null) throw new LedgerFormatError("extra", "expected base64");
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? "") ?? [];
  if (index === undefined || !Number.isSafeInteger(Number(index)))
    throw new LedgerFormatError("index", "expected a decimal number below 2^53 without leading zeros");
  if (lines.length > HASHES_MAX) throw new LedgerFormatError("proof", `more than ${HASHES_MAX} hashes`);
  const hashes = lines.map((line) => {
    const hash = fromBase64(line);
    if (hash?.length !== HASH_BYTES) throw new LedgerFormatError("proof", "expected hashes of 32 bytes in base64");
    return hash;
  });
  return { extra: extra ?? null, index: Number(index), hashes, checkpoint: text.slice(split + 2) };
}
