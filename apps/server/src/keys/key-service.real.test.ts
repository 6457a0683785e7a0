import crypto from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import {
  DEFAULT_TENANT,
  listApiKeys,
  openSpool,
  readSpool,
  SPOOL_START,
  SpoolUnavailable,
  type AdminRecord,
  type Database,
  type Spool,
  type StoredApiKey,
} from "@tollhouse/store";
import { keyCreateSchema, type KeyCreate, type KeyMade } from "@tollhouse/contract";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ADMIN_ACCESS, type Access } from "../control/access.ts";
import type { KeyGrant } from "./key-grant.ts";
import { KeyService } from "./key-service.ts";
import { makeKeyText } from "./key-text.ts";

const START = Date.UTC(2026, 10, 21, 6, 30);
const SECOND = 1_000;
const hashKey = Buffer.alloc(32, 7);

let database: TestDatabase;
let dir: string;
let spool: Spool;
let keys: KeyService;
let nowMs = START;

beforeAll(async () => {
  database = await testDatabase();
  dir = mkdtempSync(join(tmpdir(), "tollhouse-keys-"));
  spool = await openSpool({ dir });
});
afterAll(async () => {
  await spool.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  nowMs = START;
  keys = await loaded();
});

/** A service as it starts: from what is in the database. */
async function loaded(over: { db?: Database; spool?: Spool } = {}): Promise<KeyService> {
  const first: StoredApiKey[] = [];
  for (const environment of ["dev", "prod"])
    for await (const stored of listApiKeys(database.db, { tenant: DEFAULT_TENANT, environment })) first.push(stored);
  const parts = { db: database.db, spool, tenant: DEFAULT_TENANT, hashKey, environments: ["dev", "prod"], first };
  return new KeyService({ ...parts, ...over, now: () => nowMs });
}

const wanted = (over: Partial<KeyCreate> = {}): KeyCreate => ({ ...keyCreateSchema.parse({ name: "k" }), ...over });

function make(over: Partial<KeyCreate> = {}, access: Access = ADMIN_ACCESS): Promise<KeyMade> {
  return keys.create(wanted(over), "dev", access);
}

function found(text: string, by = keys): string {
  const answer = by.find(text);
  return typeof answer === "string" ? answer : answer.key.id;
}

async function entries(subject: string): Promise<AdminRecord[]> {
  const records: AdminRecord[] = [];
  for await (const { record } of readSpool(dir, SPOOL_START))
    if (record.t === "admin" && record.subject === subject) records.push(record);
  return records;
}

/** Refuses the next change, as a database that is away does. */
function refusing(): Database {
  return { ...database.db, query: () => Promise.reject(new Error("the database is away")) } as Database;
}

describe("finding a key", () => {
  test("its text finds it, and no other text does", async () => {
    const { id, key } = await make();
    expect(found(key)).toBe(id);
    expect(found(makeKeyText("dev", id))).toBe("KEY_INVALID");
    expect(found(makeKeyText("dev"))).toBe("KEY_INVALID");
    expect(found(`${key}x`)).toBe("KEY_INVALID");
    const inOther = key.replace("th_dev_", "th_prod_");
    expect(found(inOther)).toBe("KEY_INVALID");
  });

  test("an unknown id, a wrong secret and the right one do the same work, among one key or a hundred thousand", async () => {
    const { id, key } = await make();
    const unknown = makeKeyText("dev");
    const wrong = makeKeyText("dev", id);
    const work = (text: string): [number, number] => {
      const { timingSafeEqual, createHmac } = crypto;
      let [compared, hashed] = [0, 0];
      crypto.timingSafeEqual = (a, b) => (compared++, timingSafeEqual(a, b));
      crypto.createHmac = (...asked) => (hashed++, createHmac(...asked));
      syncBuiltinESMExports();
      keys.find(text);
      Object.assign(crypto, { timingSafeEqual, createHmac });
      syncBuiltinESMExports();
      return [compared, hashed];
    };
    const expectSameWork = (): void => {
      for (const text of [key, wrong, unknown]) expect(work(text)).toEqual([2, 1]);
      // Mistyped: neither hashed nor looked up.
      expect(work(`${key.slice(0, -1)}-`)).toEqual([0, 0]);
    };
    expectSameWork();
    const { key: stored } = keys.find(key) as KeyGrant;
    const many = Array.from({ length: 100_000 }, (_, i) => ({ key: { ...stored, id: `key_${i}` }, lastUsedMs: null }));
    const parts = { db: database.db, spool, tenant: DEFAULT_TENANT, hashKey, environments: ["dev"], now: () => nowMs };
    keys = new KeyService({ ...parts, first: [...many, { key: stored, lastUsedMs: null }] });
    expect(found(key)).toBe(id);
    expectSameWork();
  });

  test("it ends at its expiry to the millisecond, and lives again where that is moved", async () => {
    const { id, key } = await make({ expires_at: new Date(START + SECOND).toISOString() });
    nowMs = START + SECOND - 1;
    expect(found(key)).toBe(id);
    nowMs = START + SECOND;
    expect(found(key)).toBe("KEY_EXPIRED");
    expect(found(makeKeyText("dev", id))).toBe("KEY_INVALID");
    await keys.update(id, { expires_at: null }, "dev", ADMIN_ACCESS);
    expect(found(key)).toBe(id);
  });

  test("a revoked key is told so only to who has its secret, and stays revoked after a restart", async () => {
    const { id, key } = await make();
    await keys.revoke(id, "dev", ADMIN_ACCESS);
    for (const by of [keys, await loaded()]) {
      expect(found(key, by)).toBe("KEY_REVOKED");
      expect(found(makeKeyText("dev", id), by)).toBe("KEY_INVALID");
    }
    await expect(keys.update(id, { name: "again" }, "dev", ADMIN_ACCESS)).rejects.toMatchObject({
      code: "ALREADY_REVOKED",
    });
    await expect(keys.rotate(id, { overlap_seconds: 0 }, "dev", ADMIN_ACCESS)).rejects.toMatchObject({
      code: "ALREADY_REVOKED",
    });
    await keys.revoke(id, "dev", ADMIN_ACCESS);
    expect((await entries(id)).map(({ action }) => action)).toEqual(["key.create", "key.revoke"]);
  });
});

