import type { KeyMade } from "@tollhouse/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";
import { steered, until } from "./side-by-side.ts";

// What a node takes on at once is bounded, whoever asks for more: calls, bodies, one tenant's part of both, and what the event loop keeps up
// with. A refusal says so, is for a moment, and nothing of it is held afterwards.

const CALLS = 8;
const MIB = 1024 * 1024;

let world: StartedTollhouse;
let acme = "";
let bolt = "";
beforeAll(async () => {
  world = await startedTollhouse({
    env: {
      TOLLHOUSE_AUTH: "required",
      DEFAULT_BUDGET: "0",
      TOLLHOUSE_CALLS_IN_FLIGHT_MAX: String(CALLS),
      TOLLHOUSE_BODY_BYTES_IN_FLIGHT_MAX: "1 MiB",
      TOLLHOUSE_EVENT_LOOP_LAG_MS: "100",
      // A client that hangs up is one call less at once.
      TOLLHOUSE_DRAIN_CALLS_MAX: "0",
    },
  });
  for (const name of ["acme", "bolt"]) await world.control("POST", "/api/v1/tenants", { name });
  const permissions = ["call", "record"];
  const keyOf = (name: string): Promise<KeyMade> =>
    world.control<KeyMade>("POST", `/api/v1/keys?tenant=${name}`, { name, permissions });
  acme = (await keyOf("acme")).key;
  bolt = (await keyOf("bolt")).key;
});
afterAll(() => world.stop());

const messages = [{ role: "user", content: "Tell me about the river." }];
const quick = { model: "gpt-4o-mini", max_tokens: 20, messages };
/** Four minutes of answer: nothing ends by itself while the test looks. */
const long = { ...quick, max_tokens: 4_000, stream: true, ...steered({ output_tokens: 4_000, tokens_per_second: 16 }) };

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

function send(key: string, path: string, body: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${world.url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });
}

