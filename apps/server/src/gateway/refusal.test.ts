import { CODES, type ReasonCode } from "@tollhouse/contract";
import { openai } from "@tollhouse/providers";
import type { CounterState } from "@tollhouse/store";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  budgetHeader,
  buildRefusal,
  dollars,
  exceededCode,
  exceededMessage,
  limitState,
  refusalHeaders,
  remainingOf,
} from "./refusal.ts";
import { sampleLimit } from "./sample-call.ts";

const USD = 1_000_000_000n;
function stateOf(over: Partial<CounterState["limit"]> = {}, settled = 0n, reserved = 0n): CounterState {
  const window = { id: "w", startMs: 0, endMs: Date.UTC(2026, 11, 1) };
  return { limit: sampleLimit({ amount: 10n * USD, ...over }), window, settled, reserved };
}

describe("what a refused client reads", () => {
  test("the example of the contract, to the letter", () => {
    const by = { by: stateOf({ scope: "session:my-session-123" }, 7_500_000_000n), required: 5n * USD };
    const message = exceededMessage(by.by, by.required);
    expect(message).toBe("Budget exceeded. Remaining: $2.50, Required: $5.00");
    const refusal = buildRefusal({ code: "BUDGET_EXCEEDED", decision: "0a", message, by });
    expect(JSON.parse(openai.refusalBody(refusal).toString())).toMatchObject({
      error: { message, code: "BUDGET_EXCEEDED", budget_info: { budget: 10, spent: 7.5, remaining: 2.5 } },
      tollhouse: {
        allowed: false,
        reason_code: "BUDGET_EXCEEDED",
        decision_id: "dec_0a",
        limit: { id: "lim_1", scope: "session:my-session-123", measure: "usd", window: "lifetime", mode: "hard" },
        limit_state: {
          limit: "10.000000000",
          settled: "7.500000000",
          reserved: "0.000000000",
          remaining: "2.500000000",
        },
        retry_after: null,
      },
    });
  });

  test.each([
    ["tokens", "TOKEN_LIMIT_EXCEEDED", "Token limit exceeded. Remaining: 3, Required: 9"],
    ["requests", "REQUEST_LIMIT_EXCEEDED", "Request limit exceeded. Remaining: 3, Required: 9"],
  ] as const)("%s are whole numbers, and no budget", (measure, code, message) => {
    const state = stateOf({ measure, amount: 5n }, 1n, 1n);
    expect([exceededCode(measure), exceededMessage(state, 9n)]).toEqual([code, message]);
    const refusal = buildRefusal({ code, decision: "0a", message, by: { by: state, required: 9n } });
    expect(refusal.budgetInfo).toBeNull();
    expect(refusal.tollhouse["limit_state"]).toMatchObject({ limit: "5", settled: "1", reserved: "1", remaining: "3" });
  });

  test("a refusal without a limit names none", () => {
    const { tollhouse, budgetInfo } = buildRefusal({ code: "KEY_INVALID", decision: "0a", message: "no" });
    expect(Object.keys(tollhouse)).toEqual(["allowed", "reason_code", "decision_id", "retry_after"]);
    expect(budgetInfo).toBeNull();
  });

  test("numbers have no float noise, whatever the amounts", () => {
    const nano = fc.bigInt({ min: 0n, max: 999_999_999_999_999n });
    fc.assert(
      fc.property(nano, nano, nano, (amount, settled, reserved) => {
        const by = { by: stateOf({ amount }, settled, reserved), required: 1n };
        const info = buildRefusal({ code: "BUDGET_EXCEEDED", decision: "0a", message: "", by }).budgetInfo;
        const exact = [amount, settled, remainingOf(by.by)].map(
          (value) => `${Number(value / USD)}.${String(value % USD).padStart(9, "0")}`,
        );
        expect([info?.budget, info?.spent, info?.remaining]).toEqual(exact.map(Number));
        for (const value of [info?.budget, info?.spent, info?.remaining]) {
          const [, places = ""] = Number(value).toFixed(9).split(".");
          expect(places).toHaveLength(9);
          expect(JSON.stringify(value)).not.toMatch(/\.\d{10,}/);
        }
      }),
    );
  });

  test("what is left is never below zero, and a lifetime has no reset", () => {
    expect(remainingOf(stateOf({}, 9n * USD, 2n * USD))).toBe(0n);
    expect(limitState(stateOf()).resets_at).toBe("2026-12-01T00:00:00.000Z");
    const lifetime = { ...stateOf(), window: { id: "lifetime", startMs: -Infinity, endMs: Infinity } };
    expect(limitState(lifetime).resets_at).toBeNull();
  });
});

test.each([
  [0n, "$0.00"],
  [1n, "$0.000000001"],
  [10_000_000n, "$0.01"],
  [37_500n, "$0.0000375"],
  [2_500_000_000n, "$2.50"],
  [100_000_000_000n, "$100.00"],
  [1_234_567_890n, "$1.23456789"],
])("%s nano-dollars are %s", (nano, text) => expect(dollars(nano)).toBe(text));

describe("the headers of a refusal", () => {
  const headersOf = (code: ReasonCode, over = {}): Record<string, string | number> =>
    refusalHeaders(buildRefusal({ code, decision: "0a", message: "no", ...over }), "0a", 2);

  test.each(Object.keys(CODES) as ReasonCode[])("%s says retry-after or x-should-retry: false, never both", (code) => {
    const headers = headersOf(code);
    const soon = CODES[code].retry === "soon";
    expect(headers["retry-after"]).toBe(soon ? 1 : undefined);
    expect(headers["x-should-retry"]).toBe(soon ? undefined : "false");
    expect(headers).toMatchObject({ "x-tollhouse-decision": "dec_0a", "x-tollhouse-reason": code });
  });

  test.each([
    [0.2, 1],
    [0, 1],
    [3.5, 4],
    [3_600, 60],
  ])("a wait of %f s is said as %i", (retryAfter, said) => {
    const code = "OVERLOADED";
    expect(headersOf(code, { retryAfter })["retry-after"]).toBe(said);
  });

  test("no retry is invited for what was sent already", () => {
    const headers = headersOf("UPSTREAM_FAILED", { sent: true });
    expect([headers["retry-after"], headers["x-should-retry"]]).toEqual([undefined, "false"]);
  });
});

describe("the budget header", () => {
  test("is what the contract says", () => {
    expect(budgetHeader("agent:sdr", "2.500000000", null)).toBe("scope=agent:sdr; remaining=2.500000000; reset=never");
  });

  test.each(["a;b", "päng", "line\nbreak", "\u0000", "𠀀", "\ud800", "a\r\nset-cookie: x", "team:ünï; remaining=9"])(
    "scope %j cannot end the header or say something else",
    (scope) => {
      const header = budgetHeader(scope, "1", null);
      expect(header).toMatch(/^[\x20-\x7e]*$/);
      expect(header.split(";")).toHaveLength(3);
    },
  );

  test("any text is a header value that node takes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (scope) => {
        expect(() => new Headers({ x: budgetHeader(scope, "1", null) })).not.toThrow();
      }),
    );
  });
});
