import { readFileSync } from "node:fs";
import { CODES } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import type { Assembler, Refusal, Route } from "../adapter.ts";
import { gemini } from "./index.ts";

const route = gemini.route("/v1beta/models/gemini-2.5-flash:generateContent") as Route;
const array = gemini.route("/v1beta/models/gemini-2.5-flash:streamGenerateContent") as Route;
const facts = gemini.parseRequest(route, {}, 2, {});

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

function assembler(bytes: Buffer, of = route): Assembler {
  const assembling = gemini.assembler(of, facts) as Assembler;
  assembling.push(bytes);
  return assembling;
}

const parsed = (bytes: Buffer): unknown => JSON.parse(bytes.toString());

describe("an assembled answer is the one the provider would have sent", () => {
  const names = ["thinking-text", "cached-tools", "image-output", "two-candidates", "blocked"];
  it.each(names)("%s, field for field", (name) => {
    expect(parsed(assembler(fixture(`${name}.sse`)).finish(null))).toEqual(parsed(fixture(`${name}.json`)));
  });

  it.each(names)("%s, from a JSON array too", (name) => {
    expect(parsed(assembler(fixture(`${name}.array`), array).finish(null))).toEqual(parsed(fixture(`${name}.json`)));
  });

  it("keeps fields made later, the last of each", () => {
    const chunks =
      'data: {"newField":1,"candidates":[{"newer":"a"}]}\n\ndata: {"newField":2,"candidates":[{"newer":"b"}]}\n\n';
    expect(parsed(assembler(Buffer.from(chunks)).finish(null))).toEqual({ newField: 2, candidates: [{ newer: "b" }] });
  });

  it("is the same however the bytes are cut", () => {
    const bytes = fixture("thinking-text.sse");
    const expected = assembler(bytes).finish(null);
    for (let at = 1; at < bytes.length; at += 7) {
      const assembling = assembler(bytes.subarray(0, at));
      assembling.push(bytes.subarray(at));
      expect(assembling.finish(null).equals(expected)).toBe(true);
    }
  });
});

describe("an answer that was cut says so", () => {
  it("ends as MAX_TOKENS and names the reason", () => {
    const bytes = fixture("thinking-text.sse");
    expect(parsed(assembler(bytes.subarray(0, bytes.indexOf("Zölle"))).finish(cut))).toMatchObject({
      candidates: [{ content: { parts: [{ text: "Weighing rates.", thought: true }] }, finishReason: "MAX_TOKENS" }],
      tollhouse: { reason_code: "BUDGET_EXCEEDED" },
    });
  });

  it("keeps the end of a candidate that was complete", () => {
    const bytes = fixture("two-candidates.sse");
    expect(parsed(assembler(bytes.subarray(0, bytes.lastIndexOf("data: "))).finish(cut))).toMatchObject({
      candidates: [{ finishReason: "STOP" }, { finishReason: "MAX_TOKENS" }],
    });
  });

  it("is an answer even where nothing had come yet", () => {
    expect(parsed(assembler(Buffer.alloc(0)).finish(cut))).toMatchObject({
      candidates: [{ content: { parts: [], role: "model" }, finishReason: "MAX_TOKENS", index: 0 }],
    });
  });
});

it("tells an error inside the stream with the status and body it has without one", () => {
  const { error } = assembler(fixture("unavailable.sse"));
  expect(error?.status).toBe(503);
  expect(JSON.parse(String(error?.body))).toEqual(parsed(fixture("unavailable.json")));
});
