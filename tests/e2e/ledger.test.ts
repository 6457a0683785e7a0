import { createHash } from "node:crypto";
import {
  entryHash,
  fromBase64,
  leafHash,
  openCheckpoint,
  parseTlogProof,
  parseVerifierKey,
  verifyConsistency,
  verifyInclusion,
} from "@tollhouse/ledger";
import { verifyEd25519 } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// The ledger as an outsider meets it: a public key, checkpoints, proofs, an export.

interface Verified {
  readonly result: string;
  readonly tail: string;
  readonly proven_to: number | null;
  readonly entries: number;
  readonly checkpoints: number;
  readonly first_bad_sequence: number | null;
  readonly problem: string | null;
}
interface Receipt {
  readonly decision: string;
  readonly sequence: number;
  readonly entry: { readonly body: string; readonly previous_hash: string; readonly entry_hash: string };
  readonly proof: readonly string[];
  readonly checkpoint: string;
  readonly tlog_proof: string;
}
interface Consistency {
  readonly from: number;
  readonly from_root: string;
  readonly to: number;
  readonly to_root: string;
  readonly proof: readonly string[];
  readonly checkpoint: string;
}

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const means = { sha256, verify: verifyEd25519 };
const bytes = (hex: string): Uint8Array => Buffer.from(hex, "hex");

let world: StartedTollhouse;
let publicKey: ReturnType<typeof parseVerifierKey>;
const decisions: string[] = [];
beforeAll(async () => {
  world = await startedTollhouse();
  await call(20);
  const { key } = await world.control<{ key: string }>("GET", "/api/v1/ledger/public-key");
  publicKey = parseVerifierKey(sha256, key);
});
afterAll(() => world.stop());

async function call(times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    const response = await fetch(`${world.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-session-id": `run-${n}` },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 }),
    });
    await response.text();
    decisions.push(response.headers.get("x-tollhouse-decision") ?? "");
  }
}

async function text(path: string): Promise<string> {
  const response = await fetch(`${world.url}${path}`, { headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` } });
  expect(response.status).toBe(200);
  return response.text();
}

const verify = (body: object = {}): Promise<Verified> => world.control("POST", "/api/v1/ledger/verify", body);

test("a receipt proves with the public key alone that the call is in the ledger, also right after the call", async () => {
  await call(1);
  const decision = decisions.at(-1) as string;
  const receipt = await world.control<Receipt>("GET", `/api/v1/calls/${decision}/receipt`);
  const body = fromBase64(receipt.entry.body) as Uint8Array;
  expect(Buffer.from(body.subarray(36, 52)).toString("hex")).toBe(decision.replace("dec_", ""));
  const hash = entryHash(sha256, bytes(receipt.entry.previous_hash), body);
  expect(Buffer.from(hash).toString("hex")).toBe(receipt.entry.entry_hash);
  const head = openCheckpoint(means, receipt.checkpoint, publicKey);
  const claim = { leaf: leafHash(sha256, hash), index: receipt.sequence - 1, ...head };
  expect(verifyInclusion(sha256, { ...claim, proof: receipt.proof.map(bytes) })).toBe(true);

  const file = parseTlogProof(receipt.tlog_proof);
  expect(Buffer.from(file.extra ?? []).equals(Buffer.concat([bytes(receipt.entry.previous_hash), body]))).toBe(true);
  expect(verifyInclusion(sha256, { ...claim, proof: file.hashes })).toBe(true);
  expect([file.index, file.checkpoint]).toEqual([receipt.sequence - 1, receipt.checkpoint]);
});

