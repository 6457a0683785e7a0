import { expect, test } from "vitest";
import fc from "fast-check";
import { editTopLevel, type JsonEdit } from "./json-edit.ts";

function edited(raw: string, ...edits: JsonEdit[]): string {
  return editTopLevel(Buffer.from(raw), edits).toString();
}

const set = (path: string, json: string): JsonEdit => ({ path: path.split("."), json });
const remove = (path: string): JsonEdit => ({ path: path.split("."), json: null });

test.each<[string, JsonEdit[], string]>([
  // What is not edited stays byte for byte.
  ['{ "seed": 12345678901234567890 , "a":1.0e5 }', [set("a", "2")], '{ "seed": 12345678901234567890 , "a":2 }'],
  ['{"a":1}', [set("b", "2")], '{"a":1,"b":2}'],
  ["{}", [set("b", "2")], '{"b":2}'],
  [" { } ", [set("b", "2")], ' { "b":2} '],
  // Removing takes exactly one comma along.
  ['{"a":1,"b":2,"c":3}', [remove("a")], '{"b":2,"c":3}'],
  ['{"a":1,"b":2,"c":3}', [remove("b")], '{"a":1,"c":3}'],
  ['{"a":1,"b":2,"c":3}', [remove("c")], '{"a":1,"b":2}'],
  ['{"a":1,"b":2,"c":3}', [remove("a"), remove("b")], '{"c":3}'],
  ['{"a":1,"b":2,"c":3}', [remove("a"), remove("c")], '{"b":2}'],
  ['{"a":1}', [remove("a")], "{}"],
  ['{"a":1}', [remove("a"), set("b", "2")], '{"b":2}'],
  ['{"a":1 , "b":2}', [remove("a"), remove("b"), set("c", "3")], '{ "c":3}'],
  // Every occurrence, however it is spelled.
  ['{"a":1,"b":0,"a":2}', [set("a", "9")], '{"a":9,"b":0,"a":9}'],
  ['{"a":1,"b":0,"\\u0061":2}', [remove("a")], '{"b":0}'],
  ['{"o":{"x":1},"o":{"x":2},"o":5}', [set("o.x", "9")], '{"o":{"x":9},"o":{"x":9},"o":{"x":9}}'],
  // Paths.
  ['{"o":null}', [set("o.x", "true")], '{"o":{"x":true}}'],
  ["{}", [set("o.x", "1"), set("o.y", "2")], '{"o":{"x":1,"y":2}}'],
  ['{"o":{"k":1}}', [set("o.x", "1")], '{"o":{"k":1,"x":1}}'],
  ['{"o":{"x":1},"p":2}', [remove("o.x")], '{"o":{},"p":2}'],
  ['{"o":1}', [remove("o.x")], '{"o":1}'],
  ['{"n":{"a":1},"l":[{"a":2}],"s":"\\"a\\":1"}', [remove("a")], '{"n":{"a":1},"l":[{"a":2}],"s":"\\"a\\":1"}'],
  // Strings that look like structure.
  ['{"s":"}{][,:\\\\","a":"\\"","b":1}', [set("b", "2")], '{"s":"}{][,:\\\\","a":"\\"","b":2}'],
  ['{"__proto__":1}', [set("__proto__", "2")], '{"__proto__":2}'],
])("%s with %j becomes %s", (raw, edits, expected) => {
  expect(edited(raw, ...edits)).toBe(expected);
});

test("raw itself comes back where nothing changes", () => {
  const raw = Buffer.from('{"a":1}');
  expect(editTopLevel(raw, [remove("b")])).toBe(raw);
  expect(editTopLevel(raw, [])).toBe(raw);
});

test("nesting 100,000 deep is neither a stack overflow nor slow", () => {
  const deep = `{"d":${"[".repeat(100_000)}${"]".repeat(100_000)},"o":${'{"x":'.repeat(100_000)}1${"}".repeat(100_000)}}`;
  expect(edited(deep, set("a", "1"), set("o.y", "2"))).toBe(`${deep.slice(0, -2)},"y":2},"a":1}`);
});

test.each([
  "",
  "[1]",
  '"text"',
  "{",
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":"',
  '{"a":[1}',
  "{]",
  '{"a":]}',
  '{"\\u00zz":1}',
])("what is no JSON object (%s) is refused by name and never loops", (raw) => {
  expect(() => edited(raw, set("a", "1"), set("b.c", "1"))).toThrow(/body|JSON/);
});

test("paths that hide one another are a bug of the caller", () => {
  expect(() => edited("{}", set("a", "1"), set("a.b", "1"))).toThrow(TypeError);
  expect(() => edited("{}", set("a.b", "1"), set("a", "1"))).toThrow(TypeError);
});

type Json = { [key: string]: Json } | Json[] | string | number | boolean | null;

/** The same edit on a parsed value: the meaning that the splicing must have. */
function onValue(value: { [key: string]: Json }, path: readonly string[], json: Json | undefined): void {
  const [key = "", ...rest] = path;
  if (rest.length === 0) {
    if (json === undefined) delete value[key];
    else value[key] = json;
    return;
  }
  let inner = value[key];
  if (typeof inner !== "object" || inner === null || Array.isArray(inner)) {
    if (json === undefined) return;
    inner = {};
    value[key] = inner;
  }
  onValue(inner, rest, json);
}

const key = fc.constantFrom("a", "b", "c", "é", 'q"', "\\");
const json = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  object: fc.dictionary(key, tie("value"), { maxKeys: 5 }) as fc.Arbitrary<Json>,
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Json>(null, true, 0, -1.5e-7, "", '"a":1', "}{,", "\\"),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("object"),
  ),
}));
const path = fc.array(key, { minLength: 1, maxLength: 3 });

test("for any document and any edits, parsing the spliced bytes gives the edited value", () => {
  fc.assert(
    fc.property(
      json.object,
      fc.array(fc.tuple(path, fc.option(json.value, { nil: undefined })), { maxLength: 4 }),
      fc.constantFrom(0, 2, "\t"),
      (document, wanted, indent) => {
        const edits = wanted.filter(
          ([one], i) =>
            !wanted.some(([other], j) => i > j && one.every((part, k) => k >= other.length || part === other[k])),
        );
        const raw = Buffer.from(JSON.stringify(document, null, indent));
        const expected = structuredClone(document) as { [key: string]: Json };
        for (const [at, value] of edits) onValue(expected, at, value);
        const result = editTopLevel(
          raw,
          edits.map(([at, value]) => ({ path: at, json: value === undefined ? null : JSON.stringify(value) })),
        );
        expect(JSON.parse(result.toString())).toEqual(expected);
      },
    ),
    { numRuns: 3_000 },
  );
});
