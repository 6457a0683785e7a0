import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { startedTollhouse, type StartedTollhouse } from "@tollhouse/testkit/started-tollhouse";
import { afterAll, beforeAll, expect, test } from "vitest";

// A provider that misbehaves in ways that the simulator, which plays a sane one, does not.

type Answer = (res: ServerResponse, req: IncomingMessage) => void;

/** What the provider answers next. */
let answer: Answer = (res) => res.end();
const asked: { readonly url: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[] = [];
let provider: Server;
let world: StartedTollhouse;

beforeAll(async () => {
  provider = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      asked.push({ url: req.url ?? "", headers: req.headers, body: Buffer.concat(chunks).toString() });
      answer(res, req);
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const { port } = provider.address() as AddressInfo;
  world = await startedTollhouse({
    env: { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, DEFAULT_BUDGET: "0" },
  });
});
afterAll(async () => {
  await world.stop();
  provider.closeAllConnections();
  provider.close();
});

interface LimitNow {
  readonly id: string;
  readonly state: { readonly settled: string; readonly reserved: string };
}

interface Row {
  readonly outcome: string;
  readonly cost: string | null;
  readonly usage: Record<string, number>;
  readonly usage_source: string;
}

let sessions = 0;

/** A session with a budget of its own. */
async function budget(
  amount: string,
): Promise<{ session: string; state: () => Promise<LimitNow["state"]>; rows: () => Promise<Row[]> }> {
  const session = `hostile-${++sessions}`;
  const body = { scope: `session:${session}`, measure: "usd", amount, window: "lifetime", mode: "hard" };
  const made = await world.control<LimitNow>("POST", "/api/v1/limits", body);
  return {
    session,
    state: async () => (await world.control<LimitNow>("GET", `/api/v1/limits/${made.id}`)).state,
    rows: async () => {
      await within(world.recorded(), "the ledger is stuck");
      return (await world.control<{ calls: Row[] }>("GET", `/api/v1/calls?session=${session}`)).calls;
    },
  };
}

async function within<T>(promise: Promise<T>, otherwise: string): Promise<T> {
  const late = new Promise<never>((_, reject) => setTimeout(reject, 8_000, new Error(otherwise)).unref());
  return Promise.race([promise, late]);
}

function chat(session: string, over: Record<string, unknown> = {}): Promise<Response> {
  return fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-tollhouse-session": session },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], ...over }),
  });
}

function chunk(text: string): string {
  return `data: ${JSON.stringify({ id: "x", model: "gpt-4o-mini", choices: [{ index: 0, delta: { content: text } }] })}\n\n`;
}

const WORDS = "every word of this is a token ".repeat(20);

