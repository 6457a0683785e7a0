import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseTlogProof, verifierKey } from "@tollhouse/ledger";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import type { LedgerVerified } from "@tollhouse/contract/control-client";
import { json, ran, terminalFor } from "../cli-fixture.ts";
import { sha256 } from "../ledger/offline.ts";
import { verifyOnline } from "../ledger/online.ts";
import { Run } from "../run.ts";

let server: StartedTollhouse;
let folder: string;
let key: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-cli-"));
  server = await startedTollhouse();
  for (let calls = 0; calls < 12; calls += 1) await call();
  await server.recorded();
  key = (await cli("ledger public-key")).out.split("\n")[0] ?? "";
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const cli = (args: string | readonly string[], options = {}) => ran(server.url, args, options);
const file = (name: string) => join(folder, name);

async function call(): Promise<void> {
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 });
  const headers = { "content-type": "application/json", "x-tollhouse-session": "s" };
  await (await fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers, body })).arrayBuffer();
}

test("online: PASS with its entries, and that nothing shows the tail; with a pin the tail is proven", async () => {
  const plain = await cli("ledger verify");
  expect(plain.code).toBe(0);
  const names = [...plain.out.matchAll(/^(\S+) {2,}/gm)].map(([, name]) => name);
  expect(names).toEqual(["checked", "entries", "chain", "MACs", "projection", "checkpoints", "tail"]);
  expect(plain.out).toMatch(/^entries +\d+, without a gap$/m);
  expect(plain.out).toMatch(/TAIL NOT PROVEN \(--pin .*\nPASS\n$/);
  expect(await cli(`ledger checkpoint --out ${file("pin")}`)).toMatchObject({ code: 0, out: "" });
  await call();
  const pinned = await json<LedgerVerified>(server.url, `ledger verify --pin ${file("pin")} --deep`);
  expect(pinned).toMatchObject({ result: "PASS", tail: "PROVEN" });
  expect(pinned.entries).toBeGreaterThan(12);
});

describe("an export", () => {
  test("verifies offline with the public key alone, also in two parts and after a break in the middle of a line", async () => {
    expect((await cli(`ledger export --to 5 --out ${file("a.ndjson")}`)).code).toBe(0);
    const first = await readFile(file("a.ndjson"), "utf8");
    const lines = first.split("\n");
    // Broken off in the fourth entry, as a connection breaks off.
    await writeFile(file("a.ndjson"), `${lines.slice(0, 4).join("\n")}\n${(lines[4] ?? "").slice(0, 40)}`);
    const resumed = await cli(`ledger export --resume --out ${file("a.ndjson")}`);
    expect(resumed.out).toMatch(/^Went on at sequence 4 /);
    const offline = await ran("http://127.0.0.1:1", ["ledger", "verify", file("a.ndjson"), "--key", key]);
    expect(offline).toMatchObject({ code: 0, err: "" });
    expect(offline.out).toMatch(/^MACs +not looked at[^]*PASS\n$/m);
    await call();
    expect((await cli(`ledger export --resume --out ${file("a.ndjson")}`)).code).toBe(0);
    await writeFile(file("key"), `${key}\n`);
    const pinned = `ledger verify ${file("a.ndjson")} --key ${file("key")} --pin ${file("pin")}`;
    expect(await json<LedgerVerified>("", pinned)).toMatchObject({ result: "PASS", tail: "PROVEN" });
  });

  test("that was changed fails by its first bad sequence, exit code 1", async () => {
    await cli(`ledger export --out ${file("b.ndjson")}`);
    const text = await readFile(file("b.ndjson"), "utf8");
    const line = text.split("\n").findIndex((each) => each.includes('"sequence":7'));
    const changed = text
      .split("\n")
      .with(line, (text.split("\n")[line] ?? "").replace(/"body":"(.{40})./, '"body":"$1_'));
    await writeFile(file("b.ndjson"), changed.join("\n"));
    const failed = await cli(["ledger", "verify", file("b.ndjson"), "--key", key]);
    expect(failed.code).toBe(1);
    expect(failed.out).toMatch(/first bad +sequence 7\n[^]*FAIL\n$/);
    await writeFile(file("b.ndjson"), text.split("\n").toSpliced(line, 1).join("\n"));
    expect((await cli(["ledger", "verify", file("b.ndjson"), "--key", key])).out).toMatch(/first bad +sequence 7/);
  });

  test("is not written over a file, and wants a key that is one", async () => {
    expect(await cli(`ledger export --out ${file("b.ndjson")}`)).toMatchObject({ code: 5 });
    expect(await cli(`ledger verify ${file("b.ndjson")}`)).toMatchObject({ code: 2 });
    expect(await cli(`ledger verify ${file("b.ndjson")} --key nonsense`)).toMatchObject({ code: 2 });
    expect(await cli(`ledger verify ${file("nothing")} --key ${key}`)).toMatchObject({ code: 4 });
    const other = key.replace(/^[^+]+/, "tollhouse/other/ledger");
    expect((await cli(["ledger", "verify", file("b.ndjson"), "--key", other])).code).toBe(2);
  });
});

test("a receipt verifies offline with the public key alone; one byte changed, or another key, and it proves nothing", async () => {
  const { calls } = await server.control<{ calls: { decision: string }[] }>("GET", "/api/v1/calls?limit=1");
  const decision = calls[0]?.decision ?? "";
  expect((await cli(`ledger receipt ${decision} --out ${file("own.receipt")}`)).code).toBe(0);
  const offline = (...args: string[]) => ran("http://127.0.0.1:1", ["ledger", "verify", file("own.receipt"), ...args]);
  const passed = await offline("--key", key);
  expect(passed).toMatchObject({ code: 0, err: "" });
  expect(passed.out).toMatch(new RegExp(`${decision}\n[^]*call settled, openai, gpt-4o-mini\n[^]*\\$0\\.0[^]*PASS\n$`));
  expect(JSON.parse((await offline("--key", key, "--json")).out)).toMatchObject({ result: "PASS", decision });
  expect(await offline("--key", key, "--pin", file("pin"))).toMatchObject({ code: 2 });
  const text = await readFile(file("own.receipt"), "utf8");
  await writeFile(
    file("own.receipt"),
    text.replace(/^(extra .{80})(.)/m, (_, start, last) => `${start}${last === "A" ? "B" : "A"}`),
  );
  const failed = await offline("--key", key, "--json");
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.out)).toMatchObject({ result: "FAIL" });
});

test("witnesses who did not cosign are missed: in a receipt, in an export, and read from the server", async () => {
  const { calls } = await server.control<{ calls: { decision: string }[] }>("GET", "/api/v1/calls?limit=1");
  await cli(`ledger receipt ${calls[0]?.decision} --out ${file("seen.receipt")}`);
  await cli(`ledger export --out ${file("seen.ndjson")}`);
  const witness = verifierKey(sha256, { name: "witness.example/w1", algorithm: 4, publicKey: Buffer.alloc(32, 1) });
  const offline = (name: string, ...args: string[]) => cli(["ledger", "verify", file(name), "--key", key, ...args]);
  expect(await offline("seen.receipt", "--witness", witness)).toMatchObject({ code: 1 });
  const missed = await offline("seen.ndjson", "--witness", witness);
  expect(missed.out).toMatch(/witnessed +up to entry 0\n[^]*first bad +sequence 1\n[^]*FAIL\n$/);
  expect(await cli(["ledger", "verify", "--deep", "--witness", witness])).toMatchObject({ code: 1 });
  expect(await cli(["ledger", "verify", "--witness", witness])).toMatchObject({ code: 2 });
  expect(await offline("seen.ndjson", "--witness", key)).toMatchObject({ code: 2 });
  expect(await offline("seen.ndjson", "--witness", witness, "--witnesses-needed", "2")).toMatchObject({ code: 2 });
});

test("proofs: a receipt file is a tlog-proof, checkpoints are listed, consistency is proven", async () => {
  const { calls } = await server.control<{ calls: { decision: string }[] }>("GET", "/api/v1/calls?limit=1");
  expect((await cli(`ledger receipt ${calls[0]?.decision} --out ${file("receipt")}`)).code).toBe(0);
  expect(parseTlogProof(await readFile(file("receipt"), "utf8")).index).toBeGreaterThan(0);
  expect((await cli("ledger checkpoints", { columns: 80 })).out).toMatch(/SIZE +MADE AT +ROOT/);
  expect((await cli("ledger consistency 3")).out).toMatch(/^from +3 /);
  expect(await cli("ledger receipt dec_00000000000000000000000000000000")).toMatchObject({ code: 4 });
});

test("what the nightly verification found is shown, also that it has not looked yet", async () => {
  expect(await cli("ledger nightly")).toMatchObject({
    code: 0,
    err: "",
    out: expect.stringMatching(/^No night has passed/),
  });
  expect(await json(server.url, "ledger nightly")).toMatchObject({
    result: "NOT YET",
    looked_at: null,
    verified_to: 0,
  });
});

test("the chain goes on with another MAC key, and verifies", async () => {
  expect((await cli("ledger rotate-key --yes")).out).toMatch(/^MAC key 1 → 2, /);
  expect((await json<LedgerVerified>(server.url, "ledger verify")).result).toBe("PASS");
});

test("the answer of a walk that is not waited for is that of one that is: with each pin, and before a changed row", async () => {
  const { checkpoints } = await json<{ checkpoints: { size: number; note: string }[] }>(
    server.url,
    "ledger checkpoints",
  );
  expect(checkpoints.length).toBeGreaterThan(1);
  const run = new Run(terminalFor(server.url).terminal, {});
  const begun = (pin: string | null) => verifyOnline(run, { from: 1, to: "latest", pin });
  const whole = await run.api.call("verifyLedger", { body: {} });
  expect(await begun(null)).toEqual(whole);
  for (const { size, note } of checkpoints)
    expect(await begun(note)).toMatchObject({ tail: "PROVEN", proven_to: size });
  await server.database.db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  await server.database.db.query("UPDATE ledger_entries SET amount_nano = amount_nano + 1 WHERE sequence = 9");
  expect(await begun(null)).toMatchObject({ result: "FAIL", first_bad_sequence: 9 });
});

test("a row that somebody changed in the database is found online, by its sequence, exit code 1", async () => {
  await server.database.db.query("ALTER TABLE ledger_entries DISABLE TRIGGER ALL");
  await server.database.db.query("UPDATE ledger_entries SET amount_nano = amount_nano + 1 WHERE sequence = 6");
  const failed = await cli(`ledger verify --pin ${file("pin")}`);
  expect(failed.code).toBe(1);
  // What a pin was given for is not asked for again, and behind what is bad nothing is said to be good.
  expect(failed.out).toMatch(/^tail +TAIL NOT PROVEN\nFAIL\n$/m);
  expect(failed.out).not.toMatch(/^(chain|MACs|projection) /m);
  expect(failed.out).toMatch(/first bad +sequence 6\n/);
});
