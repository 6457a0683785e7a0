import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DEFAULT_TENANT, listLimits, openDatabase } from "@tollhouse/store";
import { startedTollhouse, TEST_ADMIN_KEY, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

// Callers that look for a way around their limits, or into somebody else's pocket.

interface Asked {
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const asked: Asked[] = [];
let answer: (res: ServerResponse, ask: Asked) => void;
let provider: Server;
let world: StartedTollhouse;

beforeAll(async () => {
  provider = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const ask = { url: req.url ?? "", headers: req.headers, body: Buffer.concat(chunks).toString("latin1") };
      asked.push(ask);
      answer(res, ask);
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  world = await startedTollhouse({
    env: {
      OPENAI_BASE_URL: `${base}/v1`,
      GEMINI_BASE_URL: base,
      DEFAULT_BUDGET: "0",
      TOLLHOUSE_SPOOL_BYTES_MAX: "16 MiB",
    },
  });
});
beforeEach(() => {
  asked.length = 0;
  answer = (res) => {
    res.writeHead(200, { "content-type": "application/json" });
    res.end(JSON.stringify({ id: "x", choices: [], usage: { prompt_tokens: 10, completion_tokens: 20 } }));
  };
});
afterAll(async () => {
  await world.stop();
  provider.closeAllConnections();
  provider.close();
});

interface Answered {
  readonly status: number;
  readonly reason: string | undefined;
}

/** Without `fetch`, which sets Host and Origin itself and forbids bytes beyond Latin-1. */
function ask(method: string, path: string, headers: Record<string, string>, body: string): Promise<Answered> {
  const { port } = new URL(world.url);
  return new Promise((resolve, reject) => {
    const req = request({ host: "127.0.0.1", port, method, path, headers }, (res) => {
      res.resume();
      res.on("end", () =>
        resolve({ status: res.statusCode ?? 0, reason: res.headers["x-tollhouse-reason"] as string }),
      );
    });
    req.on("error", reject);
    // As bytes: Node would write headers and a text together, and both as UTF-8.
    req.end(Buffer.from(body));
  });
}

const JSON_TYPE = { "content-type": "application/json" };

function chatBody(over: Record<string, unknown> = {}): string {
  return JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], max_tokens: 50, ...over });
}

function chat(headers: Record<string, string>, over: Record<string, unknown> = {}, query = ""): Promise<Answered> {
  return ask("POST", `/v1/chat/completions${query}`, { ...JSON_TYPE, ...headers }, chatBody(over));
}

function budget(scope: string, amount: string): Promise<{ id: string; version: number }> {
  return world.control("POST", "/api/v1/limits", { scope, measure: "usd", amount, window: "lifetime", mode: "hard" });
}

test.each(["https://evil.example", "http://192.168.1.7", "null", "http://localhost.evil.example:8787"])(
  "in open mode a page of %s cannot spend the money of who looks at it",
  async (origin) => {
    expect(await chat({ origin, "content-type": "text/plain" })).toEqual({ status: 403, reason: "HOST_NOT_ALLOWED" });
    expect(asked).toEqual([]);
  },
);

test.each(["http://localhost:3000", "http://127.0.0.1:5173", "https://app.localhost", "vscode-webview://abc"])(
  "a page of this machine (%s) can call",
  async (origin) => {
    expect((await chat({ origin })).status).toBe(200);
  },
);

test.each(["/", "/metrics", "/api/v1/limits", "/v1/chat/completions", "/health"])(
  "in open mode %s is not shown to a page that reaches it by another name (DNS rebinding)",
  async (path) => {
    const method = path.startsWith("/v1") ? "POST" : "GET";
    const headers = { host: "rebound.example:8787", authorization: `Bearer ${TEST_ADMIN_KEY}` };
    expect(await ask(method, path, headers, "")).toEqual({ status: 403, reason: "HOST_NOT_ALLOWED" });
  },
);

test("a key of ours in the query, however it is spelled, reaches no provider; other parameters do", async () => {
  for (const query of [`?key=${TEST_ADMIN_KEY}&api-version=1`, `?%6bey=${TEST_ADMIN_KEY}&session_id=a&api-version=1`])
    await chat({}, {}, query);
  await ask(
    "POST",
    `/v1beta/models/gemini-2.0-flash:generateContent?session_id=a&key=${TEST_ADMIN_KEY}`,
    JSON_TYPE,
    `{"contents":[]}`,
  );
  expect(asked.map(({ url }) => url)).toEqual([
    "/v1/chat/completions?api-version=1",
    "/v1/chat/completions?api-version=1",
    "/v1beta/models/gemini-2.0-flash:generateContent",
  ]);
  expect(JSON.stringify(asked)).not.toContain(TEST_ADMIN_KEY);
});

test("the name of a budget's session is the same in a limit and, as UTF-8 or Latin-1, in a header", async () => {
  await budget("session:zoë", "0");
  for (const encoding of ["utf8", "latin1"] as const) {
    const session = Buffer.from("zoë", encoding).toString("latin1");
    expect(await chat({ "x-tollhouse-session": session }), encoding).toMatchObject({ reason: "BUDGET_EXCEEDED" });
  }
  expect((await chat({}, {}, "?session_id=zo%C3%AB")).reason).toBe("BUDGET_EXCEEDED");
});

