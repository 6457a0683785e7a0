import { ApiError, GoogleGenAI } from "@google/genai";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../simulator.ts";

let simulator: Simulator;
let client: GoogleGenAI;

beforeAll(async () => {
  simulator = await startSimulator({ seed: 9 });
  client = new GoogleGenAI({ apiKey: "gemini-test", httpOptions: { baseUrl: simulator.url } });
});
afterAll(() => simulator.close());

const BASE = { model: "gemini-2.5-flash", contents: "Tell me about the river behind the house." };

function steering(simulatorField: Readonly<Record<string, unknown>>): {
  httpOptions: { extraBody: Record<string, unknown> };
} {
  return { httpOptions: { extraBody: { simulator: simulatorField } } };
}

test("thoughts are beside candidates, cached tokens inside the prompt, and the bill is disjoint", async () => {
  const answer = await client.models.generateContent({
    model: "gemini-2.5-flash",
    contents: "x".repeat(400),
    config: steering({ output_tokens: 20, reasoning_tokens: 30, cached_tokens: 60, web_searches: 2 }),
  });
  expect(answer.usageMetadata).toMatchObject({
    promptTokenCount: 103,
    cachedContentTokenCount: 60,
    candidatesTokenCount: 20,
    thoughtsTokenCount: 30,
    totalTokenCount: 153,
  });
  expect(answer.candidates?.[0]?.groundingMetadata?.webSearchQueries).toHaveLength(2);
  // 43 × 0.3 + 60 × 0.03 + 50 × 2.5 micro-dollars, and one grounded prompt.
  expect(simulator.billOf(answer.responseId ?? "")?.costNano).toBe(35_139_700n);
});

test("usage is cumulative on each chunk, and the last one is the whole", async () => {
  const seen: number[] = [];
  let text = "";
  let finish = null;
  const stream = await client.models.generateContentStream({ ...BASE, config: steering({ output_tokens: 25 }) });
  for await (const chunk of stream) {
    seen.push(chunk.usageMetadata?.candidatesTokenCount ?? 0);
    text += chunk.text ?? "";
    finish = chunk.candidates?.[0]?.finishReason ?? finish;
  }
  expect(seen.slice(0, 3)).toEqual([1, 2, 3]);
  expect(seen.at(-1)).toBe(25);
  expect(countTokens(text)).toBe(25);
  expect(finish).toBe("STOP");
});

test("without alt=sse the stream is one JSON array", async () => {
  const url = `${simulator.url}/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?key=k`;
  const contents = [{ role: "user", parts: [{ text: "Hi" }] }];
  const init = { method: "POST", body: JSON.stringify({ contents, simulator: { output_tokens: 4 } }) };
  const answer = (await (await fetch(url, init)).json()) as { usageMetadata: { candidatesTokenCount: number } }[];
  expect(answer.at(-1)?.usageMetadata.candidatesTokenCount).toBe(4);
});

test("function calls, candidates and caps are honoured", async () => {
  const functionDeclarations = [{ name: "find_river" }];
  const called = await client.models.generateContent({
    ...BASE,
    config: { ...steering({ tool: true, output_tokens: 12 }), tools: [{ functionDeclarations }] },
  });
  expect(called.functionCalls?.[0]?.name).toBe("find_river");
  const capped = await client.models.generateContent({
    ...BASE,
    config: { ...steering({ output_tokens: 50 }), candidateCount: 2, maxOutputTokens: 10 },
  });
  expect(capped.candidates?.map((candidate) => candidate.finishReason)).toEqual(["MAX_TOKENS", "MAX_TOKENS"]);
  expect(capped.usageMetadata?.candidatesTokenCount).toBe(20);
});

test("embeddings bill their text, and counting is free", async () => {
  const answer = await client.models.embedContent({ model: "gemini-embedding-001", contents: ["river", "house"] });
  expect(answer.embeddings?.map((one) => one.values?.length)).toEqual([3072, 3072]);
  const line = simulator.bill().at(-1);
  // (3 + 2) × 2 tokens × 150,000 pico-dollars.
  expect(line).toMatchObject({ endpoint: "batch_embed_contents", classes: { input: 10 }, costNano: 1_500n });
  const counted = await client.models.countTokens(BASE);
  expect(counted.totalTokens).toBe(14);
  expect(simulator.bill().at(-1)?.costNano).toBe(0n);
});

test("errors have Google's shape and raise ApiError", async () => {
  for (const status of [400, 401, 404, 429, 500, 503]) {
    const fault = { kind: "error_status", status };
    const call = client.models.generateContent({ ...BASE, config: steering({ fault }) });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiError);
    expect(error instanceof ApiError ? error.status : null).toBe(status);
  }
  const url = `${simulator.url}/v1beta/models/gemini-2.5-flash:generateContent`;
  const missing = await fetch(url, { method: "POST", body: "{}" });
  expect(await missing.json()).toMatchObject({ error: { code: 401, status: "UNAUTHENTICATED" } });
});

test("the served tier is in a header, and halves or doubles the price", async () => {
  const url = `${simulator.url}/v1beta/models/gemini-2.5-flash:generateContent?key=k`;
  const contents = [{ parts: [{ text: "Hi" }] }];
  const body = JSON.stringify({ contents, serviceTier: "flex", simulator: { output_tokens: 100 } });
  const answer = await fetch(url, { method: "POST", body });
  expect(answer.headers.get("x-gemini-service-tier")).toBe("flex");
  // (4 × 0.3 + 100 × 2.5) ÷ 2 micro-dollars.
  expect(simulator.bill().at(-1)?.costNano).toBe(125_600n);
});