test("checkpoints are published as signed notes, listed, and proven to be of one growing chain", async () => {
  await world.control("GET", `/api/v1/calls/${decisions.at(-1)}/receipt`);
  const first = openCheckpoint(means, await text("/api/v1/ledger/checkpoint"), publicKey);
  await call(3);
  await world.control("GET", `/api/v1/calls/${decisions.at(-1)}/receipt`);
  const second = openCheckpoint(means, await text("/api/v1/ledger/checkpoint"), publicKey);
  expect(second.size).toBe(first.size + 3);
  const { checkpoints } = await world.control<{ checkpoints: { size: number; note: string }[] }>(
    "GET",
    "/api/v1/ledger/checkpoints?limit=2",
  );
  expect(checkpoints.map(({ size }) => size)).toEqual([second.size, first.size]);
  const path = `/api/v1/ledger/consistency?from=${first.size}&to=${second.size}`;
  const { proof, ...said } = await world.control<Consistency>("GET", path);
  expect([said.from_root, said.to_root].map(bytes).map((root) => Buffer.from(root))).toEqual([
    Buffer.from(first.root),
    Buffer.from(second.root),
  ]);
  const claim = { from: first.size, to: second.size, fromRoot: first.root, toRoot: second.root };
  expect(verifyConsistency(sha256, { ...claim, proof: proof.map(bytes) })).toBe(true);
});

test("verify names what a pin proves, and that without one the tail is not proven", async () => {
  const pin = await text("/api/v1/ledger/checkpoint");
  const { size } = openCheckpoint(means, pin, publicKey);
  expect(await verify()).toMatchObject({ result: "PASS", tail: "NOT PROVEN", proven_to: null, problem: null });
  const pinned = await verify({ pin });
  expect(pinned).toMatchObject({ result: "PASS", tail: "PROVEN", proven_to: size, first_bad_sequence: null });
  expect(pinned.checkpoints).toBeGreaterThan(0);
});

test.each([
  ["no checkpoint", "hello"],
  ["a checkpoint of another key", "x\n1\nAAAA\n\n\u2014 x AAAAAAAA\n"],
])("a pin that is %s is refused by name", async (_, pin) => {
  await expect(verify({ pin })).rejects.toThrow(/400.*pin: expected a checkpoint of this ledger/);
});

test("a pin outside of the range, sizes and sequences that are not there: refused by name", async () => {
  const pin = await text("/api/v1/ledger/checkpoint");
  await expect(verify({ pin, to: 2 })).rejects.toThrow(/400.*pin: expected a range/);
  await expect(text("/api/v1/ledger/consistency?from=0")).rejects.toThrow();
  for (const [path, problem] of [
    ["/api/v1/ledger/consistency?from=0", /400.*from/],
    ["/api/v1/ledger/consistency?from=999999", /400.*from: expected a size of at most/],
    ["/api/v1/ledger/consistency?from=1&to=999999", /404/],
    ["/api/v1/ledger/export?from=999999", /400.*from: expected a sequence of at most/],
    ["/api/v1/ledger/export?from=zero", /400.*from: expected a sequence number/],
    [`/api/v1/calls/dec_${"0".repeat(32)}/receipt`, /404/],
  ] as const)
    await expect(world.control("GET", path), path).rejects.toThrow(problem);
});

test("an export has the bytes of every entry, goes on where it stopped, and says where it ends", async () => {
  const whole = (await text("/api/v1/ledger/export"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as object);
  const head = whole[0] as { from: number; to: number; previous_hash: string };
  const entries = whole.filter((line) => "sequence" in line) as {
    sequence: number;
    body: string;
    entry_hash: string;
  }[];
  expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: head.to }, (_, i) => i + 1));
  expect(whole.at(-1)).toEqual({ end: true, entries: head.to });
  expect(whole.filter((line) => "checkpoint" in line).length).toBeGreaterThan(0);
  let previous = bytes(head.previous_hash);
  for (const entry of entries) {
    previous = entryHash(sha256, previous, fromBase64(entry.body) as Uint8Array);
    expect(Buffer.from(previous).toString("hex")).toBe(entry.entry_hash);
  }
  const rest = (await text("/api/v1/ledger/export?from=11&to=15")).trimEnd().split("\n");
  expect(rest.slice(1, 6).map((line) => JSON.parse(line) as object)).toEqual(entries.slice(10, 15));
  expect(JSON.parse(rest[0] as string)).toMatchObject({ previous_hash: entries[9]?.entry_hash, from: 11, to: 15 });
});
