import { createHash, createPublicKey, verify } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import {
  ExportVerifier,
  LedgerFormatError,
  openCheckpoint,
  parseVerifierKey,
  type Checkpoint,
  type Hash,
  type NoteKey,
  type VerifyEd25519,
} from "@tollhouse/ledger";
import type { LedgerVerified } from "@tollhouse/contract/control-client";
import { CommandFailed } from "../exit-codes.ts";

/** Checks an export with a public key alone: the verifier of packages/ledger, and nothing that a server says. */

export const sha256: Hash = (bytes) => createHash("sha256").update(bytes).digest();

/** SubjectPublicKeyInfo of Ed25519 (RFC 8410) up to the key's own bytes. */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) =>
  verify(
    null,
    message,
    createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: "der", type: "spki" }),
    signature,
  );

/** The word of a public key, or a file that holds it. */
export function readKey(given: string): NoteKey {
  const text = existsSync(given) ? readFileSync(given, "utf8") : given;
  return orUsage("--key", () => parseVerifierKey(sha256, text.trim()));
}

export function readPin(file: string, key: NoteKey): Checkpoint {
  return orUsage("--pin", () => openCheckpoint({ sha256, verify: verifyEd25519 }, readFileOf("--pin", file), key));
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

export interface Trusted {
  readonly key: NoteKey;
  readonly pin: Checkpoint | null;
}

/** The lines of an export, one after the other, in constant memory. `seen`: after each, how many there were. */
export async function verifyLines(
  lines: AsyncIterable<string>,
  { key, pin }: Trusted,
  seen: (lines: number) => void,
): Promise<LedgerVerified> {
  const verifier = new ExportVerifier({ sha256, verify: verifyEd25519, key, ...(pin !== null && { pin }) });
  let count = 0;
  for await (const line of lines) {
    verifier.push(line);
    count += 1;
    if (count % 1_000 === 0) seen(count);
  }
  const { result, tail, provenTo, entries, checkpoints, firstBadSequence, problem } = verifier.end();
  return { result, tail, proven_to: provenTo, entries, checkpoints, first_bad_sequence: firstBadSequence, problem };
}

export function linesOf(stream: Readable): AsyncIterable<string> {
  return createInterface({ input: stream, crlfDelay: Infinity });
}

export function openExport(file: string): Readable {
  if (!existsSync(file)) throw new CommandFailed("missing", `there is no file ${file}`);
  return createReadStream(file);
}
