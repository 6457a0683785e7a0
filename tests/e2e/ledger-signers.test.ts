import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExportVerifier, parseVerifierKey } from "@tollhouse/ledger";
import { loadSettings, startTollhouse, type Tollhouse } from "@tollhouse/server";
import { sha256, verifyEd25519 } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  control,
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// One ledger, whose checkpoints are signed by one key after the other: derived, of the environment, of a file, behind a program.

interface Keys {
  readonly key: string;
  readonly earlier: readonly string[];
  readonly signed: readonly { readonly key: string; readonly from_size: number }[];
}

let world: StartedTollhouse;
let running: Tollhouse;
/** What starts so far were told, and go on to be told. */
const env: Record<string, string> = {};
const present: string[] = [];

beforeAll(async () => {
  world = await startedTollhouse();
  running = world.tollhouse;
});
afterAll(async () => {
  await running.stop();
  await world.stop();
});

async function restart(): Promise<void> {
  await running.stop();
  const own = {
    TOLLHOUSE_PORT: "0",
    TOLLHOUSE_DATA_DIR: world.dataDir,
    TOLLHOUSE_ADMIN_KEY: TEST_ADMIN_KEY,
    TOLLHOUSE_MASTER_KEY: "11".repeat(32),
    DATABASE_URL: world.database.url,
    OPENAI_API_KEY: "sk-simulated-openai",
    OPENAI_BASE_URL: `${world.simulator.url}/v1`,
    TOLLHOUSE_EVENT_LOOP_LAG_MS: "0",
    LOG_LEVEL: "error",
    ...env,
  };
  running = await startTollhouse(loadSettings({ env: own, argv: [], yamlText: null, cwd: world.dataDir }));
}

async function call(): Promise<string> {
  const response = await fetch(`${running.address}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": "run-1" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
  });
  await response.text();
  expect(response.status).toBe(200);
  return response.headers.get("x-tollhouse-decision") ?? "";
}

const get = <T>(path: string): Promise<T> => control<T>(running.address, "GET", `/api/v1/${path}`);

async function exported(): Promise<string[]> {
  const headers = { authorization: `Bearer ${TEST_ADMIN_KEY}` };
  const response = await fetch(`${running.address}/api/v1/ledger/export`, { headers });
  expect(response.status).toBe(200);
  return (await response.text()).trimEnd().split("\n");
}

function verified(lines: readonly string[], [own, ...earlier]: readonly string[]) {
  const keyOf = (word: string) => parseVerifierKey(sha256, word);
  const verifier = new ExportVerifier({
    sha256,
    verify: verifyEd25519,
    key: keyOf(own ?? ""),
    earlier: earlier.map(keyOf),
  });
  for (const line of lines) verifier.push(line);
  return verifier.end();
}

/** A call under a new key, which is another than those before it; then everything so far verifies, here and there. */
async function goesOn(): Promise<void> {
  await call();
  const lines = await exported();
  const { key, earlier, signed } = await get<Keys>("ledger/public-key");
  expect(present).not.toContain(key);
  present.push(key);
  expect(earlier).toEqual(expect.arrayContaining(present.slice(0, -1)));
  expect(signed.map((each) => each.key)).toEqual(present);
  expect(verified(lines, [key, ...earlier])).toMatchObject({ result: "PASS" });
  if (earlier.length > 0 && present.length > 1) expect(verified(lines, [key])).toMatchObject({ result: "FAIL" });
  expect(await control(running.address, "POST", "/api/v1/ledger/verify", {})).toMatchObject({ result: "PASS" });
}

const pem = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
const program = `const fs = require("node:fs"), crypto = require("node:crypto");
fs.writeSync(1, crypto.sign(null, fs.readFileSync(0), crypto.createPrivateKey(fs.readFileSync(__dirname + "/remote.pem"))));\n`;

test("a ledger goes on under one signing key after the other, and all of it verifies", async () => {
  await goesOn();
  env["TOLLHOUSE_LEDGER_SIGNING_KEY"] = "33".repeat(32);
  await restart();
  await goesOn();
  writeFileSync(
    join(world.dataDir, "signing.pem"),
    generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }),
    { mode: 0o600 },
  );
  env["TOLLHOUSE_LEDGER_SIGNING_KEY_FILE"] = "signing.pem";
  await restart();
  await goesOn();
  writeFileSync(join(world.dataDir, "remote.pem"), pem, { mode: 0o600 });
  writeFileSync(join(world.dataDir, "sign.cjs"), program);
  const publicKey = createPublicKey(createPrivateKey(pem)).export({ format: "der", type: "spki" }).toString("base64");
  env["TOLLHOUSE_LEDGER_SIGNING_COMMAND"] = `${process.execPath} ${join(world.dataDir, "sign.cjs")}`;
  env["TOLLHOUSE_LEDGER_PUBLIC_KEYS"] = publicKey;
  await restart();
  await goesOn();
});

test("while the key cannot be reached calls go on, it is said, and what was signed is still exported; then all of it is signed", async () => {
  const away = join(world.dataDir, "remote.pem");
  renameSync(away, `${away}.away`);
  const before = await exported();
  const decision = await call();
  await running.recorded();
  const headers = { authorization: `Bearer ${TEST_ADMIN_KEY}` };
  expect((await fetch(`${running.address}/api/v1/calls/${decision}/receipt`, { headers })).status).toBe(404);
  const { key, earlier } = await get<Keys>("ledger/public-key");
  expect(verified(await exported(), [key, ...earlier])).toMatchObject({
    result: "PASS",
    entries: verified(before, [key, ...earlier]).entries,
  });
  expect(await get("system")).toMatchObject({
    ledger: { chains_not_signed: 1, problem: expect.stringMatching(/^the signing command: it ended with 1: /) },
  });
  expect(await (await fetch(`${running.address}/metrics`, { headers })).text()).toContain(
    "\ntollhouse_ledger_chains_not_signed 1\n",
  );
  expect((await fetch(`${running.address}/ready`)).status).toBe(200);
  await call();
  renameSync(`${away}.away`, away);
  expect((await fetch(`${running.address}/api/v1/calls/${decision}/receipt`, { headers })).status).toBe(200);
  expect(verified(await exported(), [key, ...earlier])).toMatchObject({ result: "PASS", tail: "NOT PROVEN" });
  expect(await get("system")).toMatchObject({ ledger: { chains_not_signed: 0, problem: null } });
});

test("a command that signs with another key than it is said to have signs nothing", async () => {
  const away = join(world.dataDir, "remote.pem");
  writeFileSync(away, generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }), {
    mode: 0o600,
  });
  await call();
  await running.recorded();
  const { key, earlier } = await get<Keys>("ledger/public-key");
  expect(verified(await exported(), [key, ...earlier])).toMatchObject({ result: "PASS" });
  expect(await get("system")).toMatchObject({
    ledger: { chains_not_signed: 1, problem: expect.stringMatching(/is not good/) },
  });
});
