import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ran, terminalFor } from "../cli-fixture.ts";
import { parquetToFolder } from "../ledger/table-file.ts";
import { Run } from "../run.ts";

// The ledger as a table, from a real server into files.

type CsvRow = Readonly<Record<string, string>>;

let server: StartedTollhouse;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tollhouse-cli-"));
  server = await startedTollhouse();
  for (const session of ["plain", '=HYPERLINK("x","y")']) await call(session);
  await call("another", "gpt-4o");
  // No price is known of it: it is blocked, and recorded as it came.
  await call("plain", "two\nlines");
  await server.control("POST", "/api/v1/limits", {
    scope: "org",
    measure: "usd",
    amount: "25.00",
    window: "day",
    mode: "hard",
  });
  await server.recorded();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const cli = (args: string | readonly string[]) => ran(server.url, args);
const file = (name: string) => join(folder, name);

async function call(session: string, model = "gpt-4o-mini"): Promise<void> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], max_tokens: 20 });
  const headers = { "content-type": "application/json" };
  const query = `?session_id=${encodeURIComponent(session)}`;
  await (await fetch(`${server.url}/v1/chat/completions${query}`, { method: "POST", headers, body })).arrayBuffer();
}

/** RFC 4180, of well-formed text. */
function csvOf(text: string): CsvRow[] {
  const cells = text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g);
  const lines: string[][] = [[]];
  for (const [, quoted, bare, end] of cells) {
    lines.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
    if (end !== ",") lines.push([]);
  }
  const [head = [], ...rows] = lines.slice(0, -1);
  return rows.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at] ?? ""])));
}

async function parquetRows(path: string): Promise<Record<string, unknown>[]> {
  const bytes = await readFile(path);
  return parquetReadObjects({ file: Uint8Array.from(bytes).buffer });
}

test("CSV has every entry once, with its exact amounts; no cell is a formula", async () => {
  const { out } = await cli("ledger export --format csv");
  const rows = csvOf(out);
  const { calls } = await server.control<{ calls: { sequence: number; cost: string; entry_hash: string }[] }>(
    "GET",
    "/api/v1/calls?limit=100",
  );
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(rows.map((_, at) => at + 1));
  expect(rows[0]).toMatchObject({ type: "genesis", sequence: "1" });
  for (const { sequence, cost, entry_hash: hash } of calls)
    expect(rows[sequence - 1]).toMatchObject({ amount: cost, entry_hash: hash });
  const sessions = rows.filter(({ type }) => type === "call_settled").map(({ session }) => session);
  expect(sessions).toEqual(["plain", `'=HYPERLINK("x","y")`, "another"]);
  expect(rows.find(({ type }) => type === "call_blocked")).toMatchObject({
    model: "two\nlines",
    reason_code: "PRICE_UNKNOWN",
  });
  expect(rows.some(({ action, after }) => action !== "" && after?.includes("25.00") === true)).toBe(true);
});

test("CSV goes on where it broke off, in the middle of a quoted cell too, and is then the same file", async () => {
  expect(await cli(`ledger export --format csv --out ${file("a.csv")}`)).toMatchObject({ code: 0 });
  const whole = await readFile(file("a.csv"));
  expect(await cli(`ledger export --format csv --out ${file("a.csv")}`)).toMatchObject({ code: 5 });
  const inQuotes = whole.indexOf("two\nlines") + 6;
  for (const cut of [5, whole.indexOf("\n") + 1, inQuotes, whole.length - 3, whole.length]) {
    await writeFile(file("a.csv"), whole.subarray(0, cut));
    expect(await cli(`ledger export --format csv --resume --out ${file("a.csv")}`), String(cut)).toMatchObject({
      code: 0,
    });
    expect((await readFile(file("a.csv"))).equals(whole), String(cut)).toBe(true);
  }
  await writeFile(file("other.csv"), "name,age\nx,1\n");
  expect(await cli(`ledger export --format csv --resume --out ${file("other.csv")}`)).toMatchObject({ code: 6 });
});

test("Parquet has the same rows, in files that follow each other; what broke off is made again", async () => {
  const rows = csvOf((await cli("ledger export --format csv")).out);
  const written = await cli(`ledger export --format parquet --out ${file("whole")}`);
  expect(written).toMatchObject({ code: 0, out: `Wrote 1 file to ${file("whole")}\n` });
  const [name = ""] = await readdir(file("whole"));
  const whole = await parquetRows(join(file("whole"), name));
  expect(
    whole.map(({ sequence, type, session, entry_hash: hash }) => [String(sequence), type, session ?? "", hash]),
  ).toEqual(
    rows.map(({ sequence, type, session, entry_hash: hash }) => [sequence, type, session?.replace(/^'/, ""), hash]),
  );
  expect(whole.map(({ time }) => (time as Date).getTime())).toEqual(rows.map(({ time }) => Date.parse(time ?? "")));
  expect(await cli(`ledger export --format parquet --out ${file("whole")}`)).toMatchObject({ code: 5 });

  const run = new Run(terminalFor(server.url).terminal, {});
  const parts = (resume: boolean) => parquetToFolder(run, {}, {}, { folder: file("parts"), resume, part: 3 });
  const count = await parts(false);
  const names = (await readdir(file("parts"))).toSorted();
  expect(names).toHaveLength(count);
  await rm(join(file("parts"), names.at(-1) ?? ""));
  await writeFile(join(file("parts"), `${names.at(-1)}.part`), "half of it");
  expect(await parts(true)).toBe(1);
  expect((await readdir(file("parts"))).toSorted()).toEqual(names);
  const inParts = await Promise.all(names.map((each) => parquetRows(join(file("parts"), each))));
  expect(inParts.flat()).toEqual(whole);
});

test("a table can be of some entries; an export that nobody could verify is refused by the field", async () => {
  const ofModel = csvOf((await cli("ledger export --format csv --model gpt-4o --type call_settled")).out);
  expect(ofModel.map(({ session }) => session)).toEqual(["another"]);
  expect(csvOf((await cli("ledger export --format csv --since 2020-01-01 --until 2020-01-02")).out)).toEqual([]);
  expect(await cli("ledger export --model gpt-4o")).toMatchObject({ code: 2 });
  expect(await cli("ledger export --format parquet")).toMatchObject({ code: 2 });
  const headers = { authorization: `Bearer ${terminalFor(server.url).terminal.env["TOLLHOUSE_KEY"]}` };
  const asked = async (query: string): Promise<string> =>
    JSON.stringify(await (await fetch(`${server.url}/api/v1/ledger/export?${query}`, { headers })).json());
  expect(await asked("model=gpt-4o")).toMatch(/model: expected only with format csv or parquet/);
  expect(await asked("format=csv&type=nothing")).toMatch(/type: expected a known value/);
  expect(await asked("format=xlsx")).toMatch(/format: /);
  const usage = await fetch(`${server.url}/api/v1/usage?group_by=model&format=parquet`, { headers });
  expect(usage.headers.get("content-type")).toBe("application/vnd.apache.parquet");
  expect(await parquetReadObjects({ file: await usage.arrayBuffer() })).toMatchObject([
    { model: "gpt-4o" },
    { model: "gpt-4o-mini", calls: 2n },
    { model: "two\nlines", blocked: 1n },
  ]);
});
