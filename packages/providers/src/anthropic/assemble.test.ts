import { readFileSync } from "node:fs";
import { CODES } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import type { Assembler, Refusal, Route } from "../adapter.ts";
import { anthropic } from "./index.ts";

const route = anthropic.route("/v1/messages") as Route;
const facts = anthropic.parseRequest(route, { model: "claude", max_tokens: 9, messages: [] }, 60, {});

const cut: Refusal = {
  code: "BUDGET_EXCEEDED",
  row: CODES.BUDGET_EXCEEDED,
  message: "Budget exceeded.",
  param: null,
  budgetInfo: null,
  tollhouse: { allowed: false, reason_code: "BUDGET_EXCEEDED" },
};

function fixture(name: string): Buffer {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url));
}

function assembler(bytes: Buffer): Assembler {
  const assembling = anthropic.assembler(route, facts) as Assembler;
  assembling.push(bytes);
  return assembling;
}

describe("an assembled answer is the one the provider would have sent", () => {
  it.each(["cached-text", "thinking-tools", "web-search", "iterations", "refusal"])("%s, field for field", (name) => {
    const answer = assembler(fixture(`${name}.sse`))
      .finish(null)
      .toString();
    expect(JSON.parse(answer)).toEqual(JSON.parse(fixture(`${name}.json`).toString()));
  });

  it("keeps the digits of a big integer in tool arguments", () => {
    const answer = assembler(fixture("thinking-tools.sse")).finish(null).toString();
    expect(answer).toContain('"id": 12345678901234567890');
  });

  it("is the same however the bytes are cut", () => {
    const bytes = fixture("thinking-tools.sse");
    const expected = assembler(bytes).finish(null);
    for (let at = 1; at < bytes.length; at += 7) {
      const assembling = assembler(bytes.subarray(0, at));
      assembling.push(bytes.subarray(at));
      expect(assembling.finish(null).equals(expected)).toBe(true);
    }
  });
});

describe("an answer that was cut says so", () => {
  it("stops as max_tokens, names the reason, and drops half an argument", () => {
    const bytes = fixture("thinking-tools.sse");
    const at = bytes.indexOf("34567890");
    const answer: unknown = JSON.parse(assembler(bytes.subarray(0, at)).finish(cut).toString());
    expect(answer).toMatchObject({
      stop_reason: "max_tokens",
      content: [
        { type: "thinking" },
        {},
        { text: "Looking both up." },
        { type: "tool_use", name: "get_rate", input: {} },
      ],
      tollhouse: { reason_code: "BUDGET_EXCEEDED" },
    });
  });

  it("is a message even where nothing had come yet", () => {
    const answer: unknown = JSON.parse(assembler(Buffer.alloc(0)).finish(cut).toString());
    expect(answer).toMatchObject({
      type: "message",
      role: "assistant",
      model: "claude",
      content: [],
      stop_reason: "max_tokens",
    });
  });
});

it("tells an error inside the stream with the status it has without one", () => {
  const { error } = assembler(fixture("overloaded.sse"));
  expect(error?.status).toBe(529);
  expect(JSON.parse(String(error?.body))).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
});