describe("rotation", () => {
  test("both secrets count until the overlap ends, to the millisecond, also over a restart", async () => {
    const { id, key: old } = await make();
    const { key: fresh } = await keys.rotate(id, { overlap_seconds: 60 }, "dev", ADMIN_ACCESS);
    expect(fresh).not.toBe(old);
    for (const by of [keys, await loaded()]) {
      nowMs = START + 60 * SECOND - 1;
      expect([found(old, by), found(fresh, by)]).toEqual([id, id]);
      nowMs = START + 60 * SECOND;
      expect([found(old, by), found(fresh, by)]).toEqual(["KEY_EXPIRED", id]);
    }
  });

  test("without overlap the old secret ends at once; a second rotation ends the oldest whatever its overlap was", async () => {
    const { id, key: first } = await make();
    const { key: second } = await keys.rotate(id, { overlap_seconds: 3_600 }, "dev", ADMIN_ACCESS);
    const { key: third } = await keys.rotate(id, { overlap_seconds: 0 }, "dev", ADMIN_ACCESS);
    expect([first, second, third].map((text) => found(text))).toEqual(["KEY_INVALID", "KEY_EXPIRED", id]);
  });
});

describe("a change", () => {
  test("that starts from another version than is there is refused, and only it", async () => {
    const { id } = await make();
    expect(await keys.update(id, { name: "one", version: 1 }, "dev", ADMIN_ACCESS)).toMatchObject({ version: 2 });
    await expect(keys.update(id, { name: "two", version: 1 }, "dev", ADMIN_ACCESS)).rejects.toMatchObject({
      code: "VERSION_CONFLICT",
    });
    expect(keys.get(id, "dev")).toMatchObject({ name: "one", version: 2 });
    expect((await loaded()).get(id, "dev")).toMatchObject({ name: "one", version: 2 });
  });

  test("keeps what it does not name, and refills no rate that stays", async () => {
    const { id, key } = await make({ requests_per_minute: 5, fixed: { team: "a" }, models: ["gpt-*"] });
    const before = keys.find(key) as KeyGrant;
    before.requests?.add(5, nowMs);
    await keys.update(id, { name: "other" }, "dev", ADMIN_ACCESS);
    const after = keys.find(key) as KeyGrant;
    expect(after.key.rules).toMatchObject({ name: "other", fixed: { team: "a" }, models: ["gpt-*"] });
    expect(after.requests?.waitMs(1, nowMs)).toBe(12_000);
    await keys.update(id, { requests_per_minute: 50 }, "dev", ADMIN_ACCESS);
    expect((keys.find(key) as KeyGrant).requests?.waitMs(1, nowMs)).toBe(0);
  });

  test("is an entry with who, before and after", async () => {
    const { id } = await make();
    await keys.update(id, { name: "b" }, "dev", { ...ADMIN_ACCESS, actor: "key_boss" });
    const [made, changed] = await entries(id);
    expect(made).toMatchObject({ action: "key.create", actor: "admin-key", environment: "dev", before: null });
    expect(changed).toMatchObject({ action: "key.update", actor: "key_boss", subject: id });
    expect(JSON.parse(changed?.before ?? "")).toMatchObject({ name: "k", version: 1 });
    expect(JSON.parse(changed?.after ?? "")).toMatchObject({ name: "b", version: 2 });
  });

  test("that the database refuses is not in force, and the ledger says that it was taken back", async () => {
    const { id, key } = await make();
    const broken = await loaded({ db: refusing() });
    await expect(broken.create(wanted(), "dev", ADMIN_ACCESS)).rejects.toThrow("away");
    await expect(broken.update(id, { name: "b" }, "dev", ADMIN_ACCESS)).rejects.toThrow("away");
    await expect(broken.revoke(id, "dev", ADMIN_ACCESS)).rejects.toThrow("away");
    expect(found(key, broken)).toBe(id);
    expect(broken.get(id, "dev")).toMatchObject({ name: "k", version: 1, revoked_at: null });
    const actions = (await entries(id)).map(({ action, after }) => [
      action,
      (JSON.parse(after ?? "") as KeyMade).version,
    ]);
    expect(actions).toEqual([
      ["key.create", 1],
      ["key.update", 2],
      ["key.update", 1],
      ["key.revoke", 2],
      ["key.revoke", 1],
    ]);
  });

  test("that cannot be recorded is not made", async () => {
    const { id, key } = await make();
    const full = { ...spool, append: () => Promise.reject(new SpoolUnavailable("full")) } as unknown as Spool;
    const broken = await loaded({ spool: full });
    await expect(broken.revoke(id, "dev", ADMIN_ACCESS)).rejects.toThrow(SpoolUnavailable);
    expect(found(key, broken)).toBe(id);
    expect(found(key, await loaded())).toBe(id);
  });
});

