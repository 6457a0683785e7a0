import { inspect } from "node:util";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  DEFAULT_TENANT,
  listProviderKeys,
  putProviderKey,
  SpoolUnavailable,
  type AdminRecord,
  type Database,
  type StoredProviderKey,
} from "@tollhouse/store";
import { createUpstream, type Upstream } from "../gateway/upstreams.ts";
import type { LogFields } from "../process/logger.ts";
import { loadProviderKeys } from "./load-provider-keys.ts";
import type { ProviderKeyService } from "./provider-key-service.ts";

const OTHER_TENANT = "0".repeat(31) + "9";
const SECRET = "sk-canary-0123456789abcdef";
const upstreams = new Map<string, Upstream>(
  ["openai", "groq"].map((name) => [
    name,
    createUpstream({
      name,
      dialect: "openai",
      baseUrl: "http://127.0.0.1:9/v1",
      apiKey: null,
      auth: "bearer",
      headersTimeoutMs: 1_000,
      chunkTimeoutMs: 1_000,
    }),
  ]),
);

let database: TestDatabase;
let records: AdminRecord[];
let lines: [string, LogFields][];
let hidden: (() => Iterable<string>)[];
/** Throws, to have the spool refuse. */
let whileRecording: () => Promise<void>;

beforeAll(async () => {
  database = await testDatabase();
  await database.db.query("INSERT INTO tenants (id, name) VALUES ($1, 'other')", [OTHER_TENANT]);
  await database.db.query("INSERT INTO environments (tenant, name) VALUES ($1, 'prod')", [OTHER_TENANT]);
});
afterAll(async () => {
  for (const upstream of upstreams.values()) await upstream.pool.destroy();
  await database.drop();
});
beforeEach(async () => {
  await database.db.query("DELETE FROM provider_keys");
  [records, lines, hidden] = [[], [], []];
  whileRecording = () => Promise.resolve();
});

async function load(
  tenant = DEFAULT_TENANT,
  environment = "prod",
  db: Database = database.db,
): Promise<ProviderKeyService> {
  const line = (message: string, fields: LogFields = {}): void => void lines.push([message, fields]);
  const of = await loadProviderKeys({
    db,
    tenant,
    environments: [environment],
    masterKey: Buffer.alloc(32, 7),
    upstreams,
    spool: {
      append: async (record) => {
        await whileRecording();
        records.push(record as AdminRecord);
      },
    },
    logger: { warning: line, error: line, hide: (secrets) => void hidden.push(secrets) },
    now: () => 1_790_000_000_000,
  });
  return of({ tenant, environment });
}

const header = (service: ProviderKeyService, provider = "openai"): string | undefined =>
  service.find(provider)?.credential?.[1];
const stored = (tenant = DEFAULT_TENANT): Promise<StoredProviderKey[]> =>
  listProviderKeys(database.db, { tenant, environment: "prod" });

describe("a sealed secret that SQL moved", () => {
  test("to another tenant is named, and used by neither that tenant nor under that tenant's name", async () => {
    await (await load()).set("openai", SECRET, "admin-key");
    await database.db.query("UPDATE provider_keys SET tenant = $1", [OTHER_TENANT]);
    const other = await load(OTHER_TENANT);
    expect(other.get("openai")).toMatchObject({ state: "unreadable", last_four: null });
    expect(other.find("openai")?.credential).toBeNull();
    expect(lines).toEqual([
      [
        expect.stringContaining("cannot be decrypted"),
        expect.objectContaining({ provider: "openai", tenant: OTHER_TENANT, environment: "prod" }),
      ],
    ]);
    expect((await load()).find("openai")).toBeUndefined();
    // Set again, it is that tenant's own.
    await other.set("openai", SECRET, "admin-key");
    expect(header(await load(OTHER_TENANT))).toBe(`Bearer ${SECRET}`);
  });

  test.each([
    ["provider", "groq"],
    ["origin", "http://127.0.0.1:9 "],
    ["id", "pkey_other"],
    ["sealed", Buffer.alloc(60, 1)],
  ])("or whose %s was changed is not used", async (column, value) => {
    await (await load()).set("openai", SECRET, "admin-key");
    await database.db.query(`UPDATE provider_keys SET ${column} = $1`, [value]);
    const [key] = (await load()).list();
    expect(key).toMatchObject({ last_four: null });
    expect(key?.state).toMatch(/^(unreadable|origin_changed)$/);
    expect((await load()).find(key?.provider ?? "")?.credential).toBeNull();
  });
});

