import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, type Spool } from "@tollhouse/store";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Call } from "./call.ts";
import { ClientAnswer } from "./client-answer.ts";
import { buildRefusal } from "./refusal.ts";
import { reserveCall } from "./reserve-call.ts";
import { sampleCall, sampleGateway, sampleLimit, type SampleGateway } from "./sample-call.ts";
import type { Settled } from "./settle-call.ts";

const dir = mkdtempSync(join(tmpdir(), "tollhouse-answer-"));
let spool: Spool;
let gateway: SampleGateway;
let server: Server;
let answer: (client: ClientAnswer, call: Call) => void;
let call: Call;
let told: string[];

beforeAll(async () => {
  spool = await openSpool({ dir });
  server = createServer((_req, res) => {
    // A connection of an earlier test may close late: it tells its own test.
    const heard = told;
    const client = new ClientAnswer(gateway, call, res, {
      blocked: () => void heard.push("blocked"),
      unblocked: () => void heard.push("unblocked"),
      gone: () => void heard.push("gone"),
    });
    answer(client, call);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(async () => {
  gateway = sampleGateway({ spool });
  told = [];
  await reserve();
});
afterEach(() => void vi.useRealTimers());

async function reserve(headers: readonly string[] = []): Promise<void> {
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], stream: true };
  call = sampleCall(gateway, { body, headers });
  const reservation = await reserveCall(gateway, call, body);
  if ("code" in reservation) throw new Error(reservation.message);
  call.reservation = reservation;
}

/** Asks, and hands over the answer once its head is there. */
function ask(): Promise<IncomingMessage> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, agent: false }, resolve).on("error", reject).end();
  });
}

async function read(): Promise<{ headers: IncomingHttpHeaders; text: string; whole: boolean }> {
  const res = await ask();
  const chunks: Buffer[] = [];
  res.on("data", (chunk: Buffer) => chunks.push(chunk));
  const whole = await new Promise<boolean>((resolve) => {
    res.on("error", () => undefined);
    res.on("close", () => resolve(res.complete));
  });
  return { headers: res.headers, text: Buffer.concat(chunks).toString(), whole };
}

const settled: Settled = { cost: 1_500n, usage: {}, source: "reported" };
const events = ["content-type", "text/event-stream", "x-request-id", "r1"];
const refusal = buildRefusal({ code: "BUDGET_EXCEEDED", decision: "0a", message: "Budget exceeded" });

describe("what Tollhouse says in the headers", () => {
  test("the decision, the cost where it is known, and the provider's own", async () => {
    answer = (client) =>
      client.whole(200, ["content-type", "application/json", "content-length", "99"], Buffer.from("{}"), settled);
    const { headers, text } = await read();
    expect(headers).toMatchObject({
      "x-tollhouse-decision": `dec_${call.decision}`,
      "x-tollhouse-cost": "0.000001500",
      "content-type": "application/json",
      "content-length": "2",
    });
    expect([text, headers["x-tollhouse-budget"], headers["x-tollhouse-output-limit"]]).toEqual([
      "{}",
      undefined,
      undefined,
    ]);
  });

  test.each([1, 256, 16_384, 16_385, 100_000])(
    "a body of %i bytes arrives as it was, whatever they are",
    async (size) => {
      const body = Buffer.from(Array.from({ length: size }, (_, at) => 255 - (at % 256)));
      answer = (client) => client.whole(200, ["x-name", "caf\u00e9"], body, settled);
      const res = await ask();
      const chunks: Buffer[] = [];
      for await (const chunk of res) chunks.push(chunk as Buffer);
      expect(Buffer.concat(chunks).equals(body)).toBe(true);
      expect(res.headers).toMatchObject({ "content-length": String(size), "x-name": "caf\u00e9" });
    },
  );

  test("no cost where it is not known", async () => {
    answer = (client) => client.whole(200, events, Buffer.from("{}"), { ...settled, cost: null });
    expect((await read()).headers["x-tollhouse-cost"]).toBeUndefined();
  });

  test("the tightest limit by its share, soft ones and exhausted ones too", async () => {
    const limits = [
      sampleLimit({ id: "lim_a", scope: "org", amount: 1_000_000_000n }),
      sampleLimit({ id: "lim_b", scope: "model:gpt-4o-mini", amount: 100n, measure: "requests" }),
      sampleLimit({ id: "lim_c", scope: "provider:openai", amount: 10n, measure: "requests", mode: "soft" }),
    ];
    gateway.inForce = limits;
    await reserve();
    answer = (client) => client.whole(200, events, Buffer.from(""), settled);
    expect((await read()).headers["x-tollhouse-budget"]).toBe("scope=provider:openai; remaining=9; reset=never");
    // Two more requests fit: the one that is under way, and this one.
    gateway.counters.seed("lim_b", "lifetime", 98n);
    await reserve();
    expect((await read()).headers["x-tollhouse-budget"]).toBe("scope=model:gpt-4o-mini; remaining=0; reset=never");
  });

  test("a cap that Tollhouse set", async () => {
    gateway.inForce = [sampleLimit({ measure: "tokens", amount: call.estimate.inputTokens + 40n })];
    await reserve();
    answer = (client) => client.whole(200, events, Buffer.from(""), settled);
    expect((await read()).headers["x-tollhouse-output-limit"]).toBe(String(call.reservation.outputLimit));
  });

  test("an assembled answer has one content type: its own", async () => {
    answer = (client) => client.whole(200, events, Buffer.from("{}"), settled, ["content-type", "application/json"]);
    expect((await read()).headers["content-type"]).toBe("application/json");
  });
});

