import { execFile } from "node:child_process";
import type { RemoteKey } from "@tollhouse/store";

export interface SigningCommand {
  /** Program and arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** What the program is given of our environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A key service that does not answer is tried again with the next checkpoint. */
  readonly answerMs?: number;
}

const ANSWER_MS = 15_000;
const ANSWER_BYTES_MAX = 64 * 1024;
/** Programs at once: a thousand tenants are no reason for a thousand processes. */
const AT_ONCE = 4;
const SIGNATURE_BYTES = 64;
const SAID_LENGTH_MAX = 300;

/**
 * Has a program sign: it reads the message from its standard input, and writes the signature to its standard output, as 64 bytes or as
 * base64. What it writes is checked by whoever asked, under the public key.
 */
export function signingCommand({ command, publicKey, env, answerMs = ANSWER_MS }: SigningCommand): RemoteKey {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    publicKey,
    async sign(message) {
      if (running === AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await signed({ command, env, answerMs }, message);
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}

function signed(
  { command: [program, ...args], env, answerMs }: Required<Omit<SigningCommand, "publicKey">>,
  message: Uint8Array,
): Promise<Uint8Array> {
  const options = { env, timeout: answerMs, killSignal: "SIGKILL", maxBuffer: ANSWER_BYTES_MAX } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { ...options, encoding: "buffer" }, (error, stdout, stderr) => {
      const signature = error === null ? signatureIn(stdout) : null;
      if (signature !== null) return resolve(signature);
      const why = error === null ? "it wrote no signature of 64 bytes" : reasonOf(error);
      const said = stderr.toString("utf8").trim().slice(0, SAID_LENGTH_MAX);
      reject(new Error(`the signing command: ${why}${said === "" ? "" : `: ${said}`}`));
    });
    // One that does not read to the end says so by how it ends.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(message);
  });
}

function signatureIn(stdout: Buffer): Uint8Array | null {
  if (stdout.length === SIGNATURE_BYTES) return stdout;
  const text = stdout.toString("latin1").trim();
  const bytes = /^[A-Za-z0-9+/]{86}==$/.test(text) ? Buffer.from(text, "base64") : null;
  return bytes?.length === SIGNATURE_BYTES ? bytes : null;
}

function reasonOf(
  error: Error & { readonly code?: unknown; readonly killed?: boolean; readonly signal?: unknown },
): string {
  if (error.code === "ENOENT") return "there is no such program";
  if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") return `it wrote more than ${ANSWER_BYTES_MAX} bytes`;
  if (error.killed === true) return `it did not end in time`;
  return typeof error.code === "number"
    ? `it ended with ${error.code}`
    : `it ended by ${String(error.signal ?? error.code)}`;
}
