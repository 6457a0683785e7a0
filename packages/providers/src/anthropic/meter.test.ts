import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Route, StreamMeter } from "../adapter.ts";
import { anthropic } from "./index.ts";

const route = anthropic.route("/v1/messages") as Route;
const facts = anthropic.parseRequest(route, { model: "claude", max_tokens: 9, stream: true, messages: [] }, 60, {});
const folder = new URL("fixtures/", import.meta.url);
const streams = readdirSync(folder).filter((name) => name.endsWith(".sse"));

function start(): StreamMeter {
  return anthropic.meter(route, facts, {}, false);
}

function seen(meter: StreamMeter): object {
  const { outputBytes, ended, failed } = meter;
  return { report: meter.report(), partial: meter.partial(), text: meter.takeText(), outputBytes, ended, failed };
}

/** Does it end where a frame ends, so that a cut after it is a frame of its own? */
function isWhole(bytes: Buffer): boolean {
  return bytes.length === 0 || bytes.subarray(-2).toString() === "\n\n";
}

describe("a stream is metered alike however its bytes are cut", () => {
  it.each(streams)("%s, cut at every byte", (name) => {
    const bytes = readFileSync(new URL(name, folder));
    const uncut = start();
    expect(uncut.push(bytes)).toBe(bytes);
    expect(uncut.flush()).toHaveLength(0);
    const expected = seen(uncut);
    for (let at = 1; at < bytes.length; at++) {
      const meter = start();
      const first = Buffer.from(meter.push(bytes.subarray(0, at)));
      expect(isWhole(first)).toBe(true);
      const out = Buffer.concat([first, meter.push(bytes.subarray(at)), meter.flush()]);
      expect(out.equals(bytes)).toBe(true);
      expect(seen(meter)).toEqual(expected);
    }
  });

  it.each(streams)("%s, byte by byte", (name) => {
    const bytes = readFileSync(new URL(name, folder));
    const meter = start();
    const out = Array.from(bytes, (byte) => Buffer.from(meter.push(Buffer.of(byte))));
    expect(Buffer.concat([...out, meter.flush()]).equals(bytes)).toBe(true);
    const uncut = start();
    uncut.push(bytes);
    expect(seen(meter)).toEqual(seen(uncut));
  });
});

describe("a stream's end is not mistaken", () => {
  it.each([
    ["cached-text.sse", true, false],
    ["overloaded.sse", false, true],
  ])("%s: ended %s, failed %s", (name, ended, failed) => {
    const meter = start();
    meter.push(readFileSync(new URL(name, folder)));
    expect(meter).toMatchObject({ ended, failed });
  });

  it("gives back an unterminated last frame at the close", () => {
    const meter = start();
    expect(meter.push(Buffer.from("event: ping\ndata: {}\n\nevent: message_st")).toString()).toBe(
      "event: ping\ndata: {}\n\n",
    );
    expect(meter.flush().toString()).toBe("event: message_st");
    expect(meter.ended).toBe(false);
  });
});

describe("output is bounded from above while it streams", () => {
  it("counts text, thinking, names and arguments, and no tool result", () => {
    const meter = start();
    meter.push(readFileSync(new URL("thinking-tools.sse", folder)));
    const written =
      'The client wants two rates.Looking both up.get_rate{"id": 12345678901234567890, "city": "S\\u00e3o Paulo"}now';
    expect(meter.takeText()).toBe(written);
    expect(meter.takeText()).toBe("");
    expect(meter.outputBytes).toBe(Buffer.byteLength(written) + "EmwKAhgBEgy3va3pzix".length + 2 * 32);
    const searching = start();
    searching.push(readFileSync(new URL("web-search.sse", folder)));
    expect(searching.takeText()).toBe('web_search{"query": "rates"}They fell.');
  });

  it("keeps the last MiB of a text that nobody takes", () => {
    const meter = start();
    const frame = `data: ${JSON.stringify({ type: "content_block_delta", delta: { text: "x".repeat(700_000) } })}\n\n`;
    for (let i = 0; i < 5; i++) meter.push(Buffer.from(frame));
    expect(meter.outputBytes).toBe(3_500_000);
    expect(meter.takeText()).toHaveLength(1024 * 1024);
  });

  it("never throws on hostile bytes", () => {
    const hostile = [
      Buffer.from(`data: ${"[".repeat(100_000)}\n\n`),
      Buffer.from(`data: ${'{"usage":'.repeat(5_000)}1${"}".repeat(5_000)}\n\n`),
      Buffer.from('data: {"type":"message_delta","usage":{"__proto__":{"output_tokens":1},"output_tokens":{}}}\n\n'),
      Buffer.from(
        'data: {"type":"message_start","message":[]}\n\ndata: {"type":"content_block_start","content_block":7}\n\n',
      ),
      Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x0a, 0x64, 0x61, 0x74, 0x61, 0x3a, 0xc3, 0x0a, 0x0a]),
    ];
    const meter = start();
    for (const bytes of hostile) expect(meter.push(bytes).equals(bytes)).toBe(true);
    meter.flush();
    expect(meter.report()).toBeNull();
    expect(({} as Record<string, unknown>)["output_tokens"]).toBeUndefined();
  });
});
