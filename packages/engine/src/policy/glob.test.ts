import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlobs, GlobInvalid } from "./glob.ts";

test.each([
  ["gpt-4o*", "gpt-4o-mini", true],
  ["gpt-4o*", "gpt-4o", true],
  ["gpt-4o*", "ft:gpt-4o", false],
  ["*-preview", "gpt-4o-audio-preview", true],
  ["*-preview", "gpt-4o-preview-2024", false],
  ["gpt-?o", "gpt-4o", true],
  ["gpt-?o", "gpt-o", false],
  ["{gpt,claude}-{3,4}*", "claude-4-opus", true],
  ["{gpt,claude}-{3,4}*", "claude-5", false],
  ["o{1,3,}-mini", "o-mini", true],
  ["*", "", true],
  ["?", "", false],
  ["*openai/*", "openrouter/openai/gpt-4o", true],
  ["gpt-4.1", "gpt-4x1", false],
])("%s against %s: %s", (glob, text, matches) => {
  expect(compileGlobs([glob], false).matches(text)).toBe(matches);
});

test("case matters only where it is said to", () => {
  expect(compileGlobs(["GPT-4o", "Claude*"], false).matches("gpt-4O")).toBe(true);
  expect(compileGlobs(["GPT-4o", "Claude*"], false).matches("CLAUDE-4")).toBe(true);
  expect(compileGlobs(["Search", "Chat*"], true).matches("search")).toBe(false);
  expect(compileGlobs(["Search", "Chat*"], true).matches("chat-1")).toBe(false);
});

test.each(["a{b", "a}b", "{a,{b,c}}", "{a", "}{", "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"])("%s is refused", (glob) => {
  expect(() => compileGlobs([glob], false)).toThrow(GlobInvalid);
});

test("a list that would take long to look at is refused", () => {
  const wide = "{aaaaaaaaaa,bbbbbbbbbb}*{cccccccccc,dddddddddd}*{eeeeeeeeee,ffffffffff}*";
  expect(() =>
    compileGlobs(
      Array.from({ length: 100 }, (_, i) => `${wide}${i}`),
      false,
    ),
  ).toThrow(GlobInvalid);
});

type Piece = string | readonly string[];

const plain = fc.array(fc.constantFrom("a", "b", "B", "*", "?", "-"), { maxLength: 5 }).map((parts) => parts.join(""));
const piece: fc.Arbitrary<Piece> = fc.oneof(plain, fc.array(plain, { minLength: 1, maxLength: 3 }));
const glob = fc.array(piece, { maxLength: 3 });
const text = fc.array(fc.constantFrom("a", "b", "A", "-", "c"), { maxLength: 10 }).map((parts) => parts.join(""));

test("a list matches what a matcher by the book says of any of its globs", () => {
  let matched = 0;
  fc.assert(
    fc.property(fc.array(glob, { minLength: 1, maxLength: 5 }), text, fc.boolean(), (globs, subject, caseSensitive) => {
      const fold = (some: string): string => (caseSensitive ? some : some.toLowerCase());
      const expected = globs.some((pieces) => byTheBook(pieces, fold, fold(subject)));
      matched += expected ? 1 : 0;
      expect(compileGlobs(globs.map(written), caseSensitive).matches(subject)).toBe(expected);
    }),
    { numRuns: 20_000 },
  );
  expect(matched).toBeGreaterThan(1_000);
});

test("no glob makes the matcher go back: hostile ones end as soon as others", () => {
  const list = compileGlobs(
    Array.from({ length: 60 }, (_, i) => `${"*a".repeat(60)}${i}`),
    false,
  );
  for (let i = 0; i < 100; i++) expect(list.matches("a".repeat(256))).toBe(false);
  expect(list.matches(`${"a".repeat(250)}59`)).toBe(true);
});

function written(pieces: readonly Piece[]): string {
  return pieces.map((some) => (typeof some === "string" ? some : `{${some.join(",")}}`)).join("");
}

/** Slow, recursive, and written from the definition; braces are tried one by one. */
function byTheBook(pieces: readonly Piece[], fold: (text: string) => string, subject: string): boolean {
  const at = pieces.findIndex((some) => typeof some !== "string");
  const choices = pieces[at];
  if (choices === undefined || typeof choices === "string") return wildcard(fold(pieces.join("")), subject);
  return choices.some((choice) => byTheBook(pieces.with(at, choice), fold, subject));
}

function wildcard(pattern: string, subject: string): boolean {
  if (pattern === "") return subject === "";
  const rest = pattern.slice(1);
  if (pattern.startsWith("*"))
    return wildcard(rest, subject) || (subject !== "" && wildcard(pattern, subject.slice(1)));
  if (subject === "") return false;
  return (pattern.startsWith("?") || pattern.charAt(0) === subject.charAt(0)) && wildcard(rest, subject.slice(1));
}
