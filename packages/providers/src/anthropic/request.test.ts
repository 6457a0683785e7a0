import type { CallFacts } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import { BadRequest } from "../adapter.ts";
import type { Route } from "../adapter.ts";
import { anthropic } from "./index.ts";

const route = anthropic.route("/v1/messages") as Route;
const BASE = { model: "claude-sonnet-4-6", max_tokens: 1024, messages: [{ role: "user", content: "hi" }] };

function parse(over: object = {}): CallFacts {
  const body = { ...BASE, ...over };
  return anthropic.parseRequest(route, body, Buffer.byteLength(JSON.stringify(body)), {});
}

function withBlocks(...content: object[]): object {
  return { messages: [{ role: "user", content }] };
}

describe("a path is read as one endpoint or none", () => {
  it.each([
    ["/v1/messages", "messages"],
    ["/v1/messages?beta=true", "messages"],
    ["/v1/messages/count_tokens", "count_tokens"],
    ["/v1/messages/batches", undefined],
    ["/v1/messages/", undefined],
    ["/messages", undefined],
    ["/v1/complete", undefined],
  ])("%s → %s", (path, endpoint) => {
    const found = anthropic.route(path);
    expect(found?.endpoint).toBe(endpoint);
    if (found !== null) expect(found).toMatchObject({ upstreamPath: path, method: "POST", model: null });
  });
});

describe("what a request can cost is bounded from above", () => {
  const search = { type: "web_search_20260209", name: "web_search" };
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(40_000) } };
  const cases: readonly [name: string, over: object, facts: Partial<CallFacts>][] = [
    [
      "plain",
      {},
      { outputTokensMax: 1024, choices: 1, outputHidden: false, inputHidden: false, cacheWrite: null, unitsMax: {} },
    ],
    ["no cap named", { max_tokens: undefined }, { outputTokensMax: null }],
    ["cache pre-warm", { max_tokens: 0 }, { outputTokensMax: 0 }],
    [
      "thinking with a budget",
      { thinking: { type: "enabled", budget_tokens: 2048 } },
      { outputHidden: true, outputHiddenMax: 2048 },
    ],
    ["adaptive thinking", { thinking: { type: "adaptive" } }, { outputHidden: true, outputHiddenMax: null }],
    [
      "thinking of a later kind",
      { thinking: { type: "between_tools" } },
      { outputHidden: true, outputHiddenMax: null },
    ],
    ["thinking off", { thinking: { type: "disabled" } }, { outputHidden: false, outputHiddenMax: null }],
    ["fast", { speed: "fast", service_tier: "auto" }, { tier: "fast" }],
    ["tier and place", { service_tier: "standard_only", inference_geo: "us" }, { tier: "standard_only", geo: "us" }],
    ["cache at the top", { cache_control: { type: "ephemeral" } }, { cacheWrite: "5m" }],
    [
      "cache deep in a tool result",
      withBlocks({
        type: "tool_result",
        content: [{ type: "text", text: "x", cache_control: { type: "ephemeral", ttl: "1h" } }],
      }),
      { cacheWrite: "1h" },
    ],
    [
      "cache on a tool and in the system text",
      {
        system: [{ type: "text", text: "s", cache_control: { ttl: "5m" } }],
        tools: [{ name: "t", cache_control: { ttl: "1h" } }],
      },
      { cacheWrite: "1h" },
    ],
    ["cache of an unknown time to live", { cache_control: { type: "ephemeral", ttl: "7d" } }, { cacheWrite: "1h" }],
    [
      "search with a bound",
      { tools: [{ ...search, max_uses: 3 }] },
      { unitsMax: { web_search_call: 3 }, inputHidden: true, cacheWrite: "5m" },
    ],
    ["search without a bound", { tools: [search] }, { unitsMax: { web_search_call: Infinity } }],
    [
      "fetch",
      { tools: [{ type: "web_fetch_20260309", name: "web_fetch", max_uses: 2 }] },
      { unitsMax: { web_fetch_call: 2 }, inputHidden: true },
    ],
    [
      "advisor with bounds",
      { tools: [{ type: "advisor_20260301", name: "advisor", model: "claude-opus-5", max_uses: 2, max_tokens: 500 }] },
      {
        inputHidden: true,
        outputHidden: true,
        outputHiddenMax: 1000,
        outputTokensMax: 2024,
        otherModels: ["claude-opus-5"],
      },
    ],
    [
      "advisor without bounds",
      { tools: [{ type: "advisor_20260301", name: "advisor", model: "claude-opus-5" }] },
      { outputHidden: true, outputHiddenMax: null, outputTokensMax: null },
    ],
    ["a tool made later", { tools: [{ type: "telepathy_20270101", name: "t" }] }, { inputHidden: true }],
    ["client tools", { tools: [{ type: "bash_20250124", name: "bash" }, { name: "own" }] }, { inputHidden: false }],
    ["MCP servers", { mcp_servers: [{ type: "url", name: "n", url: "https://example.com" }] }, { inputHidden: true }],
    [
      "compaction",
      { context_management: { edits: [{ type: "compact_20260112" }] } },
      { inputHidden: true, outputTokensMax: null },
    ],
    [
      "clearing tool uses",
      { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } },
      { inputHidden: false },
    ],
    ["a thread that goes on", { thread: { type: "continue", previous_message_id: "msg_1" } }, { inputHidden: true }],
    ["an image", withBlocks(image), { inputImageTokensMax: 4784, inputHidden: false }],
    [
      "images by URL and file",
      withBlocks(
        { type: "image", source: { type: "url", url: "u" } },
        { type: "image", source: { type: "file", file_id: "f" } },
      ),
      { inputImageTokensMax: 9568, inputHidden: false },
    ],
    [
      "a PDF",
      withBlocks({ type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } }),
      { inputHidden: true },
    ],
    [
      "a document by file id",
      withBlocks({ type: "document", source: { type: "file", file_id: "f" } }),
      { inputHidden: true },
    ],
    [
      "a document in the body",
      withBlocks({ type: "document", source: { type: "text", media_type: "text/plain", data: "text" } }),
      { inputHidden: false },
    ],
    [
      "an image within a document",
      withBlocks({ type: "document", source: { type: "content", content: [image] } }),
      { inputImageTokensMax: 4784, inputHidden: false },
    ],
    [
      "fallbacks",
      {
        fallbacks: [
          { model: "claude-b", max_tokens: 4096, speed: "fast", thinking: { type: "enabled", budget_tokens: 3000 } },
        ],
      },
      {
        choices: 2,
        outputTokensMax: 4096,
        tier: "fast",
        outputHiddenMax: 3000,
        otherModels: ["claude-b"],
        inputHidden: true,
      },
    ],
  ];
  it.each(cases)("%s", (_name, over, facts) => {
    expect(parse(over)).toMatchObject(facts);
  });

  it("takes base64 media off the text bound, and nothing that only looks like it", () => {
    const media = parse(withBlocks(image));
    expect(media.inputTokensMax).toBeLessThan(1_000);
    const disguised = parse(withBlocks({ type: "tool_use", id: "t", name: "n", input: { content: [image] } }));
    expect(disguised).toMatchObject({ inputImageTokensMax: 0 });
    expect(disguised.inputTokensMax).toBeGreaterThan(40_000);
  });

  it("is at least the UTF-8 bytes of all text, escapes included", () => {
    const body = { ...BASE, system: "\u0000é🙂".repeat(100) };
    const raw = Buffer.from(JSON.stringify(body));
    const facts = anthropic.parseRequest(route, body, raw.length, {});
    const bytes = Buffer.byteLength(anthropic.inputTexts(route, body).join(""));
    expect(facts.inputTokensMax).toBeGreaterThanOrEqual(bytes);
    expect(parse({ tools: [{ name: "t" }] }).inputTokensMax - parse({}).inputTokensMax).toBeGreaterThan(800);
  });

  it("makes count_tokens free", () => {
    const counting = anthropic.route("/v1/messages/count_tokens") as Route;
    const { max_tokens: _, ...body } = BASE;
    expect(anthropic.parseRequest(counting, body, 90, {})).toMatchObject({
      free: true,
      streamable: false,
      stream: false,
    });
    expect(anthropic.assembler(counting, anthropic.parseRequest(counting, body, 90, {}))).toBeNull();
  });

  it("reads a body nested 100,000 deep without overflowing the stack", () => {
    const depth = 100_000;
    const nested: unknown = JSON.parse(`${'[{"content":'.repeat(depth)}"x"${"}]".repeat(depth)}`);
    expect(anthropic.parseRequest(route, { ...BASE, messages: nested }, 10, {}).inputHidden).toBe(false);
    expect(anthropic.inputTexts(route, { ...BASE, messages: nested })).toContain("x");
  });
});

