import { createPublicKey, hash, verify } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import {
  ED25519,
  ExportVerifier,
  LedgerFormatError,
  openTrusted,
  parseVerifierKey,
  type Checkpoint,
  type Hash,
  type NoteKey,
  type Trust,
  type VerifyEd25519,
} from "@tollhouse/ledger";
import type { LedgerVerified } from "@tollhouse/contract/control-client";
import { CommandFailed } from "../exit-codes.ts";

/** Checks an export with a public key alone: the verifier of packages/ledger, and nothing that a server says. */

/** One-shot, and by way of a text: a hash object costs four times as much, and a buffer that native code makes twice (Node 24). */
export const sha256: Hash = (bytes, into = new Uint8Array(32)) => {
  const text = hash("sha256", bytes, "binary");
  for (let i = 0; i < 32; i++) into[i] = text.charCodeAt(i);
  return into;
};

/** SubjectPublicKeyInfo of Ed25519 (RFC 8410) up to the key's own bytes. */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) =>
  verify(
    null,
    message,
    createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki" }),
    signature,
  );

export interface TrustGiven {
  /** Words of public keys, or files that hold them: the present one first. */
  readonly key: readonly string[];
  readonly witness?: readonly string[];
  readonly witnessesNeeded?: number;
}

export function readTrust({ key, witness = [], witnessesNeeded }: TrustGiven): Trust {
  const [own, ...earlier] = key.map((each) => readKey("--key", each));
  if (own === undefined)
    throw new CommandFailed(
      "usage",
      "--key: expected the ledger's public key, or a file with it (`tollhouse ledger public-key`)",
    );
  if (earlier.some(({ name }) => name !== own.name))
    throw new CommandFailed("usage", "--key: expected keys of one ledger");
  const witnesses = witness.map((each) => readKey("--witness", each));
  const needed = witnessesNeeded ?? witnesses.length;
  if (needed > witnesses.length || (needed < 1 && witnesses.length > 0))
    throw new CommandFailed("usage", `--witnesses-needed: expected 1 to the number of --witness, ${witnesses.length}`);
  return { sha256, verify: verifyEd25519, key: own, earlier, witnesses, witnessesNeeded: needed };
}

function readKey(option: string, given: string): NoteKey {
  const text = existsSync(given) ? readFileSync(given, "utf8") : given;
  return orUsage(option, () => {
    const key = parseVerifierKey(sha256, text.trim());
    if ((key.algorithm === ED25519) !== (option === "--key"))
      throw new LedgerFormatError(
        "public key",
        option === "--key" ? "that of a witness" : "expected that of a witness",
      );
    return key;
  });
}

export function readPin(file: string, trust: Trust): Checkpoint {
  return orUsage("--pin", () => openTrusted(trust, readFileOf("--pin", file)));
}

export function readFileOf(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandFailed("usage", `${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function orUsage<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LedgerFormatError)) throw error;
    throw new CommandFailed("usage", `${option}: ${error.message}`);
  }
}

/** What an export shows by itself, which has no columns; `witnessed_to`: null where no witnesses are asked for. */
export interface OfflineVerified extends Omit<LedgerVerified, "purged"> {
  readonly witnessed_to: number | null;
}

/** The lines of an export, one after the other, in constant memory. `seen`: after each, how many there were. */
export async function verifyLines(
  lines: AsyncIterable<string>,
  { trust, pin }: { readonly trust: Trust; readonly pin: Checkpoint | null },
  seen: (lines: number) => void,
): Promise<OfflineVerified> {
  const verifier = new ExportVerifier({ ...trust, ...(pin !== null && { pin }) });
  let count = 0;
  for await (const line of lines) {
    verifier.push(line);
    count += 1;
    if (count % 1_000 === 0) seen(count);
  }
  const { result, tail, provenTo, entries, checkpoints, witnessedTo, firstBadSequence, problem } = verifier.end();
  return {
    result,
    tail,
    proven_to: provenTo,
    entries,
    checkpoints,
    witnessed_to: witnessedTo,
    first_bad_sequence: firstBadSequence,
    problem,
  };
}

export function linesOf(stream: Readable): AsyncIterable<string> {
  return createInterface({ input: stream, crlfDelay: Infinity });
}

export function openExport(file: string): Readable {
  if (!existsSync(file)) throw new CommandFailed("missing", `there is no file ${file}`);
  return createReadStream(file);
}