test("the same secret has the same fingerprint in a tenant, and another one in another tenant", async () => {
  const own = await (await load()).set("openai", SECRET, "a");
  const again = await (await load()).set("groq", SECRET, "a");
  const other = await (await load(OTHER_TENANT)).set("openai", SECRET, "a");
  expect([again.fingerprint === own.fingerprint, other.fingerprint === own.fingerprint]).toEqual([true, false]);
});

test("of a provider that is not configured any more the key is listed, and said to be unused", async () => {
  const [key] = await (async () => {
    await (await load()).set("openai", SECRET, "a");
    return stored();
  })();
  await putProviderKey(
    database.db,
    { tenant: DEFAULT_TENANT, environment: "prod" },
    { ...(key as StoredProviderKey), provider: "gone" },
  );
  const service = await load();
  expect(service.get("gone").state).toBe("not_configured");
  expect(lines).toEqual([
    [expect.stringContaining("not configured any more"), expect.objectContaining({ provider: "gone" })],
  ]);
  await service.remove("gone", "a");
  expect((await load()).list().map(({ provider }) => provider)).toEqual(["openai"]);
});

describe("a change that cannot be kept", () => {
  const full = (): Promise<void> => Promise.reject(new SpoolUnavailable("the disk is full"));

  test("of the ledger's spool: nothing is changed, in memory or in the database", async () => {
    const service = await load();
    await service.set("openai", SECRET, "a");
    const before = [service.get("openai"), await stored()];
    whileRecording = full;
    await expect(service.set("openai", "sk-another-0123456789", "a")).rejects.toBeInstanceOf(SpoolUnavailable);
    await expect(service.remove("openai", "a")).rejects.toBeInstanceOf(SpoolUnavailable);
    expect([service.get("openai"), await stored()]).toEqual(before);
    expect(header(service)).toBe(`Bearer ${SECRET}`);
  });

  test("of the database: it is taken back, and the ledger says so too", async () => {
    const service = await load();
    await service.set("openai", SECRET, "a");
    // Somebody else's process changed the row: the version is not the one this one knows.
    await database.db.query("UPDATE provider_keys SET version = 7");
    await expect(service.set("openai", "sk-another-0123456789", "a")).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    await expect(service.remove("openai", "a")).rejects.toMatchObject({ code: "VERSION_CONFLICT" });
    expect(header(service)).toBe(`Bearer ${SECRET}`);
    const [first, second, back, third, backAgain] = records as [
      AdminRecord,
      AdminRecord,
      AdminRecord,
      AdminRecord,
      AdminRecord,
    ];
    expect(records.map(({ action }) => action)).toEqual([
      "provider_key.set",
      "provider_key.set",
      "provider_key.set",
      "provider_key.delete",
      "provider_key.set",
    ]);
    expect([back.before, back.after]).toEqual([second.after, first.after]);
    expect([third.before, third.after, backAgain.before, backAgain.after]).toEqual([
      first.after,
      null,
      null,
      first.after,
    ]);
  });
});

test("a key that is being deleted is not used from that moment on, before anything else knows", async () => {
  const service = await load();
  await service.set("openai", SECRET, "a");
  const { promise: held, resolve } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  whileRecording = () => {
    reach();
    return held;
  };
  const removed = service.remove("openai", "a");
  await reached;
  expect(service.find("openai")).toBeUndefined();
  resolve();
  await removed;
  expect((await stored())[0]).toMatchObject({ sealed: null, fingerprint: null, version: 2 });
});

test("changes that are made at once run in turn: each has a version of its own, and the last one is in force and stored", async () => {
  const service = await load();
  const secrets = Array.from({ length: 20 }, (_, n) => `sk-at-once-0123456789-${n}`);
  const made = await Promise.all(secrets.map((secret) => service.set("openai", secret, "a")));
  expect(made.map(({ version }) => version)).toEqual(secrets.map((_, n) => n + 1));
  for (const each of [service, await load()]) expect(header(each)).toBe(`Bearer ${secrets[19]}`);
});

test("nothing that prints, copies or records a key has its secret; the log's redaction does, while it is in use", async () => {
  const service = await load();
  await service.set("openai", SECRET, "a");
  const own = service.find("openai");
  const told = [
    inspect(service, { depth: 20, showHidden: true }),
    inspect(own, { depth: 20, showHidden: true }),
    JSON.stringify([service, own, Object.assign({}, own), service.list(), records]),
    inspect(await stored(), { depth: 20 }),
  ].join("\n");
  expect(told).toContain("openai");
  expect(told).not.toContain("canary");
  const known = (): string[] => hidden.flatMap((secrets) => [...secrets()]);
  expect(known()).toEqual([SECRET]);
  await service.remove("openai", "a");
  expect(known()).toEqual([]);
});
