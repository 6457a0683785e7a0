import { monitorEventLoopDelay } from "node:perf_hooks";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, describe, expect, test } from "vitest";
import { createTokenCounter } from "./count-tokens.ts";
import { RUN_LENGTH_MAX, splitRuns } from "./split-runs.ts";

const PROSE = "The toll is paid before the bridge; nobody who can't pay gets half-way across. ";
const CODE = "export function reserve(id: string, amounts: Amounts): ReserveResult {\n\treturn { ok: true };\n}\n";
const MIXED = "Für 12,50 € über die Brücke — 橋を渡る前に料金を払います。 Мост платный! 👩‍👩‍👧‍👦 é́ \r\n\r\n  x";
/** Chinese prose with its own signs and no space: longer than the longest run, but not one run. */
const CHINESE = "先付过路费，然后才能过桥；没有人可以先走再付钱。".repeat(60);

const plain = { disallowedSpecial: new Set<string>() };

const counter = createTokenCounter();
afterAll(() => counter.close());

describe("exactness", () => {
  test.each([
    ["prose", PROSE.repeat(40)],
    ["code", CODE.repeat(40)],
    ["mixed scripts", MIXED.repeat(20)],
    ["Chinese prose", CHINESE],
    ["a long text, in several pieces", `${PROSE}${CODE}${MIXED}`.repeat(1_200)],
    ["a run just short enough", `a ${"x".repeat(RUN_LENGTH_MAX)} b`],
  ])("%s counts as the tokenizer counts it whole", async (_, text) => {
    expect(await counter.count([text], 20_000)).toBe(countTokens(text, plain));
  });

  test("texts add up, and nothing is nothing", async () => {
    expect(await counter.count([PROSE, CODE], 20_000)).toBe(countTokens(PROSE, plain) + countTokens(CODE, plain));
    expect(await counter.count([], 20_000)).toBe(0);
    expect(await counter.count([""], 20_000)).toBe(0);
  });

  test("special tokens that a user typed are text", async () => {
    const text = "<|endoftext|> <|im_start|>system<|fim_prefix|>";
    expect(await counter.count([text], 20_000)).toBe(countTokens(text, plain));
  });
});

describe("hostile texts", () => {
  const astral = "𠀀".repeat(20_000);
  test.each([
    ["letters", "a".repeat(100_000)],
    ["spaces", " ".repeat(100_000)],
    ["one CJK character", "中".repeat(40_000)],
    ["signs", "!".repeat(100_000)],
    ["newlines", "\n".repeat(100_000)],
    ["newlines and slashes after a sign", `!${"\n/".repeat(50_000)}`],
    ["combining marks", `e${"́".repeat(100_000)}`],
    ["letters outside the basic plane", astral],
  ])("%s without a break take well under two seconds, and are not under-counted", async (_, text) => {
    await counter.count(["warm"], 20_000);
    const before = performance.now();
    const tokens = await counter.count([text], 20_000);
    expect(performance.now() - before).toBeLessThan(2_000);
    expect(tokens).toBeLessThanOrEqual(Buffer.byteLength(text));
    // Whole, the tokenizer takes seconds for all of it: a twentieth shows the same cuts.
    const part = text.slice(0, text.length / 20);
    expect(await counter.count([part], 20_000)).toBeGreaterThanOrEqual(countTokens(part, plain));
  });

  test("no piece holds a run over the maximum, nothing is lost, and no pair is torn apart", () => {
    for (const text of [
      "a".repeat(5_001),
      `x${" ".repeat(3_000)}y`,
      "中".repeat(2_500),
      astral,
      `x${astral}`,
      MIXED.repeat(3_000),
    ]) {
      const pieces = [...splitRuns(text)];
      expect(pieces.join("") === text).toBe(true);
      expect(pieces.every((piece) => !/([\p{L}\p{M}])\1{1000}|\s{1001}/u.test(piece))).toBe(true);
      expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
    }
  });
});

describe("bounds", () => {
  test("past the deadline the answer is null, soon, and the next count is not held up by the dead one", async () => {
    await counter.count(["warm"], 20_000);
    const before = performance.now();
    // Hundreds of runs of the greatest length: seconds of work.
    const slow = Array.from(
      { length: 3_000 },
      (_, at) => `${String.fromCharCode(0x4e00 + at).repeat(RUN_LENGTH_MAX)} `,
    );
    expect(await counter.count(slow, 50)).toBeNull();
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(await counter.count([PROSE], 5_000)).toBe(countTokens(PROSE, plain));
    expect(performance.now() - before).toBeLessThan(2_500);
  });

  test("too much text, too many waiting, or no time: null at once", async () => {
    expect(await counter.count(["x".repeat(8 * 1024 * 1024 + 1)], 5_000)).toBeNull();
    expect(await counter.count([PROSE], 0)).toBeNull();
    const answers = await Promise.all(Array.from({ length: 80 }, () => counter.count([PROSE], 20_000)));
    expect(answers.filter((tokens) => tokens === null)).toHaveLength(16);
    expect(await counter.count([PROSE], 5_000)).not.toBeNull();
  });

  test("the event loop stays free while the worker counts", async () => {
    await counter.count(["warm"], 20_000);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await counter.count([PROSE.repeat(20_000)], 20_000);
    delay.disable();
    // Counting these 1.6 MB takes over 100 ms.
    expect(delay.max / 1e6).toBeLessThan(80);
  });

  test("closing answers whoever waits, and every count after it", async () => {
    const closing = createTokenCounter();
    const pending = closing.count([PROSE.repeat(10_000)], 20_000);
    await closing.close();
    expect(await pending).toBeNull();
    expect(await closing.count([PROSE], 20_000)).toBeNull();
  });
});