test("a second file or field of one name in a form is refused: the provider might read the other one", async () => {
  const part = (head: string, text: string): string =>
    `--b\r\ncontent-disposition: form-data; ${head}\r\n\r\n${text}\r\n`;
  const file = (bytes: number): string => part('name="file"; filename="a.mp3"', "x".repeat(bytes));
  const model = part('name="model"', "whisper-1");
  const post = (body: string): Promise<Answered> =>
    ask("POST", "/v1/audio/transcriptions", { "content-type": "multipart/form-data; boundary=b" }, `${body}--b--\r\n`);
  expect((await post(model + file(100_000) + file(1))).status).toBe(400);
  expect((await post(model + model + file(1))).status).toBe(400);
  expect(asked).toEqual([]);
  const list = part('name="timestamp_granularities[]"', "word");
  expect((await post(model + list + list + file(1))).status).toBe(200);
});

test("a background run, which no cut can stop, is held in full or capped to what is affordable", async () => {
  const { id } = await budget("session:background", "0.001");
  answer = (res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.end();
  };
  const body = JSON.stringify({ model: "gpt-4o-mini", input: "hi", background: true, stream: true });
  await ask("POST", "/v1/responses", { ...JSON_TYPE, "x-session-id": "background" }, body);
  const cap = (JSON.parse(asked[0]?.body ?? "{}") as { max_output_tokens?: number }).max_output_tokens ?? Infinity;
  // $0.60 a million.
  expect(cap * 0.6e-6).toBeLessThanOrEqual(0.001);
  // The stream said nothing of what was made: settled at what was held, and not above.
  const { state } = await world.control<{ state: { settled: string; reserved: string } }>(
    "GET",
    `/api/v1/limits/${id}`,
  );
  expect(state.reserved).toBe("0.000000000");
  expect(Number(state.settled)).toBeGreaterThan(0.0009);
  expect(Number(state.settled)).toBeLessThanOrEqual(0.001);
});

test("an absurd output cap is never settled as billions, whatever becomes of the call", async () => {
  answer = (res) => res.socket?.destroy();
  for (let i = 0; i < 3; i++) await chat({ "x-session-id": "absurd" }, { max_tokens: Number.MAX_SAFE_INTEGER, n: 128 });
  await world.recorded();
  const { total } = await world.control<{ total: { cost: string } }>("GET", "/api/v1/usage");
  expect(Number(total.cost)).toBeLessThan(10_000);
});

test("a client that makes a provider's error say `stream_options` does not switch usage off for everybody", async () => {
  answer = (res) => {
    res.writeHead(400, { "content-type": "application/json" });
    res.end('{"error":{"message":"response_format: stream_options is not supported"}}');
  };
  expect((await chat({}, { stream: true, response_format: { type: "stream_options" } })).status).toBe(400);
  await chat({}, { stream: true });
  expect(asked.at(-1)?.body).not.toContain("include_usage");
  asked.length = 0;
  answer = (res) => res.writeHead(400).end();
  await chat({}, { stream: true });
  expect(asked[0]?.body).toContain("include_usage");
});

test.each([
  "//v1/chat/completions",
  "/openai/../v1/files",
  "/openai/v1/../files",
  "/openai/v1/models/..%2ffiles",
  "/openai/v1/models/%2e%2e/files",
  "/v1/models/../files",
  "/v1beta/models/../../files:generateContent",
  "/v1beta/models/a%2F..%2F..%2Ffiles:generateContent",
  "/openai/openai/deployments/../../files/chat/completions",
  "http://127.0.0.1/v1/files",
  "/v1/chat/completions/../../files",
  "/__proto__/v1/chat/completions",
  "/constructor/v1/chat/completions",
])("the path %s reaches nothing but what it is routed to", async (path) => {
  for (const method of ["GET", "POST"]) {
    const { status } = await ask(method, path, JSON_TYPE, method === "POST" ? chatBody() : "");
    expect([404, 405]).toContain(status);
  }
  expect(asked).toEqual([]);
});

test("a fine-tuned model's name, which has colons, is looked up at OpenAI", async () => {
  expect((await ask("GET", "/v1/models/ft:gpt-4o-mini:acme::abc", {}, "")).status).toBe(200);
  expect(asked[0]?.url).toBe("/v1/models/ft:gpt-4o-mini:acme::abc");
});

// Last: it fills the spool.
test("a change of a limit that cannot be recorded is not made, in the database neither", async () => {
  const { id } = await budget("session:unchanged", "5.00");
  const filler = {
    t: "admin",
    timeMs: Date.now(),
    tenant: DEFAULT_TENANT,
    environment: "prod",
    actor: "a",
    action: "a",
    subject: "s",
    before: null,
  } as const;
  for (let i = 0; i < 8; i++)
    await world.tollhouse.gateway.spool
      .append({ ...filler, id: String(i).padStart(32, "0"), after: "x".repeat(2_000_000) })
      .catch(() => undefined);
  const filling = async (): Promise<void> => {
    for (let i = 8; ; i++)
      await world.tollhouse.gateway.spool.append({
        ...filler,
        id: String(i).padStart(32, "0"),
        after: "",
      });
  };
  await expect(filling()).rejects.toThrow("full");
  await expect(world.control("PUT", `/api/v1/limits/${id}`, { amount: "9.00" })).rejects.toThrow();
  await expect(world.control("DELETE", `/api/v1/limits/${id}`)).rejects.toThrow();
  expect(await world.control("GET", `/api/v1/limits/${id}`)).toMatchObject({ amount: "5.000000000", version: 1 });
  const db = await openDatabase({ url: world.database.url }, { connectionsMax: 1 });
  try {
    const stored = [];
    for await (const page of listLimits(db, { tenant: DEFAULT_TENANT, environment: "prod" })) stored.push(...page);
    expect(stored.find((limit) => limit.id === id)).toMatchObject({ amount: 5_000_000_000n, version: 1 });
  } finally {
    await db.close();
  }
});
