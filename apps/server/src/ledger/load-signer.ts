import { createPrivateKey } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { checkpointSigner, StartRefused, type CheckpointSigner } from "@tollhouse/store";
import { readSeeds } from "../setting-text.ts";
import type { Settings } from "../settings.ts";
import { signingCommand } from "./signing-command.ts";

export type SignerSettings = Pick<
  Settings,
  "ledgerSigningKeys" | "ledgerSigningKeyFile" | "ledgerSigningCommand" | "ledgerPublicKeys"
>;

/** What a signing command has no use for, and must not read. */
const NOT_FOR_OTHERS = /^TOLLHOUSE_|^DATABASE_URL$|^REDIS_URL$|_API_KEY$/;
const OTHERS_MAY_READ = 0o007;
const PEM = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g;
const SEED_BYTES = 32;

/**
 * Who signs checkpoints: the command, else the first key of the file, else that of the environment, else one derived of the master key for
 * each tenant. Those that do not sign verify what they signed. Throws StartRefused: a key that is not there must not become another one.
 */
export function loadSigner(settings: SignerSettings, masterKey: Uint8Array, env = process.env): CheckpointSigner {
  const { ledgerSigningKeys, ledgerSigningKeyFile, ledgerSigningCommand: command, ledgerPublicKeys } = settings;
  const seeds = [...(ledgerSigningKeyFile === null ? [] : seedsIn(ledgerSigningKeyFile)), ...(ledgerSigningKeys ?? [])];
  if (command === null) return checkpointSigner({ masterKey, seeds, earlier: ledgerPublicKeys ?? [] });
  const [publicKey, ...earlier] = ledgerPublicKeys ?? [];
  if (publicKey === undefined) throw new Error("the settings allow no signing command without its public key");
  const theirs = Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_FOR_OTHERS.test(name)));
  const remote = signingCommand({ command, publicKey, env: theirs });
  return checkpointSigner({ masterKey, seeds, remote, earlier });
}

function seedsIn(path: string): readonly Uint8Array[] {
  const refused = (problem: string, cause?: unknown): StartRefused =>
    new StartRefused("SIGNING_KEY_UNUSABLE", `TOLLHOUSE_LEDGER_SIGNING_KEY_FILE: ${problem}`, cause);
  let text: string;
  try {
    if ((statSync(path).mode & OTHERS_MAY_READ) !== 0)
      throw refused("expected a file that others may not read (chmod o-rwx)");
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw cause instanceof StartRefused ? cause : refused("expected a file that can be read", cause);
  }
  try {
    const seeds = text.match(PEM)?.map(seedOf) ?? readSeeds(text.trim());
    if (seeds !== undefined) return seeds;
  } catch {
    // A key of another kind, or none: said below, without what it holds.
  }
  throw refused("expected Ed25519 keys as PEM (PKCS #8), or seeds of 32 bytes as 64 hexadecimal digits or base64");
}

/** The last bytes of PKCS #8 for Ed25519 (RFC 8410). */
function seedOf(pem: string): Uint8Array {
  const key = createPrivateKey(pem);
  if (key.asymmetricKeyType !== "ed25519") throw new Error("no Ed25519 key");
  return key.export({ format: "der", type: "pkcs8" }).subarray(-SEED_BYTES);
}
