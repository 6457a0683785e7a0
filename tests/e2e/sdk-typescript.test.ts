import { createHash, createPublicKey, verify as verifySignature } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseVerifierKey, verifyReceipt, type Trust } from "@tollhouse/ledger";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { Tollhouse, TollhouseError } from "../../sdks/typescript/src/index.ts";

// A backend that calls its provider itself, with the TypeScript SDK around the call.

let world: StartedTollhouse;
let folder: string;
let tollhouse: Tollhouse;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-sdk-"));
  world = await startedTollhouse({ env: { DEFAULT_BUDGET: "1.00" } });
  tollhouse = new Tollhouse({ url: `${world.url}/`, key: await keyWith(["call", "record", "read"]) });
});
afterAll(async () => {
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

async function keyWith(permissions: readonly string[]): Promise<string> {
  return (await world.control<{ key: string }>("POST", "/api/v1/keys", { name: "a backend", permissions })).key;
}

const CALL = { provider: "openai", model: "gpt-4o-mini", session: "run-42" } as const;
const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };

async function recorded(session: string): Promise<string> {
  const check = await tollhouse.check({ ...CALL, session, input_tokens: 100, max_output_tokens: 50, reserve: true });
  expect(check).toMatchObject({ allowed: true, reason_code: null });
  await tollhouse.record({ decision_id: check.decision_id, usage: USAGE });
  return check.decision_id;
}

/** With public keys alone, as an auditor would. */
async function trust(): Promise<Trust> {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const { key } = await world.control<{ key: string }>("GET", "/api/v1/ledger/public-key");
  return {
    sha256,
    key: parseVerifierKey(sha256, key),
    verify: (publicKey, message, signature) =>
      verifySignature(
        null,
        message,
        createPublicKey({
          key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") },
          format: "jwk",
        }),
        signature,
      ),
  };
}

test("a call is checked, made, recorded at what it used, and holds nothing any more", async () => {
  const check = await tollhouse.check({ ...CALL, input_tokens: 100, max_output_tokens: 50, reserve: true });
  expect(check.reservation?.amount).toBe(check.estimate.cost);
  expect(await tollhouse.record({ decision_id: check.decision_id, usage: USAGE })).toMatchObject({
    recorded: true,
    decision_id: check.decision_id,
    outcome: "settled",
    usage: { input: 100, output: 20 },
    cost: "0.000027000",
  });
  const after = await tollhouse.check({ ...CALL, input_tokens: 1, max_output_tokens: 1 });
  expect(after.limit_state).toMatchObject({ settled: "0.000027000", reserved: "0.000000000" });
});

test("what no budget pays is an answer and not an error", async () => {
  const check = await tollhouse.check({
    ...CALL,
    session: "poor",
    input_tokens: 1,
    estimated_cost: "2.00",
    reserve: true,
  });
  expect(check).toMatchObject({ allowed: false, reason_code: "BUDGET_EXCEEDED", reservation: null });
});

test("a receipt is saved as a tlog-proof that public keys alone check, and never over a file that is there", async () => {
  const decision = await recorded("receipts");
  const file = join(folder, "call.tlog-proof");
  const receipt = await tollhouse.saveReceipt(decision, file);
  const text = await readFile(file, "utf8");
  expect(text).toBe(receipt.tlog_proof);
  const proven = verifyReceipt(await trust(), text);
  expect(`dec_${Buffer.from(proven.entry.entryId).toString("hex")}`).toBe(decision);

  await writeFile(file, "of somebody else");
  await expect(tollhouse.saveReceipt(decision, file)).rejects.toMatchObject({ code: "EEXIST" });
  expect(await readFile(file, "utf8")).toBe("of somebody else");
});

test("a refusal names its reason, the field and what was expected, and tells no key", async () => {
  const refused = async (work: Promise<unknown>): Promise<TollhouseError> => {
    const error = await work.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TollhouseError);
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain("th_");
    return error as TollhouseError;
  };
  const wrong = await refused(tollhouse.check({ ...CALL, input_tokens: -1 }));
  expect(wrong).toMatchObject({ status: 400, errors: [{ field: "input_tokens", problem: "expected 0 or above" }] });
  expect(wrong.message).toContain("input_tokens: expected 0 or above");
  const unknown = await refused(tollhouse.receipt(`dec_${"0".repeat(32)}`));
  expect(unknown.status).toBe(404);
  expect(unknown.reasonCode).not.toBeNull();
  const reader = new Tollhouse({ url: world.url, key: await keyWith(["read"]) });
  expect((await refused(reader.check({ ...CALL, input_tokens: 1 }))).status).toBe(403);
  const stranger = new Tollhouse({ url: world.url, key: "th_live_nobody" });
  expect((await refused(stranger.check({ ...CALL, input_tokens: 1 }))).status).toBe(401);
});

test("who is no Tollhouse, sends elsewhere, says nothing or is not there is told apart from a refusal", async () => {
  const server: Server = createServer((request, response) => {
    if (request.url === "/sdk/record") return void response.writeHead(302, { location: world.url }).end();
    if (request.url === "/sdk/log") return;
    response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const other = new Tollhouse({ url, key: "th_live_x", timeoutMs: 300 });
  await expect(other.check({ ...CALL, input_tokens: 1 })).rejects.toMatchObject({ status: 200, reasonCode: null });
  await expect(other.record({ provider: "openai" })).rejects.toMatchObject({ status: null });
  await expect(other.log({ provider: "openai" })).rejects.toMatchObject({ status: null });
  await new Promise((resolve) => server.close(resolve).closeAllConnections());
  await expect(other.check({ ...CALL, input_tokens: 1 })).rejects.toMatchObject({ status: null, reasonCode: null });
});

test("options that cannot work are named", () => {
  expect(() => new Tollhouse({ url: "127.0.0.1:8787", key: "k" })).toThrow(/url/);
  expect(() => new Tollhouse({ url: "http://127.0.0.1", key: "" })).toThrow(/key/);
  expect(() => new Tollhouse({ url: "http://127.0.0.1", key: "k", timeoutMs: 0 })).toThrow(/timeoutMs/);
});