describe("who manages keys", () => {
  const manager: Access = {
    actor: "key_m",
    tenant: DEFAULT_TENANT,
    environment: "dev",
    permissions: new Set(["read", "manage"]),
  };

  test("gives nothing that it does not have, and takes over no key that has more", async () => {
    await expect(make({ permissions: ["call"] }, manager)).rejects.toMatchObject({ code: "PERMISSION_MISSING" });
    const { id } = await make({ permissions: ["call"] });
    for (const change of [
      keys.rotate(id, { overlap_seconds: 0 }, "dev", manager),
      keys.update(id, { permissions: ["read"] }, "dev", manager),
    ])
      await expect(change).rejects.toMatchObject({ code: "PERMISSION_MISSING" });
    expect(await make({ permissions: ["manage"] }, manager)).toMatchObject({ permissions: ["manage"] });
    await keys.revoke(id, "dev", manager);
    expect(keys.get(id, "dev").revoked_at).not.toBeNull();
  });

  test("sees no key of another environment", async () => {
    const { id } = await make();
    expect(() => keys.get(id, "prod")).toThrow(`There is no key ${id} in prod`);
    await expect(keys.revoke(id, "prod", ADMIN_ACCESS)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await keys.list("prod", "", 100)).keys).toEqual([]);
    // A slip in its name is not an environment without keys.
    await expect(keys.list("prd", "", 100)).rejects.toThrow("environment: expected one of dev, prod");
  });
});

test("every key of an environment is on exactly one page", async () => {
  const made: string[] = [];
  for (let i = 0; i < 7; i++) made.push((await keys.create(wanted(), "prod", ADMIN_ACCESS)).id);
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: Awaited<ReturnType<KeyService["list"]>> = await keys.list("prod", cursor, 3);
    seen.push(...page.keys.map((key) => key.id));
    cursor = page.next;
  }
  expect(seen).toHaveLength(7);
  expect(new Set(seen)).toEqual(new Set(made));
});

test("last uses are told at once, written together, and there after a restart; what is not taken is written later", async () => {
  const [one, two] = [await make(), await make()];
  expect(keys.get(one.id, "dev").last_used_at).toBeNull();
  nowMs = START + 5 * SECOND;
  keys.find(one.key);
  keys.find(makeKeyText("dev", two.id));
  const used = new Date(nowMs).toISOString();
  expect(keys.get(one.id, "dev").last_used_at).toBe(used);
  expect((await loaded()).get(one.id, "dev").last_used_at).toBeNull();
  await keys.writeLastUses();
  const restarted = await loaded();
  expect(restarted.get(one.id, "dev").last_used_at).toBe(used);
  expect(restarted.get(two.id, "dev").last_used_at).toBeNull();

  let away = true;
  const db = {
    ...database.db,
    query: (...asked: Parameters<Database["query"]>) =>
      away ? Promise.reject(new Error("away")) : database.db.query(...asked),
  } as Database;
  const later = await loaded({ db });
  nowMs += SECOND;
  later.find(two.key);
  await expect(later.writeLastUses()).rejects.toThrow("away");
  away = false;
  await later.writeLastUses();
  expect((await loaded()).get(two.id, "dev").last_used_at).toBe(new Date(nowMs).toISOString());
});
