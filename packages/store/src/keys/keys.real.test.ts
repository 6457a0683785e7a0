import { mkdtemp, readFile, readdir, rm, stat, writeFile, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import { loadAdminKey } from "./admin-key.ts";
import { deriveKey } from "./derive-key.ts";
import { loadMasterKey, parseMasterKey } from "./master-key.ts";
import { assertMasterKey } from "./master-key-check.ts";

const master = Buffer.alloc(32, 7);

describe("master key", () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "tollhouse-keys-"));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  const load = (fromEnv?: string, embedded = true, isTied = false): Promise<Buffer> =>
    loadMasterKey({ dataDir, fromEnv, embedded, isTied });

  test("is made once with the embedded database, for its owner's eyes only", async () => {
    const key = await load();
    expect(key).toHaveLength(32);
    expect(await load()).toEqual(key);
    expect((await stat(join(dataDir, "master.key"))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(["master.key"]);
  });

  test("of several first starts at once, all get the same", async () => {
    for (let round = 0; round < 25; round += 1) {
      const place = { dataDir: join(dataDir, String(round)), fromEnv: undefined, embedded: true, isTied: false };
      // Not in step: one has read its key back while another still makes its own.
      const starters = [0, 1, 2, 3].map((nth) => sleep(nth * (round % 5)).then(() => loadMasterKey(place)));
      const keys = await Promise.all(starters);
      expect(new Set(keys.map((key) => key.toString("hex"))).size).toBe(1);
    }
  });

  test("has its rights narrowed when a restored file came with wider ones", async () => {
    await load();
    await chmod(join(dataDir, "master.key"), 0o644);
    await load();
    expect((await stat(join(dataDir, "master.key"))).mode & 0o777).toBe(0o600);
  });

  test("a damaged file is refused and left as it is, not replaced", async () => {
    await writeFile(join(dataDir, "master.key"), "");
    await expect(load()).rejects.toMatchObject({ code: "MASTER_KEY_INVALID" });
    expect(await readFile(join(dataDir, "master.key"), "utf8")).toBe("");
  });

  test("that is lost is not made anew: the start says what to put back, and leaves nothing", async () => {
    await expect(load(undefined, true, true)).rejects.toMatchObject({
      code: "MASTER_KEY_INVALID",
      message: expect.stringMatching(/master\.key is not there.*put it back/) as unknown,
    });
    expect(await readdir(dataDir)).toEqual([]);
    expect(await load(master.toString("hex"), true, true)).toEqual(master);
  });

  test("must be given with DATABASE_URL, and is not made then", async () => {
    await expect(load(undefined, false)).rejects.toMatchObject({ code: "MASTER_KEY_INVALID" });
    expect(await readdir(dataDir)).toEqual([]);
  });

  test("is read from hex and base64 alike; anything else is refused without being shown", () => {
    expect(parseMasterKey(master.toString("hex"), "K")).toEqual(master);
    expect(parseMasterKey(master.toString("base64"), "K")).toEqual(master);
    expect(parseMasterKey(master.toString("base64url"), "K")).toEqual(master);
    for (const bad of ["", "hunter2", "0".repeat(63), `${"0".repeat(64)} `, Buffer.alloc(31).toString("base64")]) {
      expect(() => parseMasterKey(bad, "K")).toThrow(/^K: expected 32 bytes/);
    }
    expect(() => parseMasterKey("hunter2", "K")).not.toThrow(/hunter2/);
  });
});

describe("derived keys", () => {
  test("differ by purpose, tenant and master, and stay the same for ever", () => {
    const keys = [
      deriveKey(master, "ledger-mac", null),
      deriveKey(master, "ledger-mac", "a"),
      deriveKey(master, "ledger-mac", "b"),
      deriveKey(master, "pseudonym", "a"),
      deriveKey(Buffer.alloc(32, 8), "ledger-mac", "a"),
    ].map((key) => key.toString("hex"));
    expect(new Set(keys).size).toBe(keys.length);
    // Recomputed with Python's hmac: HKDF-SHA256 of 32 × 0x07, no salt, info "tollhouse/key/v1\0ledger-mac\0a".
    expect(keys[1]).toBe("b669ccb2909a4ef683db7d25031cfcd6874a4b1a8ce4ecb025afefa474a0d141");
  });

  test("cannot be made to meet by moving letters between purpose and tenant", () => {
    expect(() => deriveKey(master, "ledger\0mac", "a")).toThrow(/purpose/);
    expect(() => deriveKey(master, "ledger-mac", "")).toThrow(/tenant/);
  });
});

describe("what the database knows of the keys", () => {
  let testing: TestDatabase;
  beforeAll(async () => {
    testing = await testDatabase();
  });
  afterAll(() => testing.drop());

  test("it refuses another master key than it was written under, and takes the right one again", async () => {
    await assertMasterKey(testing.db, master);
    await expect(assertMasterKey(testing.db, Buffer.alloc(32, 9))).rejects.toMatchObject({ code: "MASTER_KEY_WRONG" });
    await assertMasterKey(testing.db, master);
  });

  test("of several first starts at once one makes the admin key, and all of them take it", async () => {
    const keys = await Promise.all([1, 2, 3, 4].map(() => loadAdminKey(testing.db, master, undefined)));
    const made = keys.flatMap((key) => key.made ?? []);
    expect(made).toHaveLength(1);
    expect(made[0]).toMatch(/^th_admin_[A-Za-z0-9_-]{43}$/);
    for (const key of keys) {
      expect(key.matches(made[0] ?? "")).toBe(true);
      expect(key.matches(`${made[0]}x`)).toBe(false);
    }
  });

  test("a given admin key replaces the one before, and the database never holds either in clear", async () => {
    const given = "th_admin_given_by_the_operator";
    const key = await loadAdminKey(testing.db, master, given);
    expect([key.made, key.matches(given)]).toEqual([null, true]);
    expect((await loadAdminKey(testing.db, master, undefined)).matches(given)).toBe(true);
    const { rows } = await testing.db.query<{ value: string }>("SELECT value FROM installation");
    expect(rows.some((row) => row.value.includes("given"))).toBe(false);
  });

  test("a short admin key is refused without being shown", async () => {
    await expect(loadAdminKey(testing.db, master, "letmein")).rejects.toMatchObject({ code: "ADMIN_KEY_INVALID" });
    await expect(loadAdminKey(testing.db, master, "letmein")).rejects.not.toThrow(/letmein/);
  });
});
