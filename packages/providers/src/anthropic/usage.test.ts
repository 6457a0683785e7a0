import { readFileSync } from "node:fs";
import type { CallFacts, Usage, UsageReport } from "@tollhouse/contract";
import { describe, expect, it } from "vitest";
import type { Route } from "../adapter.ts";
import { anthropic } from "./index.ts";

const messages = anthropic.route("/v1/messages") as Route;
const counting = anthropic.route("/v1/messages/count_tokens") as Route;

function factsOf(over: object = {}): CallFacts {
  const body = { model: "claude-sonnet-4-6", max_tokens: 1024, messages: [{ role: "user", content: "hi" }], ...over };
  return anthropic.parseRequest(messages, body, 100, {});
}

const plain = factsOf();
const cached1h = factsOf({ cache_control: { type: "ephemeral", ttl: "1h" } });

function fixture(name: string): Buffer {
  return readFileSync(new URL(`fixtures/${name}`, import.meta.url));
}

function streamed(bytes: Buffer | string, facts: CallFacts = plain): UsageReport | null {
  const meter = anthropic.meter(messages, facts, {}, false);
  meter.push(Buffer.from(bytes));
  meter.flush();
  return meter.report();
}

function whole(body: unknown, facts: CallFacts = plain): UsageReport | null {
  return anthropic.usageOf(messages, facts, body, {});
}

function usage(over: object): object {
  return {
    type: "message",
    id: "m",
    model: "claude",
    content: [{}],
    usage: { input_tokens: 10, output_tokens: 5, ...over },
  };
}

const event = (body: object): string => `event: x\ndata: ${JSON.stringify(body)}\n\n`;
const start = (over: object = {}): string =>
  event({
    type: "message_start",
    message: { id: "m", model: "claude", usage: { input_tokens: 10, output_tokens: 1, ...over } },
  });
const end = (over: object = {}): string =>
  event({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5, ...over } });
const soFar = event({ type: "message_delta", delta: { stop_reason: null }, usage: { output_tokens: 3 } });
const stop = event({ type: "message_stop" });
const refused = event({ type: "message_delta", delta: { stop_reason: "refusal" }, usage: { output_tokens: 0 } });
const openText = event({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });

const CACHED: Usage = {
  input: 21,
  input_cache_read: 4096,
  input_cache_write_5m: 500,
  input_cache_write_1h: 1000,
  output: 12,
};
const THINKING: Usage = { input: 472, output: 89, output_reasoning: 300 };
const SEARCHED: Usage = { input: 10682, input_cache_write_5m: 812, output: 510, web_search_call: 2, web_fetch_call: 1 };
const ITERATED: Usage = { input: 900 + 180_000 + 1200, input_cache_read: 50, output: 40 + 3500 + 300 };
const OF_10_AND_5: Usage = { input: 10, output: 5 };

const fromJson = (name: string): UsageReport | null => whole(JSON.parse(fixture(name).toString()));