describe("a field that decides cost and cannot be read is refused by name", () => {
  const cases: readonly [field: string, over: object][] = [
    ["model", { model: undefined }],
    ["model", { model: 7 }],
    ["max_tokens", { max_tokens: "1024" }],
    ["max_tokens", { max_tokens: -1 }],
    ["max_tokens", { max_tokens: 1.5 }],
    ["max_tokens", { max_tokens: 1e300 }],
    ["stream", { stream: "true" }],
    ["thinking", { thinking: true }],
    ["thinking.budget_tokens", { thinking: { type: "enabled", budget_tokens: "9" } }],
    ["service_tier", { service_tier: 1 }],
    ["speed", { speed: {} }],
    ["inference_geo", { inference_geo: [] }],
    ["tools", { tools: {} }],
    ["tools[0]", { tools: [null] }],
    ["tools[0].max_uses", { tools: [{ type: "web_search_20250305", max_uses: "3" }] }],
    ["mcp_servers", { mcp_servers: "x" }],
    ["fallbacks[0].model", { fallbacks: [{}] }],
  ];
  it.each(cases)("%s of %j", (field, over) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ name: "BadRequest", field }));
  });

  it.each([[null], [[]], ["text"], [7]])("a body that is %j", (body) => {
    expect(() => anthropic.parseRequest(route, body, 4, {})).toThrow(BadRequest);
  });
});
