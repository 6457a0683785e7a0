import OpenAI from "openai";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";
import { recordedCalls, steered, until } from "./side-by-side.ts";

// What no client should send. After each of these the server has to serve the next call, and hold nothing of the last one.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse();
});
afterAll(() => world.stop());

const messages = [{ role: "user", content: "Hi" }];
const CHAT = JSON.stringify({ model: "gpt-4o-mini", messages });
const PATH = "/v1/chat/completions";

function post(body: string | Buffer, headers: Record<string, string> = {}, path = PATH): Promise<Response> {
  return fetch(world.url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
}

async function refusalOf(answer: Response): Promise<[number, string | null]> {
  const { error } = (await answer.json()) as { error: object };
  expect(error).toBeTypeOf("object");
  return [answer.status, answer.headers.get("x-tollhouse-reason")];
}

afterEach(async () => {
  const answer = await post(CHAT);
  expect(answer.status).toBe(200);
  await answer.text();
  await until("nothing is held any more", () => world.tollhouse.gateway.state.inFlight === 0);
});

test("a body of 100 MB is refused without being held, and a client that sends it all reads the reason", async () => {
  const chunk = Buffer.alloc(1024 * 1024, 0x20);
  const before = process.memoryUsage().rss;
  let most = 0;
  for (const framing of [`content-length: ${100 * chunk.length}`, "transfer-encoding: chunked"]) {
    const chunked = framing.startsWith("transfer");
    const connection = rawConnection(world.url);
    connection.write(rawRequest(PATH, [framing], ""));
    for (let sent = 0; sent < 100; sent++) {
      // Three writes and no concatenation: what is measured is the server's memory, in one process with ours.
      if (chunked) connection.write("100000\r\n");
      const drained = connection.socket.write(chunk);
      if (chunked) connection.write("\r\n");
      if (!drained) await until("the server reads on or closes", () => !connection.socket.writableNeedDrain);
      most = Math.max(most, process.memoryUsage().rss);
    }
    if (chunked) connection.write("0\r\n\r\n");
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 413 [^]*connection: close[^]*REQUEST_TOO_LARGE/i);
  }
  expect(most - before).toBeLessThan(150 * 1024 * 1024);
});

test("an official client with a body too large gets the reason, once", async () => {
  const client = new OpenAI({
    baseURL: `${world.url}/v1`,
    apiKey: "x",
    defaultHeaders: { "x-session-id": "too-large" },
  });
  const asked = { model: "gpt-4o-mini", messages: [{ role: "user" as const, content: "x".repeat(40 * 1024 * 1024) }] };
  const error = await client.chat.completions.create(asked).catch((problem: unknown) => problem);
  expect(error).toMatchObject({ status: 413, code: "REQUEST_TOO_LARGE" });
  expect(await recordedCalls(world, "session=too-large")).toHaveLength(1);
});

test("JSON nested 100,000 deep is refused", async () => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const deep = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
    const body = CHAT.replace("}]}", `}],"metadata":${deep}}`);
    expect(await refusalOf(await post(body))).toEqual([400, "REQUEST_INVALID"]);
  }
});

test("brackets inside a text are no nesting", async () => {
  const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "[{".repeat(5_000) }] });
  expect((await post(body)).status).toBe(200);
});

test("100,000 letters without a break at the edge of a budget are decided while others are served", async () => {
  const limit = { scope: "session:edge", measure: "usd", amount: "0.0055", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const content = "a".repeat(100_000);
  const edge = Array.from({ length: 8 }, () =>
    post(JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }] }), { "x-session-id": "edge" }),
  );
  let served = 0;
  for (let i = 0; i < 20; i++) {
    const answer = await post(CHAT);
    await answer.text();
    if (answer.status === 200) served++;
  }
  expect(served).toBe(20);
  for (const answer of await Promise.all(edge)) {
    expect([200, 429]).toContain(answer.status);
    await answer.text();
  }
});

test("a request that comes byte by byte is served, and a client that gives up half-way leaves nothing behind", async () => {
  const before = world.simulator.calls();
  const slow = rawConnection(world.url);
  for (const byte of rawRequest(PATH, ["connection: close"], CHAT)) {
    slow.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await slow.closed()).toMatch(/^HTTP\/1\.1 200 /);
  const quitter = rawConnection(world.url);
  quitter.write(rawRequest(PATH, ["content-length: 5000"], CHAT));
  await until("the request has arrived", () => quitter.socket.bytesWritten > CHAT.length);
  quitter.socket.destroy();
  const again = await post(CHAT);
  await again.text();
  expect(world.simulator.calls() - before).toBe(2);
});

