import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { ED25519, noteKeyId, openCheckpoint, parseNote } from "@tollhouse/ledger";
import type { Checkpoint, NoteKey, VerifyEd25519 } from "@tollhouse/ledger";
import { deriveKey } from "../keys/derive-key.ts";
import { sha256 } from "./ledger-keys.ts";

/**
 * Signs the checkpoints of every chain. An implementation may ask a key service: it MUST sign exactly the bytes it is given, with
 * Ed25519 (RFC 8032), and reject where it cannot; nothing is published unsigned.
 */
export interface CheckpointSigner {
  /** Of this chain: the key that signs first, then those that signed earlier and still verify. Never empty. */
  keys(chain: Chain): readonly [NoteKey, ...NoteKey[]];
  sign(chain: Chain, message: Uint8Array): Promise<Uint8Array>;
}

export interface Chain {
  /** 32 hex digits. */
  readonly tenant: string;
  /** Name of the chain, and of its key in a note. */
  readonly origin: string;
}

/** A key that is elsewhere: in a key service, in a module, behind a program. */
export interface RemoteKey {
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array;
  /** MUST sign exactly these bytes (RFC 8032: 64 bytes), and reject where it cannot. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

export interface SignerParts {
  /** 32 bytes: without any other, each tenant's key is derived of it. */
  readonly masterKey: Uint8Array;
  /** Ed25519 seeds of 32 bytes for all tenants: the first signs, unless there is a remote key; the others signed earlier. */
  readonly seeds: readonly Uint8Array[];
  /** Signs before any other. */
  readonly remote?: RemoteKey;
  /** Public keys of those that signed earlier, 32 bytes each. */
  readonly earlier?: readonly Uint8Array[];
}

const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

export const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) =>
  verify(
    null,
    message,
    createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: "der", type: "spki" }),
    signature,
  );

/**
 * The remote key, else the first seed, else a derived one. All the others are among those that verify, the derived one always: whoever
 * changes the key keeps the past.
 */
export function checkpointSigner({ masterKey, seeds, remote, earlier = [] }: SignerParts): CheckpointSigner {
  const given = seeds.map(privateKey);
  const derived = new Map<string, KeyObject>();
  const own = (tenant: string): KeyObject => {
    const known = derived.get(tenant);
    if (known !== undefined) return known;
    const key = privateKey(deriveKey(masterKey, "ledger-checkpoint", tenant));
    derived.set(tenant, key);
    return key;
  };
  return {
    keys: ({ tenant, origin }) => {
      const raw = [
        ...(remote === undefined ? [] : [remote.publicKey]),
        ...[...given, own(tenant)].map(publicKeyOf),
        ...earlier,
      ];
      return raw.map((publicKey) => ({ name: origin, algorithm: ED25519, publicKey })) as [NoteKey, ...NoteKey[]];
    },
    sign: ({ tenant }, message) =>
      remote?.sign(message) ?? Promise.resolve(sign(null, message, given[0] ?? own(tenant))),
  };
}

/** The checkpoint in a note that one of these keys signed. Throws LedgerFormatError. */
export function openWithAny(note: string, keys: readonly [NoteKey, ...NoteKey[]]): Checkpoint {
  const { signatures } = parseNote(note);
  // Who says that it signed: to open it is to verify that, which takes as long as fifty entries.
  const signer = keys.find((key) => {
    const keyId = noteKeyId(sha256, key);
    return signatures.some((line) => line.name === key.name && line.keyId === keyId);
  });
  return openCheckpoint({ sha256, verify: verifyEd25519 }, note, signer ?? keys[0]);
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
}

function publicKeyOf(key: KeyObject): Uint8Array {
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return spki.subarray(SPKI_HEAD.length);
}
