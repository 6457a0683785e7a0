import { entryHash, entryMac, genesisHash, type Hash, rotationMac } from "./chain.ts";
import { encodeBody, ENTRY_FLAGS, type Entry, type EntryType } from "./entry.ts";
import { encodeFields, type EntryFields } from "./fields.ts";
import type { StoredEntry } from "./verify.ts";

/** What a chain is hashed with; the key of each id is told to other implementations beside the vectors. */
export interface SampleHashes {
  readonly sha256: Hash;
  readonly hmac: (bytes: Uint8Array, macKeyId: number) => Uint8Array;
}

export const SAMPLE_DEPLOYMENT = "dep-7f3a";
export const SAMPLE_TENANT = bytesFrom(0xa0, 16);
const TIME_US = 1_795_243_800_000_000n;

interface Sample {
  readonly type: EntryType;
  readonly fields: EntryFields;
  readonly over?: Partial<Entry>;
}

/** One entry of every type, every field and every flag at least once, values at the edges of their types. */
const SAMPLES: readonly Sample[] = [
  { type: "genesis", fields: { deployment: SAMPLE_DEPLOYMENT } },
  {
    type: "call_settled",
    over: { flags: ENTRY_FLAGS.streamed, amountNano: 56_400n, usageSource: "reported" },
    fields: {
      environment: "prod",
      provider: "openai",
      model: "gpt-4o-mini",
      endpoint: "chat_completions",
      key: "key_01",
      plan: "pro",
      session: "run-42",
      agent: "sdr-agent",
      feature: "suche-für-käufer",
      service: "web",
      user: bytesFrom(0x10, 32),
      team: "growth",
      customer: "acme",
      usage: { input: 100, input_cache_read: 20, output: 64, output_reasoning: 0 },
      priceVersion: "2026-11-20",
      servedModel: "gpt-4o-mini-2024-07-18",
      tier: "default",
      geo: "eu",
      reserved: 1_000_000n,
      providerCost: 56_400n,
      counters: [
        { limitId: "lim_a", windowId: "lifetime", amount: 56_400n },
        { limitId: "lim_b", windowId: "2026-11-21T06:00Z", amount: 184n },
      ],
      status: 200,
      providerId: "chatcmpl-1",
      latencyMs: 812,
    },
  },
  {
    type: "call_blocked",
    fields: { environment: "prod", model: "gpt-4o", session: "run-42", reason: "BUDGET_EXCEEDED", limit: "lim_a" },
  },
  { type: "call_released", fields: { reason: "UPSTREAM_UNREACHABLE", status: 0, latencyMs: 4_294_967_295 } },
  {
    type: "usage_recorded",
    over: { flags: ENTRY_FLAGS.costUnknown, usageSource: "counted" },
    fields: { model: "local-llm", usage: { character: Number.MAX_SAFE_INTEGER } },
  },
  {
    type: "call_settled",
    over: {
      flags: ENTRY_FLAGS.streamed | ENTRY_FLAGS.cut | ENTRY_FLAGS.overrun | ENTRY_FLAGS.recovered,
      amountNano: (1n << 63n) - 1n,
      usageSource: "estimated",
    },
    fields: { doubt: "node stopped before the outcome", usage: {}, counters: [] },
  },
  {
    type: "correction",
    over: { amountNano: -(1n << 63n), refId: entryIdOf(1), usageSource: "unknown" },
    fields: { counters: [{ limitId: "lim_a", windowId: "lifetime", amount: -400n }], providerCost: -1n },
  },
  {
    type: "admin_action",
    fields: {
      actor: "admin",
      action: "limit.update",
      subject: "lim_a",
      before: '{"amount":"10.000000000"}',
      after: '{"amount":"25.000000000"}',
    },
  },
  { type: "key_rotation", fields: { nextMacKeyId: 2 } },
  { type: "erasure", over: { macKeyId: 2 }, fields: { actor: "admin", user: bytesFrom(0x10, 32) } },
  {
    type: "blocked_summary",
    over: { macKeyId: 2 },
    fields: {
      blocked: [
        { name: "BUDGET_EXCEEDED", count: 1_204 },
        { name: "RATE_LIMITED", count: 4_294_967_295 },
      ],
      sinceUs: TIME_US,
    },
  },
  { type: "call_blocked", over: { macKeyId: 2 }, fields: { session: "" } },
  {
    type: "call_blocked",
    over: { macKeyId: 2 },
    fields: {
      session: "run-42",
      user: bytesFrom(0x10, 32),
      reason: "BUDGET_EXCEEDED",
      limit: "lim_a",
      limits: [
        {
          limitId: "lim_a",
          scope: "session",
          measure: "usd",
          window: "lifetime",
          mode: "hard",
          version: 3,
          endsUs: null,
          amount: 10_000_000_000n,
          settled: 7_500_000_000n,
          reserved: 0n,
        },
        {
          limitId: "lim_b",
          scope: "user",
          measure: "tokens",
          window: "hour",
          mode: "soft",
          version: 4_294_967_295,
          endsUs: TIME_US + 3_600_000_000n,
          amount: (1n << 63n) - 1n,
          settled: -1n,
          reserved: 64n,
        },
      ],
      required: 5_000_000_000n,
      policy: '{"values":[["caps.cost","pol_019aa3b0",2]],"checks":[[6,"cost","blocked"]]}',
    },
  },
  {
    type: "call_settled",
    over: {
      macKeyId: 2,
      flags: ENTRY_FLAGS.swept | ENTRY_FLAGS.recovered,
      amountNano: 1_000_000n,
      usageSource: "estimated",
    },
    fields: {
      environment: "prod",
      usage: { output: 500 },
      reserved: 1_000_000n,
      counters: [{ limitId: "lim_a", windowId: "lifetime", amount: 1_000_000n }],
      doubt: "its node did not come back",
    },
  },
  {
    type: "correction",
    over: {
      macKeyId: 2,
      flags: ENTRY_FLAGS.takenBack,
      amountNano: -1_000_000n,
      entryId: amendedId(13, "e"),
      refId: entryIdOf(13),
      usageSource: "estimated",
    },
    fields: {
      environment: "prod",
      usage: { output: 500 },
      reserved: 1_000_000n,
      counters: [{ limitId: "lim_a", windowId: "lifetime", amount: -1_000_000n }],
      doubt: "its node did not come back",
    },
  },
  {
    type: "correction",
    over: {
      macKeyId: 2,
      flags: ENTRY_FLAGS.restated | ENTRY_FLAGS.streamed,
      amountNano: 56_400n,
      entryId: amendedId(13, "f"),
      refId: entryIdOf(13),
      usageSource: "reported",
    },
    fields: {
      environment: "prod",
      provider: "openai",
      model: "gpt-4o-mini",
      usage: { input: 100, output: 64 },
      reserved: 1_000_000n,
      counters: [{ limitId: "lim_a", windowId: "lifetime", amount: 56_400n }],
      status: 200,
    },
  },
];

