import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import {
  cosignedText,
  formatNote,
  fromBase64,
  noteKeyId,
  openCheckpoint,
  parseVerifierKey,
  verifierKey,
  verifyConsistency,
  type Checkpoint,
  type NoteKey,
} from "@tollhouse/ledger";
import { sha256, verifyEd25519 } from "@tollhouse/store";

/** A witness as c2sp.org/tlog-witness has it, over real HTTP: it cosigns one history of each ledger that it was told of, and no other. */
export interface StartedWitness {
  readonly url: string;
  /** Of its public key. */
  readonly word: string;
  /** As `TOLLHOUSE_WITNESSES` names it. */
  readonly setting: string;
  /** Tells it of a ledger, by the word of its key. */
  knows(ledgerKey: string): void;
  /** The sizes that it cosigned, and the statuses that it answered, in their order. */
  readonly cosigned: readonly number[];
  readonly answered: readonly number[];
  /** What it answers instead, once for each; null = nothing, the connection is cut after it has signed. */
  readonly instead: ({ status: number; body?: string; type?: string } | null)[];
  stop(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly type?: string;
}

export async function startedWitness(name: string, now: () => number = Date.now): Promise<StartedWitness> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const key: NoteKey = { name, algorithm: 4, publicKey: raw };
  const ledgers = new Map<string, NoteKey>();
  const latest = new Map<string, Checkpoint>();
  const [cosigned, answered]: [number[], number[]] = [[], []];
  const instead: (Answer | null)[] = [];

  const cosignature = (text: string): string => {
    const seconds = BigInt(Math.floor(now() / 1000));
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(seconds);
    const made = sign(null, Buffer.from(cosignedText(text, seconds)), privateKey);
    return formatNote({
      text: "",
      signatures: [{ name, keyId: noteKeyId(sha256, key), signature: Buffer.concat([time, made]) }],
    }).slice(1);
  };

  const answerTo = (body: string): Answer => {
    const split = body.indexOf("\n\n");
    const [old = "", ...proof] = body.slice(0, split).split("\n");
    const note = body.slice(split + 2);
    const [, oldText] = /^old (0|[1-9]\d*)$/.exec(old) ?? [];
    const hashes = proof.map(fromBase64);
    if (split < 0 || oldText === undefined || hashes.length > 63 || hashes.includes(null)) return { status: 400 };
    const ledger = ledgers.get(note.slice(0, note.indexOf("\n")));
    if (ledger === undefined) return { status: 404 };
    let checkpoint: Checkpoint;
    try {
      checkpoint = openCheckpoint({ sha256, verify: verifyEd25519 }, note, ledger);
    } catch {
      return { status: 403 };
    }
    const { origin, size, root } = checkpoint;
    const from = Number(oldText);
    if (from > size) return { status: 400 };
    const seen = latest.get(origin);
    if (from !== (seen?.size ?? 0)) return { status: 409, body: `${seen?.size ?? 0}\n`, type: "text/x.tlog.size" };
    const fromRoot = seen?.root ?? sha256(Buffer.alloc(0));
    if (!verifyConsistency(sha256, { from, to: size, fromRoot, toRoot: root, proof: hashes as Uint8Array[] }))
      return { status: 422 };
    latest.set(origin, checkpoint);
    cosigned.push(size);
    return { status: 200, body: cosignature(note.slice(0, note.indexOf("\n\n") + 1)) };
  };

  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const isAsked = request.method === "POST" && request.url === "/log/add-checkpoint";
      const [other] = instead.splice(0, 1);
      const own = isAsked && (other === undefined || other === null) ? answerTo(body) : { status: 404 };
      const answer = other ?? own;
      answered.push(answer.status);
      if (other === null) return request.socket.destroy();
      return response.writeHead(answer.status, { "content-type": answer.type ?? "text/plain" }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/log`;
  const word = verifierKey(sha256, key);
  return {
    url,
    word,
    setting: `${url} ${word}`,
    knows: (ledgerKey) => {
      const known = parseVerifierKey(sha256, ledgerKey);
      ledgers.set(known.name, known);
    },
    cosigned,
    answered,
    instead,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}
