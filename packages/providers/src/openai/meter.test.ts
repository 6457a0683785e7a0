import type { CallFacts, Endpoint } from "@tollhouse/contract";
import { expect, test } from "vitest";
import { FRAME_BYTES_MAX, type Route, type StreamMeter } from "../adapter.ts";
import { chat, CHUNK, type StreamFixture, STREAMS } from "./fixtures/streams.ts";
import { openai } from "./index.ts";

const PATHS: { readonly [E in Endpoint]?: string } = {
  chat_completions: "/v1/chat/completions",
  completions: "/v1/completions",
  responses: "/v1/responses",
  images_generations: "/v1/images/generations",
  audio_transcriptions: "/v1/audio/transcriptions",
  audio_speech: "/v1/audio/speech",
};

function callOf(fixture: Pick<StreamFixture, "endpoint" | "request">): { route: Route; facts: CallFacts } {
  const route = openai.route(PATHS[fixture.endpoint] ?? "");
  if (route === null) throw new Error("no route");
  const body = { model: "gpt-4o-mini", stream: true, input: "x", file: { bytes: 1_000 }, ...fixture.request };
  return { route, facts: openai.parseRequest(route, body, 100, {}) };
}

interface Run {
  readonly meter: StreamMeter;
  readonly client: string;
}

function run(fixture: Pick<StreamFixture, "endpoint" | "request">, chunks: readonly Buffer[], hideUsage: boolean): Run {
  const { route, facts } = callOf(fixture);
  const meter = openai.meter(route, facts, { "x-request-id": "req_1" }, hideUsage);
  const out = chunks.map((chunk) => meter.push(chunk));
  out.push(meter.flush());
  return { meter, client: Buffer.concat(out).toString("latin1") };
}