test("a reader that stops reading stops its own stream, and nobody else's", async () => {
  const answer = { output_tokens: 16_000, call_id: "slow-reader" };
  const body = JSON.stringify({ model: "gpt-4o-mini", messages, n: 4, stream: true, ...steered(answer) });
  const before = process.memoryUsage().rss;
  const reader = rawConnection(world.url);
  reader.write(rawRequest(PATH, ["connection: close"], body));
  await until("the stream has begun", () => reader.text().includes("data: "));
  reader.socket.pause();
  for (let i = 0; i < 30; i++) expect((await (await post(CHAT)).text()).length).toBeGreaterThan(0);
  // Some fourteen megabytes of events wait at the provider, not here.
  expect(world.simulator.bill().some((line) => line.callId === "slow-reader")).toBe(false);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  reader.socket.resume();
  expect(await reader.closed()).toContain("data: [DONE]");
});

test("wrong methods and odd paths are refused in the dialect of their path, and reach no provider", async () => {
  const before = world.simulator.calls();
  const odd: readonly [string, string, number][] = [
    ["GET", PATH, 405],
    ["DELETE", PATH, 405],
    ["PUT", "/v1/messages", 405],
    ["POST", "/v1/models", 405],
    ["POST", "//v1/chat/completions", 404],
    ["POST", "/v1/chat/completions/", 404],
    ["POST", "/v1/chat%2fcompletions", 404],
    ["POST", "/V1/chat/completions", 404],
    ["POST", "/v1/../v1/chat/completions", 404],
    ["POST", "/openai/../../etc/passwd", 404],
    ["POST", "/__proto__/v1/chat/completions", 404],
    ["POST", "/constructor/v1/chat/completions", 404],
    ["POST", "/v1beta/models/..%2f..%2fsecret:generateContent", 404],
    ["POST", "/v1beta/models/gemini-2.5-flash:deleteAll", 404],
    ["POST", "/api", 404],
    ["OPTIONS", "*", 404],
    ["POST", "/v1/chat/completions\u00ff", 400],
  ];
  for (const [method, path, status] of odd) {
    const connection = rawConnection(world.url);
    connection.write(rawRequest(path, ["connection: close"], CHAT, method));
    const text = await connection.closed();
    expect([method, path, text.split(" ")[1]]).toEqual([method, path, String(status)]);
  }
  expect(world.simulator.calls()).toBe(before);
});

test("bodies that are no JSON object are refused", async () => {
  const bodies: (string | Buffer)[] = ["", "null", "[]", '"text"', "1", "{", `${CHAT}x`, CHAT.slice(0, -1), "\u0000"];
  for (const body of bodies)
    expect([body, ...(await refusalOf(await post(body)))]).toEqual([body, 400, "REQUEST_INVALID"]);
});

test("fields of the wrong type are refused or passed on, and never break the server", async () => {
  const values: unknown[] = [null, true, -1, 1e308, "x", [], {}, [[]], "__proto__", { __proto__: null, toString: 1 }];
  for (const field of ["model", "messages", "max_tokens", "n", "stream", "tools", "stream_options"]) {
    for (const value of values) {
      const answer = await post(JSON.stringify({ model: "gpt-4o-mini", messages, [field]: value }));
      expect([field, value, answer.status < 500]).toEqual([field, value, true]);
      await answer.text();
    }
  }
});

