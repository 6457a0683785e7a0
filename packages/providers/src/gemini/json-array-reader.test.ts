import { expect, it } from "vitest";
import type { SseFrame } from "../sse.ts";
import { JsonArrayReader } from "./json-array-reader.ts";

function read(...chunks: readonly Buffer[]): SseFrame[] {
  const frames: SseFrame[] = [];
  const reader = new JsonArrayReader();
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame));
  reader.flush((frame) => frames.push(frame));
  return frames;
}

const objects = ['{"a":"]},{\\\\"}', '{"b":["\\"",{"c":"\\\\\\\\"}]}', "{}", '{"d":"\\u0022[é🙂"}'];
const stream = Buffer.from(`\n[${objects.join(" ,\r\n")}\r\n]\n`);

it("finds each object whole, brackets and escaped quotes in strings included, however the text is cut", () => {
  for (let first = 0; first <= stream.length; first++)
    for (let second = first; second <= stream.length; second += 3) {
      const frames = read(stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second));
      expect(frames.map((frame) => frame.data).filter((data) => data !== "")).toEqual(objects);
      expect(Buffer.concat(frames.map((frame) => frame.raw)).equals(stream)).toBe(true);
    }
});

it("cuts at every byte of a run of backslashes alike", () => {
  for (let slashes = 0; slashes < 8; slashes++) {
    const object = `{"a":"${"\\\\".repeat(slashes)}\\"}"}`;
    const bytes = Array.from(Buffer.from(`[${object}]`), (byte) => Buffer.of(byte));
    expect(read(...bytes).find((frame) => frame.data !== "")?.data).toBe(object);
  }
});

it("takes a whole object in place of the array", () => {
  expect(read(Buffer.from('{"error":{}}')).map((frame) => frame.data)).toEqual(['{"error":{}}']);
});

it("gives back what is no whole object at the close, unread", () => {
  expect(read(Buffer.from('[{"a":1},{"b":"')).map(({ data, unread }) => [data, unread])).toEqual([
    ['{"a":1}', false],
    ["", true],
  ]);
});