describe("the end of a stream", () => {
  const streamed =
    (type: string) =>
    (client: ClientAnswer): void => {
      client.head(200, ["content-type", type], null);
      client.write(Buffer.from("data: 1\n\n"));
      client.endStream(settled);
    };

  test("tells the cost in a comment, only to who asked for it", async () => {
    answer = streamed("text/event-stream; charset=utf-8");
    expect((await read()).text).toBe("data: 1\n\n");
    await reserve(["x-tollhouse-include-cost", "true"]);
    expect((await read()).text).toBe("data: 1\n\n: x-tollhouse-cost 0.000001500\n\n");
  });

  test("never breaks a JSON array by a comment", async () => {
    answer = streamed("application/json");
    await reserve(["x-tollhouse-include-cost", "true"]);
    expect((await read()).text).toBe("data: 1\n\n");
  });

  test("that was cut is whole, and says why", async () => {
    answer = (client) => {
      client.head(200, events, null);
      client.write(Buffer.from("data: 1\n\n"));
      client.endWithFrame(refusal);
    };
    const { text, whole } = await read();
    expect([text.startsWith("data: 1\n\n"), text.includes("BUDGET_EXCEEDED"), whole]).toEqual([true, true, true]);
  });

  test("that cannot be completed is seen to be incomplete", async () => {
    answer = (client) => {
      client.head(200, events, null);
      client.write(Buffer.from("data: 1\n\n"));
      setImmediate(() => client.refuse(refusal));
    };
    expect((await read()).whole).toBe(false);
  });
});

test("a refusal before the first byte has the status of its code", async () => {
  answer = (client) => client.refuse(refusal);
  const { headers, text } = await read();
  expect([headers["x-tollhouse-reason"], JSON.parse(text)["error"]["code"]]).toEqual([
    "BUDGET_EXCEEDED",
    "BUDGET_EXCEEDED",
  ]);
});

describe("the client at the other end", () => {
  test("that hangs up is told of once, and nothing more is written to it", async () => {
    const writing = Promise.withResolvers<ClientAnswer>();
    answer = (client) => {
      client.head(200, events, null);
      client.write(Buffer.from("data: 1\n\n"));
      writing.resolve(client);
    };
    const res = await ask();
    res.on("error", () => undefined).destroy();
    const client = await writing.promise;
    await expect.poll(() => told).toEqual(["gone"]);
    expect(client.lost).toBe(true);
    client.write(Buffer.from("x"));
    client.endStream(settled);
    client.endWithFrame(refusal);
    client.refuse(refusal);
    client.end();
    expect(told).toEqual(["gone"]);
  });

  test("that read everything is not gone when its connection closes", async () => {
    answer = (client) => client.whole(200, events, Buffer.from("{}"), settled);
    await read();
    server.closeIdleConnections();
    expect(told).toEqual([]);
  });

  test("that reads slowly stops the provider, and reading again starts it", async () => {
    const writing = Promise.withResolvers<ClientAnswer>();
    answer = (client) => {
      client.head(200, events, null);
      for (let i = 0; i < 100; i++) client.write(Buffer.alloc(1024 * 1024));
      writing.resolve(client);
    };
    const res = await ask();
    const client = await writing.promise;
    expect([told, client.blocked]).toEqual([["blocked"], true]);
    res.resume();
    await expect.poll(() => told, { timeout: 20_000 }).toEqual(["blocked", "unblocked"]);
    expect(client.blocked).toBe(false);
    res.destroy();
  });

  test("that takes nothing for a minute is gone", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    answer = (client) => {
      client.head(200, events, null);
      for (let i = 0; i < 100; i++) client.write(Buffer.alloc(1024 * 1024));
    };
    const res = await ask();
    res.on("error", () => undefined);
    vi.advanceTimersByTime(59_999);
    await new Promise(setImmediate);
    expect(told).toEqual(["blocked"]);
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    await expect.poll(() => told).toEqual(["blocked", "gone"]);
  });
});
