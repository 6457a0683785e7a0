import {
  cosignatureSeconds,
  formatNote,
  LedgerFormatError,
  parseNote,
  signaturesOf,
  toBase64,
  type NoteKey,
  type NoteSignature,
} from "@tollhouse/ledger";
import { sha256, verifyEd25519 } from "@tollhouse/store";
import { request } from "undici";

/** Somebody else's witness (c2sp.org/tlog-witness), as the settings name it. */
export interface Witness {
  /** Its submission prefix, without a slash at its end. */
  readonly url: string;
  readonly key: NoteKey;
}

export interface WitnessRequest {
  /** Entries of the checkpoint that it saw last. */
  readonly oldSize: number;
  readonly proof: readonly Uint8Array[];
  /** The note, whoever signed it besides. */
  readonly note: string;
}

export type WitnessAnswer =
  | { readonly is: "cosigned"; readonly line: string }
  /** It saw another size last. */
  | { readonly is: "elsewhere"; readonly size: number };

/** The witness saw a chain that this one does not continue: one of the two was rewritten, or cut. */
export class WitnessDisagrees extends Error {
  override readonly name = "WitnessDisagrees";
}

const ANSWER_MS = 15_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * Asks a witness to cosign, once. What it answers is checked before it is given: its signature, under its key, of this very checkpoint.
 * Follows no redirect. Throws WitnessDisagrees, and an Error that says what it answered.
 */
export async function askWitness(
  { url, key }: Witness,
  { oldSize, proof, note }: WitnessRequest,
  signal: AbortSignal,
): Promise<WitnessAnswer> {
  const lines = [`old ${oldSize}`, ...proof.map(toBase64)];
  const { statusCode, headers, body } = await request(`${url}/add-checkpoint`, {
    method: "POST",
    headers: { "content-type": "text/plain; charset=utf-8" },
    body: `${lines.join("\n")}\n\n${note}`,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  const text = await readAtMost(body);
  if (statusCode === 200) return { is: "cosigned", line: cosignatureIn(text, note, key) };
  if (statusCode === 409) return { is: "elsewhere", size: sizeIn(text, String(headers["content-type"] ?? "")) };
  if (statusCode === 422)
    throw new WitnessDisagrees(`it refuses the proof that the ledger continues what it saw, ${oldSize} entries`);
  if (statusCode === 404) throw new Error("it answered 404: its operator has not been told of this ledger's origin");
  throw new Error(`it answered ${statusCode}`);
}

async function readAtMost(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`its answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** The line of the key that we know; signatures of others beside it are not ours to judge, and not taken. */
function cosignatureIn(answer: string, note: string, key: NoteKey): string {
  try {
    const { text } = parseNote(note);
    const { signatures } = parseNote(`${text}\n${answer}`);
    const [own] = signaturesOf({ sha256, verify: verifyEd25519 }, { text, signatures }, key);
    if (own === undefined) throw new Error(`its answer has no cosignature of ${key.name} with the key that we know`);
    if (cosignatureSeconds(own.signature) === 0n) throw new Error("its cosignature says no time");
    return lineOf(own);
  } catch (cause) {
    if (!(cause instanceof LedgerFormatError)) throw cause;
    throw new Error(`its answer is no cosignature of this checkpoint: ${cause.message}`, { cause });
  }
}

function lineOf(signature: NoteSignature): string {
  return formatNote({ text: "", signatures: [signature] }).slice(1);
}

function sizeIn(answer: string, type: string): number {
  const [, size] = /^(0|[1-9]\d{0,15})\n$/.exec(answer) ?? [];
  if (size === undefined || !Number.isSafeInteger(Number(size)) || type.split(";", 1)[0]?.trim() !== "text/x.tlog.size")
    throw new Error("it answered 409 without the size that it saw last");
  return Number(size);
}
