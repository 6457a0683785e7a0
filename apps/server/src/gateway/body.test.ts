import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BODY_DEPTH_MAX, parseJsonBody, readBody, type BodyRefusal } from "./body.ts";

const BYTES_MAX = 1_000;
const ROOM_MAX = 1_500;
const room = { bodyBytes: 0, bounds: { bodyBytesMax: ROOM_MAX } };
type Read = Buffer | BodyRefusal | Error;
let server: Server;
let port = 0;
let next: PromiseWithResolvers<Read>;

beforeAll(async () => {
  server = createServer((req, res) => {
    const declared = Number(req.headers["content-length"] ?? -1);
    void readBody(req, declared, BYTES_MAX, room)
      .catch((error: unknown) => error as Error)
      .then((read) => {
        next.resolve(read);
        res.end();
      }, next.reject);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends bytes as they are, one write each, and says what the server read. */
async function sent(head: string, parts: readonly string[], hangUp = false): Promise<Read> {
  next = Promise.withResolvers<Read>();
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${head}\r\n\r\n`);
  for (const part of parts) await new Promise<void>((resolve) => socket.write(part, () => setImmediate(resolve)));
  if (hangUp) socket.destroy();
  const read = await next.promise;
  socket.destroy();
  return read;
}

const chunked = "transfer-encoding: chunked";
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

describe("reading", () => {
  test("a body of exactly the bound, in one piece or many", async () => {
    const text = "x".repeat(BYTES_MAX);
    expect(await sent(`content-length: ${BYTES_MAX}`, [text])).toEqual(Buffer.from(text));
    const parts = ["a".repeat(400), "b".repeat(300), "c".repeat(300)];
    expect(await sent(chunked, [...parts.map(chunk), "0\r\n\r\n"])).toEqual(Buffer.from(parts.join("")));
    expect(await sent("content-length: 0", [])).toEqual(Buffer.alloc(0));
  });

  test("one byte more is refused: at once where it is declared, and as soon as it comes where it is not", async () => {
    const refusal = { code: "REQUEST_TOO_LARGE", message: `The request body is larger than ${BYTES_MAX} bytes` };
    expect(await sent(`content-length: ${BYTES_MAX + 1}`, [])).toEqual(refusal);
    // No end of the body is ever sent: the refusal does not wait for it.
    expect(await sent(chunked, [chunk("x".repeat(BYTES_MAX)), chunk("x")])).toEqual(refusal);
  });

  test("a client that hangs up in the middle is an error, not a shorter body", async () => {
    expect(await sent("content-length: 500", ["x".repeat(100)], true)).toBeInstanceOf(Error);
    expect(await sent(chunked, [chunk("x".repeat(100))], true)).toBeInstanceOf(Error);
  });
});

describe("room for all bodies together", () => {
  test("what arrives is counted while it arrives, and given back when it is read, refused or broken off", async () => {
    room.bodyBytes = 400;
    expect(await sent("content-length: 900", ["x".repeat(900)])).toHaveLength(900);
    expect(await sent(chunked, [chunk("x".repeat(BYTES_MAX)), chunk("x")])).toMatchObject({
      code: "REQUEST_TOO_LARGE",
    });
    expect(await sent("content-length: 500", ["x".repeat(100)], true)).toBeInstanceOf(Error);
    expect(room.bodyBytes).toBe(400);
    room.bodyBytes = 0;
  });

  test("a body for which there is no room is refused as soon as that is seen, and what is only announced takes none", async () => {
    room.bodyBytes = ROOM_MAX - 500;
    // No end of the body is ever sent: the refusal does not wait for it.
    expect(await sent("content-length: 900", ["x".repeat(501)])).toMatchObject({ code: "OVERLOADED" });
    expect(await sent("content-length: 900", ["x".repeat(10)], true)).toBeInstanceOf(Error);
    expect(await sent("content-length: 500", ["x".repeat(500)])).toHaveLength(500);
    expect(room.bodyBytes).toBe(ROOM_MAX - 500);
    room.bodyBytes = 0;
  });
});

describe("JSON", () => {
  const parse = (text: string | Buffer): unknown => {
    const parsed = parseJsonBody(Buffer.from(text as string));
    return "code" in parsed ? parsed.message : parsed.value;
  };

  test.each([
    ["", "valid JSON"],
    ["{", "valid JSON"],
    ["{} {}", "valid JSON"],
    ["[]", "a JSON object"],
    ["null", "a JSON object"],
    ['"text"', "a JSON object"],
    ["1", "a JSON object"],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "valid UTF-8"],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "valid UTF-8"],
  ])("%j is not %s", (text, what) => expect(parse(text)).toContain(what));

  const nested = (depth: number): string => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

  test("the deepest body that is taken, and one level more", () => {
    expect(parse(nested(BODY_DEPTH_MAX))).toBeTypeOf("object");
    expect(parse(nested(BODY_DEPTH_MAX + 1))).toContain("nested deeper");
    expect(parse(`{"a":`.repeat(BODY_DEPTH_MAX + 1) + "1" + "}".repeat(BODY_DEPTH_MAX + 1))).toContain("nested deeper");
    expect(parse(nested(1_000_000))).toEqual(expect.any(String));
  });

  test("brackets side by side, or inside texts behind any escape, are no depth", () => {
    expect(parse(JSON.stringify({ a: Array.from({ length: 1_000 }, () => [{}]) }))).toBeTypeOf("object");
    const text = `${"[{".repeat(500)}\\"${"[".repeat(500)}\\\\`;
    expect(parse(JSON.stringify({ [text]: text }))).toEqual({ [text]: text });
  });

  test("a text cannot hide depth behind its escapes", () => {
    const hidden = JSON.stringify({ quote: '\\"', deep: 0 }).replace("0", "[".repeat(300) + "]".repeat(300));
    expect(parse(hidden)).toContain("nested deeper");
  });
});
