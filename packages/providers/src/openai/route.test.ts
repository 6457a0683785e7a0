import { expect, test } from "vitest";
import { openai } from "./index.ts";

test.each([
  ["/v1/chat/completions", "chat_completions", "/chat/completions"],
  ["/chat/completions?x=1", "chat_completions", "/chat/completions?x=1"],
  ["/v1/completions", "completions", "/completions"],
  ["/v1/embeddings", "embeddings", "/embeddings"],
  ["/v1/responses", "responses", "/responses"],
  ["/v1/images/generations", "images_generations", "/images/generations"],
  ["/v1/audio/speech", "audio_speech", "/audio/speech"],
  ["/v1/audio/transcriptions", "audio_transcriptions", "/audio/transcriptions"],
  ["/audio/translations", "audio_translations", "/audio/translations"],
  ["/v1/moderations", "moderations", "/moderations"],
  ["/v1/models", "models", "/models"],
  ["/v1/models/meta-llama/llama-3", "models", "/models/meta-llama/llama-3"],
  ["/openai/v1/chat/completions", "chat_completions", "/openai/v1/chat/completions"],
])("%s is %s, upstream %s", (path, endpoint, upstreamPath) => {
  const multipart = /transcriptions|translations/.test(endpoint);
  expect(openai.route(path)).toEqual({
    dialect: "openai",
    endpoint,
    method: endpoint === "models" ? "GET" : "POST",
    body: endpoint === "models" ? "none" : multipart ? "multipart" : "json",
    upstreamPath,
    model: null,
    stream: null,
  });
});

test("an Azure deployment is the model, and its path goes upstream whole", () => {
  expect(openai.route("/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21")).toMatchObject({
    endpoint: "chat_completions",
    model: "my gpt",
    upstreamPath: "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21",
  });
  for (const end of ["completions", "embeddings", "images/generations", "audio/transcriptions", "audio/speech"])
    expect(openai.route(`/openai/deployments/d/${end}`)?.upstreamPath).toBe(`/openai/deployments/d/${end}`);
});

test.each([
  "/",
  "",
  "/v1",
  "/v1/chat/completions/",
  "/v1/v1/chat/completions",
  "/v1/chat/Completions",
  "/v1/responses/resp_1",
  "/v1/files",
  "/v1/models/",
  "/v1/models/../chat/completions",
  "/v1/models/%2e%2e/files",
  "/v1/models/a%2fb",
  "/v1/models/%zz",
  "/openai/deployments//chat/completions",
  "/openai/deployments/../chat/completions",
  "/openai/deployments/%2e%2e/chat/completions",
  "/openai/deployments/d/files",
  "/openai/deployments/d/responses",
])("%s is no endpoint", (path) => {
  expect(openai.route(path)).toBeNull();
});