test("`__proto__` and `constructor` as fields pollute nothing", async () => {
  const body = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},${CHAT.slice(1)}`;
  expect((await post(body)).status).toBe(200);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("a body that is no UTF-8, or says that it is compressed, is refused", async () => {
  const broken = Buffer.concat([Buffer.from(CHAT.slice(0, -4)), Buffer.of(0xff, 0xfe), Buffer.from(CHAT.slice(-4))]);
  expect(await refusalOf(await post(broken))).toEqual([400, "REQUEST_INVALID"]);
  expect(await refusalOf(await post(CHAT, { "content-encoding": "gzip" }))).toEqual([400, "REQUEST_INVALID"]);
});

test("a dimension cannot carry a line break, a control character or a novel", async () => {
  for (const value of ["a\tb", "x".repeat(257)])
    expect(await refusalOf(await post(CHAT, { "x-tollhouse-team": value }))).toEqual([400, "REQUEST_INVALID"]);
  const connection = rawConnection(world.url);
  connection.write(rawRequest(PATH, ["x-tollhouse-team: a\rx-injected: 1", "connection: close"], CHAT));
  expect(await connection.closed()).toMatch(/^HTTP\/1\.1 400 /);
  const encoded = await post(CHAT, { "x-tollhouse-team": "a%0d%0ax-injected:%201" });
  expect([encoded.status, encoded.headers.get("x-injected")]).toEqual([200, null]);
  await encoded.text();
  const named = await post(CHAT, {}, `${PATH}?session_id=a%0d%0ax-injected:1`);
  expect(await refusalOf(named)).toEqual([400, "REQUEST_INVALID"]);
});

test("a scope of any letters comes back in a header that is one", async () => {
  const session = "größe; remaining=9 🌉";
  const limit = { scope: `session:${session}`, measure: "usd", amount: "5", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const answer = await post(CHAT, {}, `${PATH}?session_id=${encodeURIComponent(session)}`);
  await answer.text();
  const header = answer.headers.get("x-tollhouse-budget") ?? "";
  expect(header).toMatch(/^scope=[^; ]+; remaining=4\.\d{9}; reset=never$/);
  expect(decodeURIComponent(header.slice("scope=".length, header.indexOf(";")))).toBe(`session:${session}`);
});

test("chunked bodies, pipelined requests and `Expect: 100-continue` are served as HTTP says", async () => {
  const half = Math.floor(CHAT.length / 2);
  const piece = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
  const chunked = rawConnection(world.url);
  const parts = piece(CHAT.slice(0, half)) + piece(CHAT.slice(half));
  chunked.write(rawRequest(PATH, ["transfer-encoding: chunked", "connection: close"], `${parts}0\r\n\r\n`));
  expect(await chunked.closed()).toMatch(/^HTTP\/1\.1 200 /);

  const pipelined = rawConnection(world.url);
  const ask = (id: string, headers: string[]): Buffer =>
    rawRequest(
      PATH,
      headers,
      JSON.stringify({
        model: "gpt-4o-mini",
        messages,
        ...steered({ call_id: id, delay_ms: id === "first" ? 60 : 0, output_tokens: 3 }),
      }),
    );
  pipelined.write(Buffer.concat([ask("first", []), ask("second", []), ask("third", ["connection: close"])]));
  const answers = (await pipelined.closed()).split("HTTP/1.1 ").slice(1);
  expect(answers.map((answer) => answer.slice(0, 3))).toEqual(["200", "200", "200"]);
  const ids = answers.map((answer) => /"id":"(chatcmpl-[^"]+)"/.exec(answer)?.[1] ?? "");
  expect(ids.map((id) => world.simulator.billOf(id)?.callId)).toEqual(["first", "second", "third"]);

  const polite = rawConnection(world.url);
  const [head = ""] = rawRequest(PATH, ["expect: 100-continue", "connection: close"], CHAT)
    .toString()
    .split("\r\n\r\n");
  polite.write(`${head}\r\n\r\n`);
  await until("the server asks for the body", () => polite.text().startsWith("HTTP/1.1 100 "));
  polite.write(CHAT);
  expect(await polite.closed()).toContain("HTTP/1.1 200 ");
});

test("requests whose length is told twice are refused: no request hides inside another", async () => {
  const inner = rawRequest(PATH, ["x-session-id: smuggled"], CHAT).toString("latin1");
  const smuggled: readonly (readonly string[])[] = [
    ["content-length: 4", "transfer-encoding: chunked"],
    ["content-length: 4", "content-length: 900"],
    ["transfer-encoding: chunked, identity"],
    ["transfer-encoding: xchunked"],
    ["content-length: +4"],
    ["content-length : 4"],
  ];
  for (const headers of smuggled) {
    const connection = rawConnection(world.url);
    connection.write(rawRequest(PATH, [...headers, "connection: close"], `0\r\n\r\n${inner}`));
    expect([headers, (await connection.closed()).split(" ")[1]]).toEqual([headers, "400"]);
  }
  expect(await recordedCalls(world, "session=smuggled")).toEqual([]);
});