async function call(key: string, body: object = quick, path = "/v1/chat/completions"): Promise<Answered> {
  const response = await send(key, path, body);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** Streams that run until they are hung up on. */
async function streams(key: string, count: number): Promise<(() => void)[]> {
  const hangUps: (() => void)[] = [];
  for (let n = 0; n < count; n++) {
    const ending = new AbortController();
    const response = await send(key, "/v1/chat/completions", long, ending.signal);
    expect(response.status).toBe(200);
    response.body?.pipeTo(new WritableStream()).catch(() => undefined);
    hangUps.push(() => ending.abort());
  }
  return hangUps;
}

function expectOverloaded({ status, text, headers }: Answered, message: string): void {
  expect([status, headers.get("x-tollhouse-reason"), headers.get("retry-after")]).toEqual([503, "OVERLOADED", "1"]);
  expect(text).toContain(message);
}

async function used(name: string): Promise<number> {
  const response = await fetch(`${world.url}/metrics`, {
    headers: { authorization: "Bearer th_admin_for_tests_only" },
  });
  const found = new RegExp(`^tollhouse_node_limit_used{name="${name}"} (\\S+)$`, "m").exec(await response.text());
  return Number(found?.[1]);
}

const inFlight = (): number => world.tollhouse.gateway.state.inFlight;

test("every bound of a node is a metric, with what is used of it", async () => {
  const response = await fetch(`${world.url}/metrics`, {
    headers: { authorization: "Bearer th_admin_for_tests_only" },
  });
  const text = await response.text();
  const bounds = Object.fromEntries(
    [...text.matchAll(/^tollhouse_node_limit{name="(\w+)"} (\S+)$/gm)].map(([, name, max]) => [name, Number(max)]),
  );
  expect(bounds).toEqual({
    calls_in_flight: CALLS,
    calls_of_one_tenant: CALLS,
    body_bytes: MIB,
    connections: 16_384,
    drained_calls: 0,
    open_checks: 100_000,
    token_counts: 64,
    database_waiters: 1_000,
    event_streams: 512,
    spool_bytes: 2 ** 30,
    event_loop_lag_ms: 100,
  });
  for (const name of Object.keys(bounds)) expect(await used(name), name).toBeGreaterThanOrEqual(0);
  expect(await used("connections")).toBeGreaterThanOrEqual(1);
});

test("bodies that are still arriving take room, what is only announced takes none, and all of it comes back", async () => {
  const announced = [`authorization: Bearer ${acme}`, `content-length: ${MIB - 1}`];
  const half = "x".repeat(MIB * 0.6);
  const big = { ...quick, messages: [{ role: "user", content: "r".repeat(MIB * 0.6) }] };
  const idle = [1, 2, 3].map(() => rawConnection(world.url));
  for (const connection of idle) connection.write(rawRequest("/v1/chat/completions", announced, ""));
  expect((await call(bolt, big)).status).toBe(200);

  const arriving = rawConnection(world.url);
  arriving.write(rawRequest("/v1/chat/completions", announced, half));
  await until("the body has arrived so far", async () => (await used("body_bytes")) >= half.length);
  expectOverloaded(await call(bolt, big), "leave no room for this one");
  expect((await call(bolt)).status).toBe(200);

  for (const { socket } of [...idle, arriving]) socket.destroy();
  await until("the room is there again", async () => (await used("body_bytes")) === 0);
  expect((await call(bolt, big)).status).toBe(200);
});

test("the body of a call that runs takes room until the call has ended", async () => {
  const ending = new AbortController();
  const body = { ...long, messages: [{ role: "user", content: "r".repeat(MIB * 0.6) }] };
  const response = await send(acme, "/v1/chat/completions", body, ending.signal);
  expect(response.status).toBe(200);
  response.body?.pipeTo(new WritableStream()).catch(() => undefined);
  expect(await used("body_bytes")).toBeGreaterThan(MIB * 0.6);
  expectOverloaded(await call(bolt, { ...quick, messages: body.messages }), "leave no room for this one");
  ending.abort();
  await until("the room is there again", async () => (await used("body_bytes")) === 0);
});

test("a tenant alone has the whole node; beside another it has its share, and room is made for the other", async () => {
  const { load } = world.tollhouse.gateway;
  // Those of the tests before are no longer among those who call.
  load.forgetIdle();
  load.forgetIdle();
  const running = await streams(acme, CALLS);
  expectOverloaded(await call(acme), "Too many calls are in flight on this node");
  expectOverloaded(await call(bolt), "Too many calls are in flight on this node");

  running.pop()?.();
  await until("one has ended", () => inFlight() === CALLS - 1);
  expect((await call(bolt)).status).toBe(200);
  await until("it has ended", () => inFlight() === CALLS - 1);
  expectOverloaded(await call(acme), "This tenant has its share");
  expectOverloaded(
    await call(acme, { provider: "openai", model: "gpt-4o-mini" }, "/sdk/check"),
    "This tenant has its share",
  );
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  // What was used is taken: the call was made already.
  expect((await call(acme, { provider: "openai", model: "gpt-4o-mini", usage }, "/sdk/record")).status).toBe(200);

  for (const hangUp of running) hangUp();
  await until("all have ended", () => inFlight() === 0);
  expect((await call(acme)).status).toBe(200);
});

test("a node that is behind for a second refuses new calls for a moment, finishes what it has, and takes a call when it has none", async () => {
  const { load } = world.tollhouse.gateway;
  const [hangUp] = await streams(acme, 1);
  let busy = true;
  const kept = (async () => {
    while (busy) {
      for (const until = performance.now() + 150; performance.now() < until;);
      await new Promise((next) => setTimeout(next, 0));
    }
  })();
  await until("the node is behind", () => load.behind);
  expectOverloaded(await call(acme), "This node is behind with the calls it has");
  expect(inFlight()).toBe(1);
  hangUp?.();
  await until("the stream has ended", () => inFlight() === 0);
  expect([load.behind, (await call(acme)).status]).toEqual([true, 200]);
  busy = false;
  await kept;
  await until("the node keeps up again", () => !load.behind);
  const [again] = await streams(acme, 1);
  expect((await call(bolt)).status).toBe(200);
  again?.();
});
