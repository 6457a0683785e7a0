import { expect, test } from "vitest";
import { chatTokens } from "./openai/prompt-tokens.ts";
import { jsonTokens, MESSAGE_TOKENS } from "./plan.ts";

const HOSTILE = ["", "a", "\u0000\u0001\u0002", '"""""', "\n\n\n", "\\\\", "日本語", "👩‍👩‍👧", "x".repeat(4097)];

test.each(HOSTILE)("the count of %j never exceeds its bytes, nor is it less than a quarter of them", (text) => {
  const bytes = Buffer.byteLength(text);
  expect(jsonTokens(text)).toBeLessThanOrEqual(bytes);
  expect(jsonTokens(text) * 4).toBeGreaterThanOrEqual(bytes);
  const parts = Array.from({ length: 50 }, () => ({ type: "text", text }));
  const counted = chatTokens({ messages: [{ role: "user", content: parts }] });
  expect(counted.text).toBeLessThanOrEqual(50 * bytes + MESSAGE_TOKENS);
});

test("absent fields count nothing", () => {
  expect([jsonTokens(undefined), jsonTokens(null), chatTokens({}).text]).toEqual([0, 0, 0]);
});
