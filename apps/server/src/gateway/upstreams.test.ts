import { afterAll, describe, expect, test } from "vitest";
import { createTargetFinder, createUpstream, type UpstreamSettings } from "./upstreams.ts";

const settings: UpstreamSettings = {
  name: "openai",
  dialect: "openai",
  baseUrl: "http://127.0.0.1:9/v1/",
  apiKey: "sk-installed",
  auth: "bearer",
  headersTimeoutMs: 1_000,
  chunkTimeoutMs: 1_000,
};
const upstreams = new Map(
  (["openai", "anthropic", "gemini"] as const).map((name) => [
    name as string,
    createUpstream({ ...settings, name, dialect: name }),
  ]),
);
upstreams.set("groq", createUpstream({ ...settings, name: "groq" }));
afterAll(() => Promise.all([...upstreams.values()].map((upstream) => upstream.pool.destroy())));
const find = createTargetFinder(upstreams);

function found(url: string): readonly [string, string] | null {
  const target = find(url);
  return target === null ? null : [target.upstream.name, target.path];
}

describe("where a path goes", () => {
  test.each([
    ["/v1/chat/completions", "openai", "/v1/chat/completions"],
    ["/v1/models", "openai", "/v1/models"],
    ["/v1/models/gpt-4o", "openai", "/v1/models/gpt-4o"],
    ["/v1/messages", "anthropic", "/v1/messages"],
    ["/v1/messages/count_tokens?beta=true", "anthropic", "/v1/messages/count_tokens?beta=true"],
    ["/v1/models/gemini-2.5-pro:generateContent", "gemini", "/v1/models/gemini-2.5-pro:generateContent"],
    ["/v1beta/models/m:streamGenerateContent?alt=sse", "gemini", "/v1beta/models/m:streamGenerateContent?alt=sse"],
    ["/anthropic/v1/messages", "anthropic", "/v1/messages"],
    ["/gemini/v1beta/models/m:countTokens", "gemini", "/v1beta/models/m:countTokens"],
    ["/groq/v1/chat/completions", "groq", "/v1/chat/completions"],
  ])("%s is %s's %s", (url, name, path) => expect(found(url)).toEqual([name, path]));

  test.each([
    "/",
    "/openai",
    "/nobody/v1/chat/completions",
    "",
    "*",
    "http://evil.test/v1/chat/completions",
    "/%6fpenai/x",
  ])("%j is nobody's", (url) => expect(found(url)).toBeNull());

  test("two slashes do not make another host", () => expect(found("//evil.test/v1")).toBeNull());
});

describe("what identifies the caller stays here", () => {
  test.each([
    ["/v1/chat/completions?key=th_x", "/v1/chat/completions"],
    ["/v1/chat/completions?a=1&session_id=s&b=%20", "/v1/chat/completions?a=1&b=%20"],
    ["/v1/chat/completions?k%65y=th_x&session%5Fid=s", "/v1/chat/completions"],
    ["/v1/chat/completions?key=a&key=b&keys=1&key", "/v1/chat/completions?keys=1"],
    ["/v1/chat/completions?api-version=2024-10-21", "/v1/chat/completions?api-version=2024-10-21"],
    ["/v1/chat/completions?%24key=a&ACCESS_TOKEN=b&oauth_token=c&alt=sse", "/v1/chat/completions?alt=sse"],
    ["/v1/chat/completions?subscription-key=a&$userProject=b&quotaUser=c", "/v1/chat/completions"],
  ])("%s goes on as %s", (url, path) => expect(found(url)?.[1]).toBe(path));
});

describe("the credential", () => {
  test.each([
    ["bearer", ["authorization", "Bearer own"]],
    ["none", ["authorization", "Bearer own"]],
    ["api-key", ["api-key", "own"]],
    ["x-api-key", ["x-api-key", "own"]],
    ["x-goog-api-key", ["x-goog-api-key", "own"]],
  ] as const)("%s is wrapped alike, installed or the client's own", async (auth, header) => {
    const installed = createUpstream({ ...settings, auth, apiKey: "own" });
    const none = createUpstream({ ...settings, auth, apiKey: null });
    expect(installed.credential).toEqual(header);
    expect(none.credential).toBeNull();
    expect(none.credentialOf("own")).toEqual(header);
    expect(none.needsCredential).toBe(auth !== "none");
    await Promise.all([installed.pool.destroy(), none.pool.destroy()]);
  });
});

test.each([
  ["https://api.openai.com/v1", "https://api.openai.com"],
  ["https://API.openai.com:443/other/path", "https://api.openai.com"],
  ["http://api.openai.com/v1", "http://api.openai.com"],
  ["https://api.openai.com:8443/v1", "https://api.openai.com:8443"],
])("the origin of %s is %s: what a provider key is bound to", async (baseUrl, origin) => {
  const upstream = createUpstream({ ...settings, baseUrl });
  expect(upstream.origin).toBe(origin);
  await upstream.pool.destroy();
});

test.each([
  ["http://127.0.0.1:9/v1/", "/v1"],
  ["http://127.0.0.1:9", ""],
  ["http://127.0.0.1:9/", ""],
  ["http://127.0.0.1:9/a/b//", "/a/b"],
])("the base path of %s is %j", async (baseUrl, basePath) => {
  const upstream = createUpstream({ ...settings, baseUrl });
  expect(upstream.basePath).toBe(basePath);
  await upstream.pool.destroy();
});
