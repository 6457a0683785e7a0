import { randomBytes } from "node:crypto";
import { testDatabase, type TestDatabase } from "@tollhouse/testkit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withBinaryArrays } from "./binary-arrays.ts";
import { sql } from "./sql.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

/** A statement with arrays of all six types. */
const STATEMENT = sql("insert-entries");
const TYPES = ["uuid", "bigint", "smallint", "integer", "text", "bytea"] as const;
type Type = (typeof TYPES)[number];
const parameterOf = (type: Type): number => Number(new RegExp(`\\$(\\d+)::${type}\\[\\]`).exec(STATEMENT)?.[1]) - 1;

/** What is sent for an array of this type. */
function sent(type: Type, values: readonly unknown[]): unknown {
  const at = parameterOf(type);
  return withBinaryArrays(
    STATEMENT,
    Array.from({ length: at + 1 }, (_, i) => (i === at ? values : null)),
  )[at];
}

/** Elements as PostgreSQL reads them, one text each. */
async function read(type: Type, array: unknown): Promise<(string | null)[]> {
  const { rows } = await database.db.query<{ text: string | null }>(
    `SELECT e::text AS text FROM unnest($1::${type}[]) WITH ORDINALITY AS t (e, n) ORDER BY n`,
    [array],
  );
  return rows.map(({ text }) => text);
}

const text = fc.string({ unit: "binary", maxLength: 80 }).map((each) => each.replaceAll("\0", ""));
const SOME: { readonly [T in Type]: fc.Arbitrary<unknown> } = {
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((each) => Buffer.from(each).toString("hex")),
  bigint: fc.oneof(
    fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, -1, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1),
  ),
  smallint: fc.integer({ min: -32_768, max: 32_767 }),
  integer: fc.integer(),
  text,
  bytea: fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each)),
};

test.each(TYPES)("PostgreSQL reads an array of %s sent in its own form as it reads its text", async (type) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(SOME[type]), { maxLength: 30 }), async (values) => {
      const binary = sent(type, values);
      expect(Buffer.isBuffer(binary)).toBe(true);
      expect(await read(type, binary)).toEqual(await read(type, values));
    }),
    { numRuns: 40 },
  );
});

test("texts that are long, not ASCII, or half of a surrogate pair come as they always have", async () => {
  const values = [
    "",
    "é",
    "x".repeat(47) + "é",
    "y".repeat(5_000),
    "\ud800",
    'a"\\b,{}',
    "NULL",
    null,
    "日本".repeat(40),
  ];
  expect(await read("text", sent("text", values))).toEqual(await read("text", values));
});

test("the same UUID again and again, with hyphens, without, and as bytes, beside none and others", async () => {
  const [id, other] = [randomBytes(16), randomBytes(16)].map((bytes) => bytes.toString("hex")) as [string, string];
  const hyphened = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const values = [null, id, id, null, id, other, other, hyphened, hyphened, id];
  expect(await read("uuid", sent("uuid", values))).toEqual(await read("uuid", values));
  const bytes = values.map((each) => each && Buffer.from(each.replaceAll("-", ""), "hex"));
  expect(await read("uuid", sent("uuid", bytes))).toEqual(await read("uuid", values));
});

test.each<[Type, unknown]>([
  ["uuid", "no uuid"],
  ["uuid", "0123456789abcdef0123456789abcdeg"],
  ["uuid", "01234567089ab-cdef-0123-456789abcdef"],
  ["uuid", randomBytes(15)],
  ["bigint", 1n << 63n],
  ["bigint", 2 ** 53],
  ["smallint", 40_000],
  ["integer", 1.5],
  ["text", 7],
  ["bytea", "text"],
])("what is no %s is left to PostgreSQL, and never cut to fit: %s", (type, value) => {
  const values = [value];
  expect(sent(type, values)).toBe(values);
});

test("values that are no arrays, and statements of nobody's file, stay as they are", () => {
  const values = [[1n], randomBytes(3), "text", null];
  expect(withBinaryArrays("SELECT $1::bigint[]", values)).toEqual(values);
  expect(withBinaryArrays(STATEMENT, ["x", 1n])).toEqual(["x", 1n]);
});