async function ended(): Promise<void> {
  const until = performance.now() + 8_000;
  while (world.tollhouse.gateway.state.inFlight > 0) {
    if (performance.now() > until) throw new Error("calls are still in flight");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test.each(["text/plain", "application/octet-stream", ""])(
  "a stream under the content type '%s' is metered and cut all the same",
  async (type) => {
    const { session, state, rows } = await budget("0.001");
    let sent = 0;
    answer = (res) => {
      res.writeHead(200, type === "" ? {} : { "content-type": type });
      // $0.60 a million: 600 words a chunk, 40 chunks are 24,000 tokens and $0.0144, fourteen times the budget.
      const timer = setInterval(() => {
        if (sent++ < 160) res.write(chunk(WORDS));
        else res.end("data: [DONE]\n\n");
      }, 2);
      res.on("close", () => clearInterval(timer));
    };
    const text = await (await chat(session, { stream: true })).text().catch(() => "broken off");
    await ended();
    expect(text).toContain("BUDGET_EXCEEDED");
    const { settled, reserved } = await state();
    expect(Number(reserved)).toBe(0);
    expect(Number(settled)).toBeLessThanOrEqual(0.001);
    const [row] = await rows();
    expect(row?.usage["output"]).toBeGreaterThan(100);
  },
);

test.each([true, false])(
  "an encoded answer, though none was allowed, is not counted as nothing (streamed: %s)",
  async (stream) => {
    const { session, state } = await budget("1");
    answer = (res) => {
      res.writeHead(200, {
        "content-type": stream ? "text/event-stream" : "application/json",
        "content-encoding": "br",
      });
      res.end(Buffer.alloc(5_000, 0x8b));
    };
    const response = await chat(session, { stream, max_tokens: 500 });
    await response.arrayBuffer().catch(() => undefined);
    await ended();
    expect(Number((await state()).settled)).toBeGreaterThanOrEqual(0.0003);
  },
);

test("JSON under another content type is read for its usage, and without usage never counted as nothing", async () => {
  const { session, state, rows } = await budget("1");
  answer = (res) => {
    res.writeHead(200, { "content-type": "text/plain" });
    res.end(JSON.stringify({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } }));
  };
  await (await chat(session, { max_tokens: 500 })).text();
  const [row] = await rows();
  expect(row).toMatchObject({ usage_source: "reported", usage: { input: 10, output: 20 } });
  answer = (res) => {
    res.writeHead(200, { "content-type": "text/html" });
    res.end("<html>made 500 tokens</html>");
  };
  await (await chat(session, { max_tokens: 500 })).text();
  await ended();
  expect(Number((await state()).settled)).toBeGreaterThan(0.0003);
});

test.each([
  ["tokens beyond any model", { prompt_tokens: 9_007_199_254_740_991, completion_tokens: 9_007_199_254_740_991 }],
  [
    "sums beyond 2^53",
    {
      prompt_cache_hit_tokens: 9_007_199_254_740_991,
      prompt_cache_miss_tokens: 9_007_199_254_740_991,
      completion_tokens: 1,
      cost: 0.001,
    },
  ],
  ["a cost of a hundred million dollars", { prompt_tokens: 1, completion_tokens: 1, cost: 1e8 }],
  ["fractions and negatives", { prompt_tokens: -1, completion_tokens: 0.5 }],
])("a provider that reports %s does not stop the ledger, and the call has its one end", async (_, usage) => {
  const { session, state, rows } = await budget("1");
  answer = (res) => {
    res.writeHead(200, { "content-type": "application/json" });
    res.end(JSON.stringify({ id: "x", model: "gpt-4o-mini", choices: [], usage }));
  };
  const response = await chat(session, { max_tokens: 100 });
  await response.arrayBuffer().catch(() => undefined);
  await ended();
  expect(Number((await state()).reserved)).toBe(0);
  expect(await rows()).toHaveLength(1);
  const settled = Number((await state()).settled);
  expect(settled).toBeGreaterThan(0);
  expect(settled).toBeLessThan(1);
});

test("names of any length and character in an answer do not stop the ledger", async () => {
  const { session, state, rows } = await budget("1");
  answer = (res) => {
    res.writeHead(200, { "content-type": "application/json" });
    const name = `\u0000\ud800${"x".repeat(9_000_000)}`;
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    res.end(JSON.stringify({ id: name, model: name, service_tier: name, choices: [], usage }));
  };
  await (await chat(session, { max_tokens: 100 })).arrayBuffer().catch(() => undefined);
  await ended();
  expect(Number((await state()).reserved)).toBe(0);
  expect(await rows()).toHaveLength(1);
});

test("a provider that ignores the output cap is stopped where the budget ends", async () => {
  const { session, state } = await budget("0.001");
  answer = (res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    let sent = 0;
    const timer = setInterval(() => {
      if (sent++ < 160) res.write(chunk(WORDS));
      else res.end("data: [DONE]\n\n");
    }, 2);
    res.on("close", () => clearInterval(timer));
  };
  const text = await (await chat(session, { stream: true, max_tokens: 100 })).text();
  await ended();
  expect(text).toContain("BUDGET_EXCEEDED");
  expect(Number((await state()).settled)).toBeLessThanOrEqual(0.0011);
});

test("informational answers, empty answers and redirects each leave exactly one end", async () => {
  const { session, state, rows } = await budget("1");
  const answers: Answer[] = [
    (res) => {
      res.writeEarlyHints({ link: "</a>; rel=preload" });
      res.writeHead(200, { "content-type": "application/json" });
      res.end(JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
    },
    (res) => res.writeHead(204).end(),
    (res) => res.writeHead(304).end(),
    (res) => res.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    (res) => res.writeHead(200, { "content-type": "application/json", "content-length": "0" }).end(),
    (res) => res.socket?.end("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
    (res) => res.socket?.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
    (res) => res.socket?.destroy(),
    // An answer before the request was read in full.
    (res) => res.socket?.end("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"),
  ];
  for (const next of answers) {
    answer = next;
    const response = await chat(session, { max_tokens: 10 }).catch(() => null);
    await response?.arrayBuffer().catch(() => undefined);
  }
  await ended();
  expect((await rows()).map((row) => row.outcome)).toHaveLength(answers.length);
  expect(Number((await state()).reserved)).toBe(0);
});

test("an assembled answer of a host without `[DONE]`, whose last frame has no blank line, is whole and exact", async () => {
  const { session, rows } = await budget("0.01");
  answer = (res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(chunk("hello"));
    const last = { id: "x", model: "gpt-4o-mini", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
    res.write(`data: ${JSON.stringify(last)}\n\n`);
    res.end(`data: ${JSON.stringify({ id: "x", choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } })}`);
  };
  const response = await chat(session);
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: "hello" } }] });
  expect(asked.at(-1)?.body).toContain('"stream":true');
  expect((await rows())[0]).toMatchObject({ usage_source: "reported", usage: { input: 7, output: 3 } });
});