/** Everything a caller can see, as one text: `expect` on each of 50,000 runs would take most of the time. */
function observed({ meter, client }: Run): string {
  const { outputBytes, ended, failed } = meter;
  const text = meter.takeText();
  const seen = { report: meter.report(), partial: meter.partial(), outputBytes, ended, failed, text, client };
  return JSON.stringify(seen, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

test.each(STREAMS.map((fixture) => [fixture.name, fixture] as const))("%s: exact usage and end", (_, fixture) => {
  const bytes = Buffer.from(fixture.stream);
  const { meter, client } = run(fixture, [bytes], false);
  expect(client).toBe(bytes.toString("latin1"));
  const report = meter.report();
  expect(report === null ? null : report.usage).toEqual(fixture.usage);
  expect(meter.ended).toBe(fixture.ended);
  expect(meter.failed).toBe(fixture.failed ?? false);
  expect(report?.costNano ?? null).toBe(fixture.costNano ?? null);
  if (report !== null) expect(report.doubt !== null, String(report.doubt)).toBe(fixture.doubt ?? false);
  if (fixture.outputBytes !== undefined) expect(meter.outputBytes).toBe(fixture.outputBytes);
  if (fixture.text !== undefined) expect(meter.takeText()).toBe(fixture.text);
});

test.each(STREAMS.map((fixture) => [fixture.name, fixture] as const))(
  "%s: the same report and the same client bytes wherever the stream is cut in two",
  (_, fixture) => {
    const bytes = Buffer.from(fixture.stream);
    for (const hideUsage of [false, true]) {
      const whole = observed(run(fixture, [bytes], hideUsage));
      for (let cut = 1; cut < bytes.length; cut++)
        if (observed(run(fixture, [bytes.subarray(0, cut), bytes.subarray(cut)], hideUsage)) !== whole)
          expect.fail(`another report when cut at ${cut}`);
      const single = Array.from(bytes, (byte) => Buffer.from([byte]));
      expect(observed(run(fixture, single, hideUsage))).toEqual(whole);
    }
  },
);

function hidden(stream: string, endpoint: Endpoint = "chat_completions"): string {
  return Buffer.from(run({ endpoint }, [Buffer.from(stream)], true).client, "latin1").toString();
}

test("usage that only we asked for is hidden, and every other byte is as it came", () => {
  const first = STREAMS[0];
  if (first === undefined) throw new Error("no fixture");
  const frames = first.stream.split(/(?<=\n\n)/);
  const kept = frames.filter((frame) => !frame.includes('"choices":[]'));
  const expected = kept.map((frame) => frame.replace(/,"usage":null(?=[,}](?:"obf|\n|$))/, "")).join("");
  expect(expected).toContain('\\"usage\\":null');
  expect(hidden(first.stream)).toBe(expected);
});

test.each([
  ['{"choices":[{"usage":null}],"usage":null}', '{"choices":[{"usage":null}]}'],
  ['{"usage":null,"choices":[{"index":0}]}', '{"choices":[{"index":0}]}'],
  ['{"choices":[{"a":1,"usage":null}],"us\\u0061ge":null}', '{"choices":[{"a":1,"usage":null}]}'],
  ['{"choices":[{"a":1,"usage":null}], "usage" : null }', '{"choices":[{"a":1,"usage":null}] }'],
  ['{"choices":[{"a":"usage"}],"usage":null,"x":1}', '{"choices":[{"a":"usage"}],"x":1}'],
  ['{"choices":[{"a":",\\"usage\\":null"}],"usage":null}', '{"choices":[{"a":",\\"usage\\":null"}]}'],
])("only the top-level key goes, however it is spelled: %s", (chunk, expected) => {
  expect(hidden(`data: ${chunk}\n\n`)).toBe(`data: ${expected}\n\n`);
});

test("hiding never throws, also where the bytes end right behind the word", () => {
  const chunk = 'data: {"us\\u0061ge":null,"a":["b","usage"]}';
  expect(hidden(chunk)).toBe('data: {"a":["b","usage"]}');
  for (const end of ["\n", "\r", "\r\n"]) {
    const lines = `data: {"a":1,${end}data: "usage":null}${end}${end}`;
    expect(hidden(lines)).toBe(lines);
    expect(hidden(`data: {"a":1 ,"usage" :null}${end}${end}`)).toBe(`data: {"a":1 }${end}${end}`);
  }
});

test("a host without usage keys gets through hiding without a change", () => {
  const stream = ": hi\n\n" + chat({ content: "a" }) + 'data: {"x":\ndata: 1}\r\n\r\n' + "data: [DONE]\n\n";
  expect(hidden(stream)).toBe(stream);
});

test("Azure's first chunk stays where the usage chunk goes, though neither has choices", () => {
  const filter = { ...CHUNK, choices: [], prompt_filter_results: [{ prompt_index: 0 }] };
  const stream =
    `data: ${JSON.stringify({ ...filter, usage: null })}\n\n` +
    `data: ${JSON.stringify({ ...CHUNK, choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })}\n\n`;
  expect(hidden(stream)).toBe(`data: ${JSON.stringify(filter)}\n\n`);
  // Both in one chunk: only the usage goes.
  const both = `data: ${JSON.stringify({ ...filter, usage: { prompt_tokens: 1, completion_tokens: 1 } })}\n\n`;
  expect(hidden(both)).toBe(`data: ${JSON.stringify(filter)}\n\n`);
});

test("usage that a host sends beside a choice, unasked, stays", () => {
  const stream = chat({ content: "a" }, { usage: { prompt_tokens: 1, completion_tokens: 1 } }, "stop");
  expect(hidden(stream)).toBe(stream);
});

test("Responses hide nothing: their usage is part of the answer", () => {
  const stream =
    'event: response.created\ndata: {"type":"response.created","usage":null,"response":{"usage":null}}\n\n';
  expect(hidden(stream, "responses")).toBe(stream);
});

test("the same buffer is handed on where frames are whole; half a frame waits, so that a cut is always well-formed", () => {
  const { route, facts } = callOf({ endpoint: "chat_completions" });
  const meter = openai.meter(route, facts, {}, false);
  const frame = Buffer.from(chat({ content: "a" }));
  expect(meter.push(frame)).toBe(frame);
  expect(meter.push(Buffer.concat([frame, frame.subarray(0, 20)]))).toEqual(frame);
  expect(meter.push(frame.subarray(20))).toEqual(frame);
  expect(meter.flush().length).toBe(0);
});

test("raw audio passes at once and reports nothing", () => {
  const { route, facts } = callOf({ endpoint: "audio_speech" });
  const meter = openai.meter(route, facts, {}, false);
  const mp3 = Buffer.from([0xff, 0xfb, 0x90, 0, 10, 10, 13]);
  expect(meter.push(mp3)).toBe(mp3);
  expect(meter.flush().length).toBe(0);
  expect(meter.report()).toBeNull();
});

test("served model, tier and id come from the chunks, the id else from the header", () => {
  const chunk = { ...CHUNK, choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } };
  const report = run(
    { endpoint: "chat_completions" },
    [Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`)],
    false,
  ).meter.report();
  expect(report).toMatchObject({ model: CHUNK.model, tier: "default", providerId: "chatcmpl-1" });
  const bare = Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n');
  expect(run({ endpoint: "chat_completions" }, [bare], false).meter.report()).toMatchObject({
    model: null,
    tier: null,
    providerId: "req_1",
  });
});

test("a frame over the bound passes unread and makes the usage before it worthless", () => {
  const usage = Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n');
  const huge = Buffer.concat([Buffer.from("data: "), Buffer.alloc(FRAME_BYTES_MAX, "x"), Buffer.from("\n\n")]);
  const { meter, client } = run({ endpoint: "chat_completions" }, [usage, huge], false);
  expect(meter.report()).toBeNull();
  expect(client.length).toBe(usage.length + huge.length);
  expect(run({ endpoint: "chat_completions" }, [huge, usage], false).meter.report()?.usage).toEqual({
    input: 1,
    output: 1,
  });
});

test("kept text is bounded and forgotten once taken", () => {
  const chunk = Buffer.from(chat({ content: "x".repeat(100_000) }));
  const { meter } = run({ endpoint: "chat_completions" }, Array<Buffer>(40).fill(chunk), false);
  expect(meter.outputBytes).toBe(4_000_000);
  expect(meter.takeText().length).toBe(1 << 20);
  expect(meter.takeText()).toBe("");
});
