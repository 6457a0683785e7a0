import { expect, test } from "vitest";
import fc from "fast-check";
import { FRAME_BYTES_MAX } from "./adapter.ts";
import { SseReader, type SseFrame } from "./sse.ts";

function read(chunks: readonly Buffer[]): SseFrame[] {
  const frames: SseFrame[] = [];
  const reader = new SseReader();
  for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame));
  reader.flush((frame) => frames.push(frame));
  return frames;
}

function plain(frames: readonly SseFrame[]): unknown[] {
  return frames.map(({ event, data, raw, unread }) => ({ event, data, raw: raw.toString("latin1"), unread }));
}

const STREAM = Buffer.from(
  "\uFEFFdata: first\n\n" +
    ": a comment\n\n" +
    'event: message_start\ndata: {"text":"héllo 😀"}\n\n' +
    "\n\n" +
    "data: one\r\ndata: two\r\n\r\n" +
    "event:none\rdata\r\r" +
    "data:no space\r\n\n" +
    "id: 7\nretry: 10\ndatabase: no\n\n" +
    "data:  two spaces \n\n" +
    "data: unterminated",
);

test("every form of line end, comment and field is read as the standard says, and no byte is lost", () => {
  const frames = read([STREAM]);
  expect(frames.map(({ event, data }) => [event, data])).toEqual([
    [null, "first"],
    [null, ""],
    ["message_start", '{"text":"héllo 😀"}'],
    [null, ""],
    [null, ""],
    [null, "one\ntwo"],
    ["none", ""],
    [null, "no space"],
    [null, ""],
    [null, " two spaces "],
    [null, "unterminated"],
  ]);
  expect(Buffer.concat(frames.map((frame) => frame.raw))).toEqual(STREAM);
});

test("the frames are the same wherever the stream is cut in two, also inside a character or a CRLF", () => {
  const whole = plain(read([STREAM]));
  for (let cut = 0; cut <= STREAM.length; cut++)
    expect(plain(read([STREAM.subarray(0, cut), STREAM.subarray(cut)])), `cut at ${cut}`).toEqual(whole);
});

test("the frames are the same when every byte is a chunk of its own, in a buffer that is used again", () => {
  const frames: unknown[] = [];
  const reader = new SseReader();
  const keep = (frame: SseFrame): void => void frames.push(...plain([frame]));
  for (const byte of STREAM) reader.push(Buffer.from([byte]), keep);
  reader.flush(keep);
  expect(frames).toEqual(plain(read([STREAM])));
});

test("any bytes in any chunks: the raws joined are the stream, and the frames do not depend on the chunks", () => {
  const piece = fc.constantFrom(
    "\n",
    "\r",
    "\r\n",
    "data:",
    "data: ",
    "event: x",
    ": c",
    "é",
    "{}",
    "\n\n",
    "\r\n\r\n",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(80), { maxLength: 6 }), (pieces, cuts) => {
      const bytes = Buffer.from(pieces.join(""));
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      const frames = read(chunks);
      expect(Buffer.concat(frames.map((frame) => frame.raw))).toEqual(bytes);
      expect(plain(frames)).toEqual(plain(read([bytes])));
    }),
    { numRuns: 2_000 },
  );
});

test("a frame handed out is not written over by what comes after it", () => {
  const frames: SseFrame[] = [];
  const reader = new SseReader();
  for (const text of ["da", "ta: a", "\n\nda", "ta: b", "bbbbbbbbbbbbbbbbbbbb", "\n\n"])
    reader.push(Buffer.from(text), (frame) => frames.push(frame));
  expect(frames.map((frame) => frame.raw.toString())).toEqual(["data: a\n\n", "data: bbbbbbbbbbbbbbbbbbbbb\n\n"]);
});

test("a frame over the bound passes unread in pieces, and the frame after it is read", () => {
  const huge = Buffer.alloc(FRAME_BYTES_MAX + 10, "x");
  huge.write("data: ");
  for (const end of ["\n\n", "\r\n\r\n"]) {
    const stream = Buffer.concat([huge, Buffer.from(`${end}data: next${end}`)]);
    for (const size of [stream.length, 1 << 16, huge.length + 1, huge.length + 3]) {
      const chunks: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
      const frames = read(chunks);
      expect(frames.slice(0, -1).every((frame) => frame.unread && frame.data === "")).toBe(true);
      expect(frames.at(-1)).toMatchObject({ data: "next", unread: false });
      expect(Buffer.concat(frames.map((frame) => frame.raw)).equals(stream)).toBe(true);
    }
  }
});

test("what is held is bounded: a stream without any line end is handed on as it comes once it is over the bound", () => {
  const reader = new SseReader();
  const chunk = Buffer.alloc(1 << 20, "x");
  let given = 0;
  let held = 0;
  for (let sent = chunk.length; sent <= 4 * FRAME_BYTES_MAX; sent += chunk.length) {
    reader.push(chunk, (frame) => (given += frame.raw.length));
    held = Math.max(held, sent - given);
  }
  expect(held).toBeLessThanOrEqual(FRAME_BYTES_MAX);
});
