import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FRAME_BYTES_MAX } from "../adapter.ts";
import type { Route, StreamMeter } from "../adapter.ts";
import { gemini } from "./index.ts";

const events = gemini.route("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse") as Route;
const array = gemini.route("/v1beta/models/gemini-2.5-flash:streamGenerateContent") as Route;
const facts = gemini.parseRequest(events, {}, 2, {});
const folder = new URL("fixtures/", import.meta.url);
const streams = readdirSync(folder).filter((name) => !name.endsWith(".json"));

function start(name: string): StreamMeter {
  return gemini.meter(name.endsWith(".array") ? array : events, facts, {}, false);
}

function seen(meter: StreamMeter): object {
  const { outputBytes, ended, failed } = meter;
  return { report: meter.report(), partial: meter.partial(), text: meter.takeText(), outputBytes, ended, failed };
}

/** Could a cut follow it? Only after whole events, or after whole elements of an array. */
function isWhole(bytes: Buffer, name: string): boolean {
  if (bytes.length === 0) return true;
  const text = bytes.toString();
  if (name.endsWith(".sse")) return text.endsWith("\r\n\r\n");
  return Array.isArray(JSON.parse(text.trimEnd().endsWith("]") ? text : `${text}]`));
}

describe("a stream is metered alike however its bytes are cut", () => {
  it.each(streams)("%s, cut at every byte", (name) => {
    const bytes = readFileSync(new URL(name, folder));
    const uncut = start(name);
    expect(Buffer.concat([uncut.push(bytes), uncut.flush()]).equals(bytes)).toBe(true);
    const expected = seen(uncut);
    for (let at = 1; at < bytes.length; at++) {
      const meter = start(name);
      const first = Buffer.from(meter.push(bytes.subarray(0, at)));
      expect(isWhole(first, name)).toBe(true);
      const out = Buffer.concat([first, meter.push(bytes.subarray(at)), meter.flush()]);
      expect(out.equals(bytes)).toBe(true);
      expect(seen(meter)).toEqual(expected);
    }
  });

  it.each(streams)("%s, byte by byte", (name) => {
    const bytes = readFileSync(new URL(name, folder));
    const meter = start(name);
    const out = Array.from(bytes, (byte) => Buffer.from(meter.push(Buffer.of(byte))));
    expect(Buffer.concat([...out, meter.flush()]).equals(bytes)).toBe(true);
    const uncut = start(name);
    uncut.push(bytes);
    expect(seen(meter)).toEqual(seen(uncut));
  });

  it("reads a stream that Tollhouse forced as events, though the client's route is no stream", () => {
    const route = gemini.route("/v1beta/models/gemini-2.5-flash:generateContent") as Route;
    const meter = gemini.meter(route, facts, {}, false);
    // Not an array: the bracket in a comment would end it.
    meter.push(Buffer.from(': {"\n\n'));
    meter.push(readFileSync(new URL("two-candidates.sse", folder)));
    expect(meter.report()?.usage).toEqual({ input: 7, output: 6 });
  });

  it("hands on the very buffer where it ends with an event", () => {
    const bytes = readFileSync(new URL("thinking-text.sse", folder));
    expect(start(".sse").push(bytes)).toBe(bytes);
  });
});

describe("a stream's end is not mistaken", () => {
  it.each([
    ["thinking-text.sse", true, false],
    ["two-candidates.array", true, false],
    ["blocked.sse", true, false],
    ["unavailable.sse", false, true],
    ["unavailable.array", false, true],
  ])("%s: ended %s, failed %s", (name, ended, failed) => {
    const meter = start(name);
    meter.push(readFileSync(new URL(name, folder)));
    expect(meter).toMatchObject({ ended, failed });
  });

  it("waits for every candidate that began", () => {
    const bytes = readFileSync(new URL("two-candidates.sse", folder));
    const meter = start(".sse");
    meter.push(bytes.subarray(0, bytes.lastIndexOf("data: ")));
    expect(meter.ended).toBe(false);
  });
});

describe("output is bounded from above while it streams", () => {
  it("counts text, thoughts, calls and media", () => {
    const meter = start(".sse");
    const bytes = readFileSync(new URL("cached-tools.sse", folder));
    meter.push(bytes);
    expect(meter.takeText()).toMatch(/^I look\.(?=.*get_rate)(?=.*Köln)(?=.*1\.5)(?=.*now)/);
    expect(meter.outputBytes).toBeGreaterThan(Buffer.byteLength('I look.{"name":"get_rate","args":{"city":"Köln"}}'));
    const drawing = start(".sse");
    drawing.push(readFileSync(new URL("image-output.sse", folder)));
    expect(drawing.outputBytes).toBe("Here:".length + 2_520);
  });

  it("hands an object above the frame limit on unread, in bounded memory, and reads on after it", () => {
    const meter = start(".array");
    const piece = Buffer.alloc(1024 * 1024, "x");
    let handedOn = meter.push(Buffer.from('[{"text":"')).length;
    for (let length = 0; length <= FRAME_BYTES_MAX; length += piece.length) handedOn += meter.push(piece).length;
    expect(handedOn).toBeGreaterThan(FRAME_BYTES_MAX);
    expect(
      meter
        .push(Buffer.from('"},{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"candidatesTokenCount":3}}'))
        .toString(),
    ).toMatch(/^"},\{/);
    expect(meter.report()?.usage).toEqual({ input: 0, output: 3 });
  });

  it("never throws on hostile bytes", () => {
    const hostile = [
      `data: ${"[".repeat(100_000)}\n\n`,
      `data: {"candidates":[{"content":{"parts":[{"functionCall":{"args":${"[".repeat(50_000)}${"]".repeat(50_000)}}}]}}]}\n\n`,
      'data: {"candidates":[null,7,{"content":[],"index":"x"},{"content":{"parts":[null,{"inlineData":3}]}}]}\n\n',
      'data: {"usageMetadata":[],"promptFeedback":7,"error":null}\n\n',
      '[[[[]]}}}{{{"\\',
    ];
    for (const framing of [".sse", ".array"]) {
      const meter = start(framing);
      const bytes = Buffer.from(hostile.join(""));
      expect(Buffer.concat([meter.push(bytes), meter.flush()]).equals(bytes)).toBe(true);
      expect(meter.report()).toBeNull();
    }
  });
});
