import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test } from "vitest";
import { AnswerText } from "./answer-text.ts";
import { WORDS } from "./words.ts";

test("each of at least 200 different words is one token with its leading space", () => {
  expect(new Set(WORDS).size).toBe(WORDS.length);
  expect(WORDS.length).toBeGreaterThanOrEqual(200);
  expect(WORDS.filter((word) => countTokens(` ${word}`) !== 1)).toEqual([]);
});

test.each([0, 1, 77, 4096, 10_000])("a text of %i words is so many tokens, wherever it starts", (count) => {
  const text = new AnswerText(5);
  for (const from of [0, 4095, 4_294_967_295]) {
    const words = text.words(from, count);
    expect(words.split(" ")).toHaveLength(count + 1);
    expect(countTokens(words)).toBe(count);
  }
});
