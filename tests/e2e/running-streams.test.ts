import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { APIError, PermissionDeniedError } from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { recordedCalls, sideBySide, steered, until, type SideBySide } from "./side-by-side.ts";

// A kill switch, a block and a freeze end what is running: at once, in the client's own dialect, and settled.

let world: SideBySide;
beforeAll(async () => {
  world = await sideBySide({ env: { DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

const STREAMS = 201;
const messages = [{ role: "user" as const, content: "Tell me about the river behind the house." }];
/** Nothing ends by itself while the test looks: four minutes of answer. */
const long = steered({ output_tokens: 4_000, tokens_per_second: 16 });

/** A stream of each dialect in turn, that reads on until it is ended: what arrived, and the error its client raised. */
interface Ended {
  readonly dialect: number;
  readonly items: number;
  readonly error: unknown;
  readonly atMs: number;
}

interface Running {
  readonly begun: Promise<void>;
  readonly ended: Promise<Ended>;
}

function stream(i: number, headers: Record<string, string>): Running {
  const begun = Promise.withResolvers<void>();
  const read = async (): Promise<Ended> => {
    let items = 0;
    let error: unknown = null;
    try {
      for await (const item of await opened(i % 3, headers)) {
        if (item !== null && ++items === 3) begun.resolve();
      }
    } catch (raised) {
      error = raised;
    }
    begun.resolve();
    return { dialect: i % 3, items, error, atMs: performance.now() };
  };
  return { begun: begun.promise, ended: read() };
}

function opened(dialect: number, headers: Record<string, string>): Promise<AsyncIterable<unknown>> {
  if (dialect === 0) {
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: "x", defaultHeaders: headers });
    return client.chat.completions.create({ model: "gpt-4o-mini", messages, stream: true, ...long });
  }
  if (dialect === 1) {
    const client = new Anthropic({ baseURL: world.url, apiKey: "x", defaultHeaders: headers });
    const asked = { model: "claude-haiku-4-5", max_tokens: 5_000, messages, stream: true as const, ...long };
    return client.messages.create(asked);
  }
  const client = new GoogleGenAI({ apiKey: "x", httpOptions: { baseUrl: world.url, headers } });
  const config = { thinkingConfig: { thinkingBudget: 0 }, httpOptions: { extraBody: { ...long } } };
  return client.models.generateContentStream({ model: "gemini-2.5-flash", contents: "Hi", config });
}

const RAISED = [APIError, Anthropic.APIError, Error] as const;

function expectRaised({ dialect, items, error }: Ended, code: string, message: string): void {
  expect(items).toBeGreaterThanOrEqual(3);
  expect(error).toBeInstanceOf(RAISED[dialect]);
  expect((error as Error).message).toContain(message);
  if (dialect === 0) expect(error).toMatchObject({ code });
}

test("a kill switch ends 201 running streams of three dialects within five seconds; each is settled, and each client raises", async () => {
  const agent = { "x-tollhouse-agent": "runaway" };
  const running = Array.from({ length: STREAMS }, (_, i) => stream(i, { ...agent, "x-tollhouse-session": `run-${i}` }));
  const beside = [0, 1, 2].map((i) => stream(i, { "x-tollhouse-agent": "careful" }));
  // Of that agent, in another environment.
  const inDev = { name: "dev", environment: "dev", permissions: ["call"] };
  const { key } = await world.control<{ key: string }>("POST", "/api/v1/keys", inDev);
  beside.push(stream(0, { ...agent, authorization: `Bearer ${key}` }));
  await Promise.all([...running, ...beside].map((one) => one.begun));

  const preview = await world.control<Preview>("POST", "/api/v1/kill-switches/preview", { scope: "agent:runaway" });
  expect([preview.running_calls, preview.running.length, preview.running[0]?.agent]).toEqual([STREAMS, 100, "runaway"]);

  const pulledMs = performance.now();
  const input = { scope: "agent:runaway", reason: "it loops" };
  const made = await world.control<Made>("POST", "/api/v1/kill-switches", input);
  const answeredMs = performance.now() - pulledMs;
  expect(made.ended_calls).toBe(STREAMS);
  const ended = await Promise.all(running.map((one) => one.ended));
  const lastMs = Math.max(...ended.map((one) => one.atMs)) - pulledMs;
  process.stdout.write(
    `${STREAMS} running streams ended ${Math.round(lastMs)} ms after the kill switch was pulled (answered after ${Math.round(answeredMs)} ms)\n`,
  );
  expect(lastMs).toBeLessThan(5_000);
  for (const one of ended) expectRaised(one, "KILL_SWITCH_ACTIVE", "A kill switch stops agent:runaway");

  await until("every call is settled", () => world.tollhouse.gateway.state.inFlight === beside.length);
  const calls = (await recordedCalls(world)).filter((call) => call.dimensions["agent"] === "runaway");
  expect(calls).toHaveLength(STREAMS);
  expect(new Set(calls.map((call) => [call.outcome, call.reason_code, call.usage_source].join()))).toEqual(
    new Set(["settled,KILL_SWITCH_ACTIVE,counted"]),
  );
  expect(calls.every((call) => Number(call.cost) > 0)).toBe(true);
  await until("the provider sees every abort", () => world.simulator.bill().length >= STREAMS);
  expect(world.simulator.bill().every((line) => line.finished === "aborted")).toBe(true);

  // The others go on as if nothing were.
  expect(await stillRunning(beside)).toBe(4);
  await world.control("POST", "/api/v1/kill-switches", { scope: "agent:careful", reason: "the end of the test" });
  await world.control("POST", "/api/v1/kill-switches?environment=dev", { scope: "org", reason: "the end of the test" });
  for (const [i, { ended: end }] of beside.entries())
    expectRaised(await end, "KILL_SWITCH_ACTIVE", i === 3 ? "stops all calls" : "agent:careful");
});

interface Preview {
  readonly calls_last_hour: number;
  readonly running_calls: number;
  readonly running: readonly { readonly agent: string | null }[];
}

interface Made {
  readonly id: string;
  readonly ended_calls: number;
}

async function stillRunning(streams: readonly Running[]): Promise<number> {
  const pending = Symbol("pending");
  const states = await Promise.all(streams.map((one) => Promise.race([one.ended, Promise.resolve(pending)])));
  return states.filter((state) => state === pending).length;
}

test("blocking a user, and freezing a session, ends their running calls with that reason, and nobody else's", async () => {
  const theirs = [0, 1, 2].map((i) => stream(i, { "x-tollhouse-user": "mallory" }));
  const frozen = [0, 1, 2].map((i) => stream(i, { "x-tollhouse-session": "frosty" }));
  await Promise.all([...theirs, ...frozen].map((one) => one.begun));
  const block = { scope: "user:mallory", reason: "abuse" };
  expect((await world.control<Made>("POST", "/api/v1/blocks", block)).ended_calls).toBe(3);
  for (const { ended } of theirs) expectRaised(await ended, "USER_BLOCKED", "user:mallory is blocked");
  expect(await stillRunning(frozen)).toBe(3);
  expect((await world.control<Made>("POST", "/api/v1/sessions/frosty/freeze")).ended_calls).toBe(3);
  for (const { ended } of frozen) expectRaised(await ended, "SESSION_FROZEN", "session:frosty is frozen");
});

test("a call that is waited for as a whole ends too, with 451 and nothing of the answer: asked for whole, or as a stream", async () => {
  const limit = { scope: "session:assembled", measure: "usd", amount: "0.004", window: "lifetime", mode: "hard" };
  await world.control("POST", "/api/v1/limits", limit);
  const asked = { model: "gpt-4o-mini", messages, ...long };
  // Without a budget the bound is small, and the provider is asked for one answer; with one, for a stream that is assembled.
  for (const session of ["whole", "assembled"]) {
    const before = world.simulator.calls();
    const client = new OpenAI({
      baseURL: `${world.url}/v1`,
      apiKey: "x",
      defaultHeaders: { "x-tollhouse-session": session, "x-tollhouse-feature": session },
    });
    const raised = client.chat.completions.create(asked).then(
      () => null,
      (error: unknown) => error,
    );
    await until("the provider has the call", () => world.simulator.calls() > before);
    await until("it is running", async () => (await preview(`feature:${session}`)).running_calls === 1);
    await world.control("POST", "/api/v1/kill-switches", { scope: `feature:${session}`, reason: "stop" });
    const error = await raised;
    expect(error).toBeInstanceOf(APIError);
    expect(error).not.toBeInstanceOf(PermissionDeniedError);
    expect(error).toMatchObject({ status: 451, code: "KILL_SWITCH_ACTIVE" });
    await until("it is settled", () => world.tollhouse.gateway.state.inFlight === 0);
    const [call] = await recordedCalls(world, `session=${session}`);
    expect([call?.outcome, call?.reason_code]).toEqual(["settled", "KILL_SWITCH_ACTIVE"]);
    // Bytes that left may have been billed: never nothing.
    expect(Number(call?.cost)).toBeGreaterThan(0);
  }
});

function preview(scope: string): Promise<Preview> {
  return world.control<Preview>("POST", "/api/v1/kill-switches/preview", { scope });
}
