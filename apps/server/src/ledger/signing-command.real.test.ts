import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyEd25519 } from "@tollhouse/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSigner, type SignerSettings } from "./load-signer.ts";
import { signingCommand } from "./signing-command.ts";

// Real programs: Node itself, which signs with a key that this process does not hold.

const chain = { tenant: "0".repeat(31) + "1", origin: "tollhouse/a/b" };
const message = Buffer.from("tollhouse/a/b\n1\nroot\n");
const pair = generateKeyPairSync("ed25519");
const publicKey = pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32);
const pem = pair.privateKey.export({ format: "pem", type: "pkcs8" }).toString();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollhouse-signer-"));
  writeFileSync(join(folder, "key.pem"), pem, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that has `message`, `key` and `out`. */
function program(body: string): readonly [string, string] {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.cjs`);
  const head = `const fs = require("node:fs"), crypto = require("node:crypto");
const message = fs.readFileSync(0), key = crypto.createPrivateKey(fs.readFileSync(${JSON.stringify(join(folder, "key.pem"))}));
const out = (bytes) => fs.writeSync(1, bytes);\n`;
  writeFileSync(path, head + body);
  return [process.execPath, path];
}

const remote = (body: string, answerMs?: number) =>
  signingCommand({ command: program(body), publicKey, env: {}, ...(answerMs !== undefined && { answerMs }) });

describe("a signing command", () => {
  test.each([
    ["as bytes", "out(crypto.sign(null, message, key));"],
    ["as base64", 'out(crypto.sign(null, message, key).toString("base64") + "\\n");'],
  ])("signs exactly what it is given, %s", async (_, body) => {
    expect(verifyEd25519(publicKey, message, await remote(body).sign(message))).toBe(true);
  });

  test.each([
    ["that ends with an error", 'fs.writeSync(2, "no session\\n"); process.exit(3);', /: it ended with 3: no session$/],
    ["that writes something else", 'out("OK");', /it wrote no signature of 64 bytes$/],
    ["that writes nothing", "", /it wrote no signature of 64 bytes$/],
    ["that writes on and on", 'out("x".repeat(70000));', /it wrote more than 65536 bytes$/],
    ["that does not end", "setInterval(() => {}, 1000);", /it did not end in time$/],
    ["that kills itself", 'process.kill(process.pid, "SIGTERM");', /it ended by SIGTERM$/],
  ])("%s gives no signature, and says why", async (name, body, why) => {
    await expect(remote(body, name.includes("end") ? 1_500 : 15_000).sign(message)).rejects.toThrow(why);
  });

  test("that is not there, or does not read, says so and harms nothing", async () => {
    const missing = signingCommand({ command: [join(folder, "nothing")], publicKey, env: {} });
    await expect(missing.sign(message)).rejects.toThrow(/there is no such program$/);
    const deaf = signingCommand({ command: ["true"], publicKey, env: process.env });
    await expect(deaf.sign(Buffer.alloc(1_000_000))).rejects.toThrow(/it wrote no signature/);
  });

  test("runs four times at once at most, and goes on after failures", async () => {
    const children = (): number => process.getActiveResourcesInfo().filter((name) => name === "ProcessWrap").length;
    const signer = remote("message[0] === 0 ? process.exit(1) : out(crypto.sign(null, message, key));");
    const before = children();
    const asked = Promise.allSettled(Array.from({ length: 12 }, (_, n) => signer.sign(Buffer.of(n % 3, n))));
    expect(children() - before).toBe(4);
    expect((await asked).filter(({ status }) => status === "fulfilled")).toHaveLength(8);
    expect((await Promise.allSettled([signer.sign(Buffer.of(1))])).map(({ status }) => status)).toEqual(["fulfilled"]);
  });
});

describe("the signer of the settings", () => {
  const none = {
    ledgerSigningKeys: null,
    ledgerSigningKeyFile: null,
    ledgerSigningCommand: null,
    ledgerPublicKeys: null,
  };
  const signer = (settings: Partial<SignerSettings>, env = {}) =>
    loadSigner({ ...none, ...settings }, Buffer.alloc(32, 5), env);
  const seedKey = (fill: number) => signer({ ledgerSigningKeys: [Buffer.alloc(32, fill)] }).keys(chain)[0].publicKey;
  const derived = signer({}).keys(chain)[0].publicKey;
  const publicKeys = (settings: Partial<SignerSettings>) =>
    signer(settings)
      .keys(chain)
      .map((key) => Buffer.from(key.publicKey));

  test("is the command, else the file, else the environment, else a derived key; the others verify", async () => {
    const file = join(folder, "key.pem");
    const env = { ledgerSigningKeys: [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] };
    const gone = Buffer.alloc(32, 9);
    expect(publicKeys({})).toEqual([derived]);
    expect(publicKeys(env)).toEqual([seedKey(1), seedKey(2), derived]);
    expect(publicKeys({ ...env, ledgerSigningKeyFile: file })).toEqual([publicKey, seedKey(1), seedKey(2), derived]);
    expect(publicKeys({ ...env, ledgerPublicKeys: [gone] })).toEqual([seedKey(1), seedKey(2), derived, gone]);
    const command = program("out(crypto.sign(null, message, key));");
    const remotely = { ...env, ledgerSigningCommand: command, ledgerPublicKeys: [publicKey, gone] };
    expect(publicKeys(remotely)).toEqual([publicKey, seedKey(1), seedKey(2), derived, gone]);
    for (const settings of [{}, env, { ...env, ledgerSigningKeyFile: file }, remotely]) {
      const own = signer(settings);
      expect(verifyEd25519(own.keys(chain)[0].publicKey, message, await own.sign(chain, message))).toBe(true);
    }
  });

  test("gives a command our environment, and none of our secrets", async () => {
    const body =
      'const at = Object.keys(process.env).join(); at === "AWS_PROFILE" ? out(crypto.sign(null, message, key)) : (fs.writeSync(2, at), process.exit(1));';
    const env = {
      AWS_PROFILE: "kms",
      TOLLHOUSE_MASTER_KEY: "x",
      DATABASE_URL: "x",
      REDIS_URL: "x",
      OPENAI_API_KEY: "x",
    };
    const own = signer({ ledgerSigningCommand: program(body), ledgerPublicKeys: [publicKey] }, env);
    await expect(own.sign(chain, message)).resolves.toHaveLength(64);
  });

  test("reads a file of seeds, of several keys, and refuses by name one that is none, or that others may read", () => {
    const path = join(folder, "keys");
    const write = (text: string, mode = 0o600): string => {
      writeFileSync(path, text);
      chmodSync(path, mode);
      return path;
    };
    const seedOf = (key: string): Buffer =>
      createPrivateKey(key).export({ format: "der", type: "pkcs8" }).subarray(-32);
    expect(publicKeys({ ledgerSigningKeyFile: write(`${seedOf(pem).toString("hex")}\n`) })[0]).toEqual(publicKey);
    const other = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect(publicKeys({ ledgerSigningKeyFile: write(other + pem) })[1]).toEqual(publicKey);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" });
    for (const text of [String(rsa), "nonsense", "", pem.replace("MC4", "MC5")])
      expect(() => signer({ ledgerSigningKeyFile: write(text) })).toThrow(
        /^TOLLHOUSE_LEDGER_SIGNING_KEY_FILE: expected Ed25519 keys/,
      );
    expect(() => signer({ ledgerSigningKeyFile: write(pem, 0o644) })).toThrow(/others may not read/);
    expect(() => signer({ ledgerSigningKeyFile: join(folder, "nothing") })).toThrow(/expected a file that can be read/);
  });
});
