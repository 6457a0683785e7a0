import type { KeyMade } from "@tollhouse/contract";
import type { LiveEntries } from "@tollhouse/contract/control-client";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

// What becomes new is told to whoever listens: once, without a gap, and nobody else's.

let world: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0", DEFAULT_BUDGET: "0" } });
});
afterAll(() => world.stop());

/** Of those that the test opened. */
const leaving: (() => void)[] = [];
afterEach(() => leaving.splice(0).forEach((leave) => leave()));

interface Told {
  readonly id: string;
  readonly event: string;
  readonly data: LiveEntries;
}

interface Listener {
  readonly status: number;
  /** The next event; throws where none comes in time, or the stream is at its end. */
  next(): Promise<Told>;
  /** Resolves when the server ends it. */
  ended(): Promise<void>;
  leave(): void;
}

const DEADLINE_MS = 10_000;

async function listen(query = "", { key = TEST_ADMIN_KEY, headers = {} } = {}): Promise<Listener> {
  const gone = new AbortController();
  const response = await fetch(`${world.url}/api/v1/events?follow=true${query}`, {
    headers: { authorization: `Bearer ${key}`, ...headers },
    signal: AbortSignal.any([gone.signal, AbortSignal.timeout(60_000)]),
  });
  leaving.push(() => gone.abort());
  const events = toldBy(response.body as ReadableStream<Uint8Array>);
  return {
    status: response.status,
    next: async () => {
      const late = AbortSignal.timeout(DEADLINE_MS);
      const { promise, reject } = Promise.withResolvers<never>();
      late.addEventListener("abort", () => reject(new Error("nothing was told in time")));
      const { value, done } = await Promise.race([events.next(), promise]);
      if (done === true || value === undefined) throw new Error("the stream is at its end");
      return value;
    },
    ended: async () => {
      while ((await events.next()).done !== true);
    },
    leave: () => gone.abort(),
  };
}

async function* toldBy(body: ReadableStream<Uint8Array>): AsyncGenerator<Told, void> {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
      const told = readEvent(text.slice(0, end));
      text = text.slice(end + 2);
      if (told !== null) yield told;
    }
  }
}

function readEvent(text: string): Told | null {
  const fields = new Map(
    text.split("\n").map((line) => [line.split(":", 1)[0] ?? "", line.slice(line.indexOf(" ") + 1)]),
  );
  const [id, event, data] = [fields.get("id"), fields.get("event"), fields.get("data")];
  return id === undefined || event === undefined || data === undefined
    ? null
    : { id, event, data: JSON.parse(data) as LiveEntries };
}

async function call(session: string): Promise<void> {
  const response = await fetch(`${world.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-id": session },
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 20, messages: [{ role: "user", content: "Hi" }] }),
  });
  await response.text();
  expect(response.status).toBe(200);
}

async function streamsOpen(): Promise<number> {
  const metrics = await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` } });
  return Number(/tollhouse_node_limit_used{name="event_streams"} (\d+)/.exec(await metrics.text())?.[1]);
}

async function untilOpen(count: number): Promise<void> {
  for (const deadline = performance.now() + DEADLINE_MS; (await streamsOpen()) !== count;)
    if (performance.now() > deadline) throw new Error(`${await streamsOpen()} are open, and not ${count}`);
}

const sessionsOf = ({ data }: Told): (string | undefined)[] => data.calls.map(({ dimensions }) => dimensions.session);

test("a call and a change are told to whoever listens, in small: what it was and became is in the audit only", async () => {
  const listener = await listen();
  expect(await listener.next()).toMatchObject({ event: "ready", data: {} });
  await call("told-1");
  const told = await listener.next();
  expect(told).toMatchObject({
    event: "entries",
    data: { calls: [{ outcome: "settled", model: "gpt-4o-mini", dimensions: { session: "told-1" } }], more: false },
  });
  const [shown] = told.data.calls;
  expect(await world.control("GET", `/api/v1/calls/${shown?.decision}`)).toEqual(shown);
  const limit = { scope: "team:red", measure: "usd", amount: "9", window: "day", mode: "hard" };
  const { id } = await world.control<{ id: string }>("POST", "/api/v1/limits", limit);
  const { data } = await listener.next();
  expect(data.changes).toEqual([
    {
      sequence: expect.any(Number),
      time: expect.any(String),
      environment: "prod",
      actor: "admin-key",
      action: "limit.create",
      subject: id,
    },
  ]);
});

