import { LedgerFormatError, parseVerifierKey, verifyReceipt, type ProvenEntry } from "@tollhouse/ledger";

/** What was looked at, and could not be judged: without HTTPS a browser lends no page its cryptography, but on the machine itself. */
export class CannotCheckHere extends Error {
  override readonly name = "CannotCheckHere";
}

type Bytes = Uint8Array<ArrayBuffer>;

interface Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** A hash that the walk through the receipt asked for, and does not have yet. */
class HashWanted extends Error {
  readonly of: Uint8Array;

  constructor(of: Uint8Array) {
    super("a hash is wanted");
    this.of = of;
  }
}

/**
 * Checks a receipt by the ledger's own verifier, with public keys and nothing of the server's. That verifier asks for each hash at once; a
 * browser gives them later: so it is walked again with each that came, and takes signatures for good until all of them are known to be.
 * Throws LedgerFormatError where the receipt proves nothing, CannotCheckHere where this browser cannot say.
 */
export async function checkReceipt(receipt: string, keys: readonly string[]): Promise<ProvenEntry> {
  const { subtle } = globalThis.crypto;
  if (subtle === undefined) throw new CannotCheckHere("This browser checks signatures on pages of HTTPS only.");
  const hashes = new Map<string, Uint8Array>();
  for (;;) {
    try {
      const { proven, signed } = walk(receipt, keys, hashes);
      for (const signature of signed) await assertGood(subtle, signature);
      return proven;
    } catch (error) {
      if (!(error instanceof HashWanted)) throw error;
      hashes.set(error.of.join(), new Uint8Array(await subtle.digest("SHA-256", error.of as Bytes)));
    }
  }
}

function walk(receipt: string, keys: readonly string[], hashes: ReadonlyMap<string, Uint8Array>) {
  const signed: Signed[] = [];
  const sha256 = (bytes: Uint8Array): Uint8Array => {
    const hash = hashes.get(bytes.join());
    if (hash === undefined) throw new HashWanted(bytes);
    return hash;
  };
  const verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean => {
    signed.push({ publicKey, message, signature });
    return true;
  };
  const [key, ...earlier] = keys.map((text) => parseVerifierKey(sha256, text));
  if (key === undefined) throw new LedgerFormatError("public key", "none was told");
  return { proven: verifyReceipt({ sha256, verify, key, earlier }, receipt), signed };
}

async function assertGood(subtle: SubtleCrypto, { publicKey, message, signature }: Signed): Promise<void> {
  const key = await subtle
    .importKey("raw", publicKey as Bytes, { name: "Ed25519" }, false, ["verify"])
    .catch((cause: unknown) => {
      throw new CannotCheckHere("This browser does not know Ed25519 signatures.", { cause });
    });
  if (!(await subtle.verify({ name: "Ed25519" }, key, signature as Bytes, message as Bytes)))
    throw new LedgerFormatError("note", "the signature is not good");
}
