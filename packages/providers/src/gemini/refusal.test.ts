import { GoogleGenAI } from "@google/genai";
import { CODES } from "@tollhouse/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Refusal, Route } from "../adapter.ts";
import { gemini } from "./index.ts";

const events = gemini.route("/v1beta/models/m:streamGenerateContent?alt=sse") as Route;
const array = gemini.route("/v1beta/models/m:streamGenerateContent") as Route;
const whole = gemini.route("/v1beta/models/m:generateContent") as Route;
const refusal: Refusal = {
  code: "BUDGET_EXCEEDED",
  row: CODES.BUDGET_EXCEEDED,
  message: "Budget exceeded. Remaining: $2.50, Required: $5.00",
  param: null,
  budgetInfo: { budget: 10, spent: 7.5, remaining: 2.5 },
  tollhouse: { allowed: false, reason_code: "BUDGET_EXCEEDED" },
};

afterEach(() => vi.unstubAllGlobals());

function clientFor(status: number, body: string, type: string): GoogleGenAI {
  const answer = (): Promise<Response> =>
    Promise.resolve(new Response(body, { status, headers: { "content-type": type } }));
  vi.stubGlobal("fetch", answer);
  return new GoogleGenAI({ apiKey: "k" });
}

const ask = { model: "m", contents: "hi" };

it("a refusal has the provider's shape, and the official client raises with its status", async () => {
  const body = gemini.refusalBody(refusal).toString();
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "BUDGET_EXCEEDED", domain: "tollhouse" };
  expect(JSON.parse(body)).toEqual({
    error: {
      code: 429,
      message: refusal.message,
      status: "RESOURCE_EXHAUSTED",
      details: [info],
      budget_info: { budget: 10, spent: 7.5, remaining: 2.5 },
    },
    tollhouse: refusal.tollhouse,
  });
  const client = clientFor(429, body, "application/json");
  await expect(client.models.generateContent(ask)).rejects.toMatchObject({ name: "ApiError", status: 429 });
});

it("a field that is wrong is named", () => {
  const body: unknown = JSON.parse(gemini.refusalBody({ ...refusal, param: "requests", budgetInfo: null }).toString());
  expect(body).toMatchObject({ error: { details: [{ metadata: { param: "requests" } }] } });
  expect(body).not.toHaveProperty("error.budget_info");
});

describe("a stream that Tollhouse cuts", () => {
  it("makes the official client raise, after what had come", async () => {
    const begun = 'data: {"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0}]}\r\n\r\n';
    const client = clientFor(200, begun + gemini.cutFrame(events, refusal).toString(), "text/event-stream");
    const seen: (string | undefined)[] = [];
    const reading = async (): Promise<void> => {
      for await (const chunk of await client.models.generateContentStream(ask)) seen.push(chunk.text);
    };
    await expect(reading()).rejects.toMatchObject({ name: "ApiError", status: 429 });
    expect(seen).toEqual(["a"]);
  });

  it("stays one JSON array where it is one, begun or not", () => {
    const begun: unknown = JSON.parse(`[{"candidates":[]}${gemini.cutFrame(array, refusal).toString()}`);
    expect(begun).toMatchObject([{}, { error: { status: "RESOURCE_EXHAUSTED" } }]);
    const bare: unknown = JSON.parse(gemini.cutFrame(array, refusal, false).toString());
    expect(bare).toMatchObject([{ error: { code: 429 } }]);
    expect(gemini.cutFrame(whole, refusal).toString()).toMatch(/^data: /);
  });
});

it.each([
  [400, true],
  [403, true],
  [429, true],
  [500, true],
  [503, true],
  [200, false],
  [408, false],
  [499, false],
  [502, false],
  [504, false],
])("status %i is certainly unbilled: %s", (status, unbilled) => {
  expect(gemini.unbilled(status)).toBe(unbilled);
});