test.each(["header", "parameter"])(
  "whoever comes back with the id of the last event is told what was missed, once, and then what follows: %s",
  async (place) => {
    await world.recorded();
    const { id } = await (await listen()).next();
    await call("missed-1");
    await call("missed-2");
    await world.recorded();
    const back = await (place === "header" ? listen("", { headers: { "last-event-id": id } }) : listen(`&since=${id}`));
    expect((await back.next()).event).toBe("ready");
    expect(sessionsOf(await back.next())).toEqual(["missed-1", "missed-2"]);
    await call("after");
    expect(sessionsOf(await back.next())).toEqual(["after"]);
  },
);

test("many that listen, each from another place, are each told every call once", async () => {
  await world.recorded();
  const begun = await listen();
  const { id } = await begun.next();
  const listeners: Listener[] = [];
  for (let n = 0; n < 8; n++) {
    await call(`each-${n}`);
    listeners.push(await listen(`&since=${id}`));
  }
  await call("each-last");
  for (const listener of [begun, ...listeners]) {
    const sessions: (string | undefined)[] = [];
    while (sessions.at(-1) !== "each-last") {
      const told = await listener.next();
      if (told.event === "entries") sessions.push(...sessionsOf(told));
    }
    expect(sessions).toEqual([...Array.from({ length: 8 }, (_, n) => `each-${n}`), "each-last"]);
  }
});

test("of more than can be watched the newest are told, and that there were more", async () => {
  await world.recorded();
  const { id } = await (await listen()).next();
  for (let n = 0; n < 25; n++) await call(`many-${n}`);
  await world.recorded();
  const back = await listen(`&since=${id}`);
  await back.next();
  const told = await back.next();
  expect([told.data.more, told.data.calls.length, sessionsOf(told).at(-1)]).toEqual([true, 20, "many-24"]);
});

test("another environment's calls, and to its key the tenant's own changes, are told to nobody", async () => {
  const dev = await world.control<KeyMade>("POST", "/api/v1/keys?environment=dev", {
    name: "dev",
    permissions: ["read"],
  });
  await world.recorded();
  const own = await listen("", { key: dev.key });
  const { id } = await own.next();
  await call("in-prod");
  await world.control("POST", "/api/v1/ledger/rotate-key", {});
  const blocks = { scope: "user:eve", reason: "abuse" };
  await world.control("POST", "/api/v1/blocks?environment=dev", blocks);
  const told = await own.next();
  expect([told.data.calls, told.data.changes.map(({ action }) => action)]).toEqual([[], ["block.create"]]);
  const wide = await listen(`&environment=dev&since=${id}`);
  await wide.next();
  expect((await wide.next()).data.changes.map(({ environment }) => environment)).toEqual([null, "dev"]);
  expect((await listen("&environment=prod", { key: dev.key })).status).toBe(403);
  expect((await listen("", { key: "th_prod_none" })).status).toBe(401);
});

test("so many may listen; the next is refused for a moment, and whoever leaves makes room", async () => {
  await untilOpen(0);
  const all = await Promise.all(Array.from({ length: 128 }, () => listen()));
  expect(all.every(({ status }) => status === 200)).toBe(true);
  expect(await streamsOpen()).toBe(128);
  expect((await listen()).status).toBe(429);
  for (const listener of all) listener.leave();
  await untilOpen(0);
  const again = await listen();
  expect(again.status).toBe(200);
});

test("asked without `follow` it ends with what there is; a HEAD holds nothing open", async () => {
  const response = await fetch(`${world.url}/api/v1/events`, {
    headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` },
  });
  expect(await response.text()).toMatch(/^retry: 2000\nid: \d+\nevent: ready\ndata: {}\n\n$/);
  await fetch(`${world.url}/api/v1/events?follow=true`, {
    method: "HEAD",
    headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` },
  });
  await untilOpen(0);
});

test("a server that stops sends everybody away, and is not held by them", async () => {
  const other = await startedTollhouse();
  const response = await fetch(`${other.url}/api/v1/events?follow=true`, {
    headers: { authorization: `Bearer ${TEST_ADMIN_KEY}` },
  });
  // Whole or cut: whoever follows comes back.
  const ended = response.text().catch(() => "");
  await other.stop();
  await ended;
  expect(response.status).toBe(200);
});
