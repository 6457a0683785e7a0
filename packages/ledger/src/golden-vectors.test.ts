import { createHash, createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { genesisHash } from "./chain.ts";
import { decodeBody, type Entry } from "./entry.ts";
import { decodeFields, FIELDS } from "./fields.ts";
import { SAMPLE_DEPLOYMENT, SAMPLE_TENANT, sampleChain } from "./sample-chain.ts";

const FILE = new URL("../../contract/vectors/ledger-entries.json", import.meta.url);
const KEYS = { 1: "11".repeat(32), 2: "22".repeat(32) };

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const hmac = (bytes: Uint8Array, id: number): Uint8Array =>
  createHmac("sha256", Buffer.from(KEYS[id as 1 | 2], "hex"))
    .update(bytes)
    .digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Integers beyond 53 bits are decimal strings, bytes are hex: readable in any language. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, readable(part)]));
  return value;
}

function describe(entry: Entry): unknown {
  return readable({ ...entry, fields: decodeFields(entry.fields) });
}

function vectors(): unknown {
  const chain = sampleChain({ sha256, hmac }, 16);
  return {
    about:
      "Golden vectors of docs/ledger-format.md: one chain, in order. Bytes in hex, 64-bit integers as decimal strings.",
    deployment: SAMPLE_DEPLOYMENT,
    tenant: hex(SAMPLE_TENANT),
    mac_keys: KEYS,
    genesis_hash: hex(genesisHash(sha256, SAMPLE_DEPLOYMENT, SAMPLE_TENANT)),
    entries: chain.map((stored) => ({
      sequence: stored.sequence.toString(),
      decoded: describe(decodeBody(stored.body)),
      body: hex(stored.body),
      entry_hash: hex(stored.entryHash),
      mac: hex(stored.mac),
    })),
  };
}

// A change of these bytes breaks every chain that exists. Only for new vectors: TOLLHOUSE_WRITE_VECTORS=1.
if (process.env["TOLLHOUSE_WRITE_VECTORS"] === "1") writeFileSync(FILE, `${JSON.stringify(vectors(), null, 2)}\n`);

test("the golden vectors are what this code makes, byte for byte", () => {
  expect(vectors()).toEqual(JSON.parse(readFileSync(FILE, "utf8")));
});

test("the golden vectors show every field and every type", () => {
  const chain = sampleChain({ sha256, hmac }, 16).map((stored) => decodeBody(stored.body));
  const tags = new Set(chain.flatMap((entry) => entry.fields.map(([tag]) => tag)));
  expect(Object.values(FIELDS).filter(({ tag }) => !tags.has(tag))).toEqual([]);
  expect(new Set(chain.map((entry) => entry.type)).size).toBe(10);
});
