import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sideBySide, type SideBySide } from "./side-by-side.ts";

// What a client without any library sees, byte by byte: curl, and fetch where curl is not needed.

let world: SideBySide;
beforeAll(async () => {
  world = await sideBySide();
});
afterAll(() => world.stop());

const OPENAI = { authorization: "Bearer anything" };
const ANTHROPIC = { "x-api-key": "anything", "anthropic-version": "2023-06-01" };
const GEMINI = { "x-goog-api-key": "anything" };
const messages = [{ role: "user", content: "Tell me about the river — und über die Brücke 🌉." }];
const contents = [{ role: "user", parts: [{ text: "Tell me about the river." }] }];
const usageAsked = { stream_options: { include_usage: true } };
const chat = { model: "gpt-4o-mini", messages };
const message = { model: "claude-sonnet-4-5", max_tokens: 300, messages };
const flash = "/v1beta/models/gemini-2.5-flash";

type Row = readonly [name: string, path: string, headers: Record<string, string>, body: Record<string, unknown>];

const SURFACES: readonly Row[] = [
  ["chat", "/v1/chat/completions", OPENAI, chat],
  ["chat, streamed", "/v1/chat/completions", OPENAI, { ...chat, stream: true }],
  ["chat, streamed with usage", "/v1/chat/completions", OPENAI, { ...chat, stream: true, ...usageAsked }],
  ["chat, two choices streamed", "/v1/chat/completions", OPENAI, { ...chat, n: 2, stream: true }],
  ["responses", "/v1/responses", OPENAI, { model: "gpt-4o", input: "Hi" }],
  ["responses, streamed", "/v1/responses", OPENAI, { model: "gpt-4o", input: "Hi", stream: true }],
  ["completions, streamed", "/v1/completions", OPENAI, { model: "gpt-3.5-turbo-instruct", prompt: "Hi", stream: true }],
  ["embeddings", "/v1/embeddings", OPENAI, { model: "text-embedding-3-small", input: "Hi" }],
  ["images", "/v1/images/generations", OPENAI, { model: "gpt-image-1", prompt: "A river" }],
  ["moderations", "/v1/moderations", OPENAI, { model: "omni-moderation-latest", input: "Hi" }],
  ["speech", "/v1/audio/speech", OPENAI, { model: "gpt-4o-mini-tts", voice: "alloy", input: "Hi" }],
  [
    "speech, streamed",
    "/v1/audio/speech",
    OPENAI,
    { model: "gpt-4o-mini-tts", voice: "alloy", input: "Hi", stream_format: "sse" },
  ],
  ["messages", "/v1/messages", ANTHROPIC, message],
  ["messages, streamed", "/v1/messages", ANTHROPIC, { ...message, stream: true }],
  ["count_tokens", "/v1/messages/count_tokens", ANTHROPIC, { model: message.model, messages }],
  ["generateContent", `${flash}:generateContent`, GEMINI, { contents }],
  ["streamGenerateContent, events", `${flash}:streamGenerateContent?alt=sse`, GEMINI, { contents }],
  ["streamGenerateContent, array", `${flash}:streamGenerateContent`, GEMINI, { contents }],
  ["countTokens", `${flash}:countTokens`, GEMINI, { contents }],
];

function post(base: string, [, path, headers, body]: Row): Promise<Response> {
  return fetch(base + path, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

test.each(SURFACES)("%s: the body is the provider's, byte for byte", async (...row) => {
  const ours = await post(world.url, row);
  const theirs = await post(world.twin.url, row);
  const [ourBody, theirBody] = [Buffer.from(await ours.arrayBuffer()), Buffer.from(await theirs.arrayBuffer())];
  expect(ours.status).toBe(theirs.status);
  expect(ours.status).toBe(200);
  expect(ourBody.toString("latin1")).toBe(theirBody.toString("latin1"));
  expect(ours.headers.get("content-type")).toBe(theirs.headers.get("content-type"));
});

test("a stream ends with a line of its cost where the client asks, and is otherwise untouched", async () => {
  const asked: Row = [
    "",
    "/v1/chat/completions",
    { ...OPENAI, "x-tollhouse-include-cost": "true" },
    { ...chat, stream: true },
  ];
  const ours = await (await post(world.url, asked)).text();
  const theirs = await (await post(world.twin.url, asked)).text();
  expect(ours.startsWith(theirs)).toBe(true);
  expect(ours.slice(theirs.length)).toMatch(/^: x-tollhouse-cost \d+\.\d{9}\n\n$/);
});

test("curl gets the same bytes through the gateway as directly", async () => {
  const body = JSON.stringify({ ...chat, stream: true });
  const ask = async (base: string): Promise<string> => {
    const args = ["-sS", "-N", `${base}/v1/chat/completions`, "-H", "authorization: Bearer x", "-d", body];
    return (await promisify(execFile)("curl", [...args, "-H", "content-type: application/json"])).stdout;
  };
  const ours = await ask(world.url);
  expect(ours).toBe(await ask(world.twin.url));
  expect(ours).toContain("data: [DONE]");
});
