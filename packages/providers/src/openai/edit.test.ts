import { expect, test } from "vitest";
import type { UpstreamEdit, UpstreamRequest } from "../adapter.ts";
import { openai } from "./index.ts";

function edited(path: string, raw: string, edit: UpstreamEdit): UpstreamRequest {
  const route = openai.route(path);
  if (route === null) throw new Error("no route");
  return openai.editRequest(route, route.body === "json" ? JSON.parse(raw) : {}, Buffer.from(raw), edit);
}

const chat = (raw: string, edit: UpstreamEdit): string => edited("/v1/chat/completions", raw, edit).body.toString();

test("nothing to change gives the same buffer and the same path", () => {
  const route = openai.route("/v1/chat/completions?a=1");
  if (route === null) throw new Error("no route");
  const raw = Buffer.from('{"model":"m"}');
  const request = openai.editRequest(route, { model: "m" }, raw, {});
  expect(request.body).toBe(raw);
  expect(request.path).toBe("/chat/completions?a=1");
});

test("asking for usage leaves every other byte as it was", () => {
  const raw = '{ "stream" :true, "seed":12345678901234567890,"stream_options":{"include_obfuscation":false} }';
  expect(chat(raw, { includeUsage: true })).toBe(
    '{ "stream" :true, "seed":12345678901234567890,"stream_options":{"include_obfuscation":false,"include_usage":true} }',
  );
  expect(chat('{"stream":true,"stream_options":null}', { includeUsage: true })).toBe(
    '{"stream":true,"stream_options":{"include_usage":true}}',
  );
});

test("usage is not asked for without a stream: the provider would refuse it", () => {
  expect(chat('{"stream":false}', { includeUsage: true })).toBe('{"stream":false}');
  expect(edited("/v1/responses", '{"stream":true}', { includeUsage: true }).body.toString()).toBe('{"stream":true}');
});

test("a forced stream asks for usage too, where the endpoint has to be asked", () => {
  expect(chat('{"stream":false}', { forceStream: true })).toBe(
    '{"stream":true,"stream_options":{"include_usage":true}}',
  );
  expect(edited("/v1/responses", "{}", { forceStream: true }).body.toString()).toBe('{"stream":true}');
});

test.each([
  ['{"model":"gpt-4o","max_tokens":900}', '{"model":"gpt-4o","max_tokens":50}'],
  ['{"model":"gpt-4o","max_completion_tokens":900}', '{"model":"gpt-4o","max_completion_tokens":50}'],
  ['{"model":"gpt-4o","max_tokens":1,"max_completion_tokens":900}', '{"model":"gpt-4o","max_completion_tokens":50}'],
  ['{"model":"gpt-4o","max_output_tokens":900}', '{"model":"gpt-4o","max_tokens":50}'],
  ['{"model":"o3"}', '{"model":"o3","max_completion_tokens":50}'],
  ['{"model":"openai/gpt-5-mini","max_tokens":9}', '{"model":"openai/gpt-5-mini","max_completion_tokens":50}'],
  ['{"model":"llama"}', '{"model":"llama","max_tokens":50}'],
  ['{"max_tokens":9,"model":"m","max_tokens":99}', '{"max_tokens":50,"model":"m","max_tokens":50}'],
])("one cap replaces every alias: %s", (raw, expected) => {
  expect(chat(raw, { outputTokensMax: 50 })).toBe(expected);
});

test("the cap has the endpoint's own name; endpoints without one stay as they are", () => {
  const cap = (path: string): string => edited(path, '{"model":"m"}', { outputTokensMax: 5 }).body.toString();
  expect(cap("/v1/responses")).toBe('{"model":"m","max_output_tokens":5}');
  expect(cap("/v1/completions")).toBe('{"model":"m","max_tokens":5}');
  expect(cap("/openai/deployments/d/chat/completions")).toBe('{"model":"m","max_completion_tokens":5}');
  expect(cap("/v1/embeddings")).toBe('{"model":"m"}');
});

test("another model goes into the body, or into the path of a deployment", () => {
  expect(chat('{"model":"gpt-4o","model":"x"}', { model: 'a"b' })).toBe('{"model":"a\\"b","model":"a\\"b"}');
  expect(chat('{"model":"gpt-4o"}', { model: "o3", outputTokensMax: 5 })).toBe(
    '{"model":"o3","max_completion_tokens":5}',
  );
  expect(edited("/openai/deployments/big/chat/completions?api-version=1", "{}", { model: "my small" })).toMatchObject({
    path: "/openai/deployments/my%20small/chat/completions?api-version=1",
    body: Buffer.from("{}"),
  });
});

test("the model of a form cannot be changed in silence", () => {
  expect(() => edited("/v1/audio/transcriptions", "--x", { model: "m" })).toThrow(TypeError);
  expect(edited("/v1/audio/transcriptions", "--x", { includeUsage: true }).body.toString()).toBe("--x");
});