describe("usage is exact to the token, in disjoint classes", () => {
  const cases: readonly [name: string, read: () => UsageReport | null, usage: Usage | null, doubt?: RegExp][] = [
    ["whole, cached at both times to live", () => fromJson("cached-text.json"), CACHED],
    ["streamed, cached", () => streamed(fixture("cached-text.sse")), CACHED],
    ["whole, thinking and tools", () => fromJson("thinking-tools.json"), THINKING],
    ["streamed, thinking and tools", () => streamed(fixture("thinking-tools.sse")), THINKING],
    ["whole, tools at the provider", () => fromJson("web-search.json"), SEARCHED],
    ["streamed, input restated by the second of two deltas", () => streamed(fixture("web-search.sse")), SEARCHED],
    [
      "whole, compaction and advisor",
      () => fromJson("iterations.json"),
      ITERATED,
      /advisor_message tokens of claude-opus-5/,
    ],
    ["streamed, compaction and advisor", () => streamed(fixture("iterations.sse")), ITERATED, /advisor_message/],
    ["whole, refused unbilled", () => fromJson("refusal.json"), { input: 0, output: 0 }, /not billed.*412/],
    ["streamed, refused unbilled", () => streamed(fixture("refusal.sse")), { input: 0, output: 0 }, /not billed.*412/],
    ["refused after output: billed", () => whole({ ...usage({}), stop_reason: "refusal" }), OF_10_AND_5],
    [
      "streamed refusal after output: billed",
      () => streamed(start() + openText + refused + stop),
      { input: 10, output: 0 },
    ],
    ["explicit zero", () => whole(usage({ input_tokens: 0, output_tokens: 0 })), { input: 0, output: 0 }],
    [
      "cache write without split, 5m asked or none",
      () => whole(usage({ cache_creation_input_tokens: 7 })),
      { input: 10, input_cache_write_5m: 7, output: 5 },
    ],
    [
      "cache write without split, 1h asked",
      () => whole(usage({ cache_creation_input_tokens: 7 }), cached1h),
      { input: 10, input_cache_write_1h: 7, output: 5 },
    ],
    [
      "cache write grown after the split, 1h asked",
      () =>
        streamed(
          start({ cache_creation_input_tokens: 4, cache_creation: { ephemeral_1h_input_tokens: 4 } }) +
            end({ cache_creation_input_tokens: 6 }),
          cached1h,
        ),
      { input: 10, input_cache_write_1h: 6, output: 5 },
      /without a time to live/,
    ],
    [
      "split above its total",
      () => whole(usage({ cache_creation_input_tokens: 1, cache_creation: { ephemeral_5m_input_tokens: 3 } })),
      { input: 10, input_cache_write_5m: 3, output: 5 },
      /above cache_creation/,
    ],
    [
      "thinking above output",
      () => whole(usage({ output_tokens_details: { thinking_tokens: 9 } })),
      { input: 10, output: 0, output_reasoning: 5 },
      /clamped/,
    ],
    [
      "fallback that served, decline without output",
      () =>
        whole(
          usage({
            iterations: [
              { type: "message", model: "claude", input_tokens: 3, output_tokens: 0 },
              { type: "fallback_message", model: "claude-b", input_tokens: 10, output_tokens: 5 },
            ],
          }),
        ),
      OF_10_AND_5,
    ],
    [
      "fallback that served, decline after output",
      () =>
        whole(
          usage({
            iterations: [
              { type: "message", model: "claude", input_tokens: 3, output_tokens: 2 },
              { type: "fallback_message", model: "claude-b", input_tokens: 10, output_tokens: 5 },
            ],
          }),
        ),
      { input: 13, output: 7 },
      /declined attempt of claude/,
    ],
    [
      "unknown iteration",
      () => whole(usage({ iterations: [{ type: "dream", input_tokens: 1, output_tokens: 2 }] })),
      { input: 11, output: 7 },
      /unknown type dream/,
    ],
    [
      "unknown tool unit",
      () => whole(usage({ server_tool_use: { code_execution_requests: 1 } })),
      OF_10_AND_5,
      /code_execution_requests/,
    ],
    ["whole, no usage", () => whole({ type: "message" }), null],
    ["whole, usage null", () => whole({ type: "message", usage: null }), null],
    ["whole, output missing", () => whole({ usage: { input_tokens: 3 } }), null],
    ["whole, no object", () => whole("[]"), null],
    [
      "negative, fraction, text, huge",
      () =>
        whole(
          usage({
            cache_read_input_tokens: -1,
            server_tool_use: { web_search_requests: 1.5 },
            cache_creation_input_tokens: 1e300,
          }),
        ),
      OF_10_AND_5,
      /cache_read_input_tokens is no count/,
    ],
    ["input as text", () => whole(usage({ input_tokens: "10" })), null],
    ["count_tokens", () => anthropic.usageOf(counting, plain, { input_tokens: 2095 }, {}), null],
    ["streamed, no usage", () => streamed(event({ type: "message_start", message: {} }) + stop), null],
    ["streamed, start only", () => streamed(start()), null],
    ["streamed, a delta that leaves the output open", () => streamed(start() + end({ output_tokens: null })), null],
    ["streamed, usage so far and no end: to be counted", () => streamed(start() + soFar), null],
    ["streamed, usage so far, then the end", () => streamed(start() + soFar + stop), { input: 10, output: 3 }],
    ["streamed, twice the same", () => streamed(start() + end() + end() + stop), OF_10_AND_5],
    [
      "streamed, cumulative, never summed",
      () => streamed(start() + end({ output_tokens: 2 }) + end() + stop),
      OF_10_AND_5,
    ],
    [
      "streamed, nulls keep the start's",
      () =>
        streamed(start({ cache_read_input_tokens: 3 }) + end({ input_tokens: null, cache_read_input_tokens: null })),
      { ...OF_10_AND_5, input_cache_read: 3 },
    ],
    ["streamed, usage after the end", () => streamed(start() + stop + end()), OF_10_AND_5],
    ["streamed, cut inside a JSON string", () => streamed(start() + end().slice(0, -12)), null],
    [
      "streamed, broken frames between",
      () => streamed(start() + 'data: {"type\n\n: ping\n\n\n\ndata: null\n\ndata: [1]\n\n' + end()),
      OF_10_AND_5,
    ],
    ["one JSON answer to a stream request", () => streamed(JSON.stringify(usage({}))), OF_10_AND_5],
  ];
  it.each(cases)("%s", (_name, read, expected, doubt) => {
    const report = read();
    expect(report?.usage ?? null).toEqual(expected);
    if (doubt === undefined) expect(report?.doubt ?? null).toBeNull();
    else expect(report?.doubt).toMatch(doubt);
  });
});

describe("a report says what served the call", () => {
  it("names model, id, tier and place, and fast above the tier", () => {
    expect(fromJson("cached-text.json")).toMatchObject({
      model: "claude-sonnet-4-6",
      providerId: "msg_01XFDUDYJgAACzvnptvVoYEL",
      tier: "standard",
      geo: "us",
      costNano: null,
    });
    expect(streamed(fixture("thinking-tools.sse"))).toMatchObject({
      model: "claude-opus-5",
      tier: "fast",
      geo: "global",
    });
  });

  it("names the model that took over in the stream, not the one asked for", () => {
    const handover = event({
      type: "content_block_start",
      index: 0,
      content_block: { type: "fallback", to: { model: "claude-b" } },
    });
    expect(streamed(start() + handover + end())?.model).toBe("claude-b");
  });

  it("gives the input of a stream that broke off, without the placeholder of its output", () => {
    const meter = anthropic.meter(messages, plain, {}, false);
    meter.push(Buffer.from(start({ cache_read_input_tokens: 4 })));
    expect(meter.report()).toBeNull();
    expect(meter.partial()?.usage).toEqual({ input: 10, input_cache_read: 4 });
  });
});