/**
 * A chain of `length` entries that verifies: the samples in order (a genesis and a key rotation only once). The golden
 * vectors are its first entries; the tests of `verify.ts` damage longer ones.
 */
export function sampleChain(hashes: SampleHashes, length: number, tenant: Uint8Array = SAMPLE_TENANT): StoredEntry[] {
  const chain: StoredEntry[] = [];
  let previousHash = genesisHash(hashes.sha256, SAMPLE_DEPLOYMENT, tenant);
  for (let i = 0; i < length; i++) {
    const entry = sampleEntry(hashes, i, tenant, previousHash);
    const body = encodeBody(entry);
    const hash = entryHash(hashes.sha256, previousHash, body);
    const mac = entryMac((bytes) => hashes.hmac(bytes, entry.macKeyId), tenant, entry.sequence, hash);
    chain.push({ sequence: entry.sequence, body, entryHash: hash, mac });
    previousHash = hash;
  }
  return chain;
}

/** Past the first round every entry is a later sample under the rotated key. */
function sampleEntry(hashes: SampleHashes, i: number, tenant: Uint8Array, previousHash: Uint8Array): Entry {
  const repeated = SAMPLES.filter(({ type }) => type !== "genesis" && type !== "key_rotation");
  const sample = (i < SAMPLES.length ? SAMPLES[i] : repeated[i % repeated.length])!;
  const sequence = BigInt(i + 1);
  const { nextMacKeyId } = sample.fields;
  const nextMac =
    nextMacKeyId === undefined
      ? {}
      : {
          nextMac: rotationMac(
            (bytes) => hashes.hmac(bytes, nextMacKeyId),
            tenant,
            sequence,
            previousHash,
            nextMacKeyId,
          ),
        };
  return {
    type: sample.type,
    flags: 0,
    tenant,
    sequence,
    timeUs: TIME_US + BigInt(i) * 1_000n,
    entryId: entryIdOf(i),
    refId: new Uint8Array(16),
    amountNano: 0n,
    currency: "USD",
    usageSource: "none",
    fields: encodeFields({ ...sample.fields, ...nextMac }),
    ...sample.over,
    macKeyId: i < SAMPLES.length ? (sample.over?.macKeyId ?? 1) : 2,
  };
}

function entryIdOf(i: number): Uint8Array {
  const id = bytesFrom(0x40, 16);
  new DataView(id.buffer).setUint32(12, i);
  return id;
}

/** Id of a correction of entry `i`: with another version of the UUID. */
function amendedId(i: number, version: "e" | "f"): Uint8Array {
  const id = entryIdOf(i);
  id[6] = (Number.parseInt(version, 16) << 4) | (id[6]! & 15);
  return id;
}

function bytesFrom(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
}
