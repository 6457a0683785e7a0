import { mkdtempSync, rmSync } from "node:fs";
import { request, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openai } from "@tollhouse/providers";
import { openSpool, type Spool } from "@tollhouse/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleGateway, spooled, type SampleGateway } from "./gateway/sample-call.ts";
import { createTargetFinder, createUpstream } from "./gateway/upstreams.ts";
import { createListener, type Handler } from "./listener.ts";
import { countConnections } from "./process/node-limits.ts";

const dir = mkdtempSync(join(tmpdir(), "tollhouse-listener-"));
const said =
  (text: string): Handler =>
  (_req, res) =>
    void res.end(text);
const upstreams = new Map(
  (["openai", "anthropic", "gemini"] as const).map((name) => {
    const of = { name, dialect: name, baseUrl: "http://127.0.0.1:9", apiKey: "sk", auth: "bearer" } as const;
    return [name as string, createUpstream({ ...of, headersTimeoutMs: 1_000, chunkTimeoutMs: 1_000 })];
  }),
);
let spool: Spool;
let gateway: SampleGateway;
let server: Server;
let connections: () => number;
const CONNECTIONS = 20;

beforeAll(async () => {
  spool = await openSpool({ dir });
  gateway = sampleGateway({ spool });
  server = createListener({
    gateway,
    findTarget: createTargetFinder(upstreams),
    control: said("control"),
    pages: new Map([
      ["/", said("home")],
      ["/health", said("health")],
    ]),
    fallback: openai,
    connectionsMax: CONNECTIONS,
  });
  connections = countConnections(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await Promise.all([...upstreams.values()].map((upstream) => upstream.pool.destroy()));
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly reason: string | undefined;
  readonly connection: string | undefined;
  readonly text: string;
}

function ask(method: string, path: string, headers: Record<string, string> = {}, body = ""): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, method, path, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      const reason = res.headers["x-tollhouse-reason"] as string | undefined;
      const { connection } = res.headers;
      res.on("end", () =>
        resolve({ status: res.statusCode ?? 0, reason, connection, text: Buffer.concat(chunks).toString() }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

test.each([
  ["/", "home"],
  ["/?a=1", "home"],
  ["/health", "health"],
  ["/health?v", "health"],
  ["/api/", "control"],
  ["/api/v1/limits", "control"],
  ["/api/../health", "control"],
])("GET %s goes to %s, by its path alone", async (path, text) => {
  expect(await ask("GET", path)).toMatchObject({ status: 200, text });
});

test.each([
  ["/api", 404],
  ["/API/v1/limits", 404],
  ["/health/", 404],
  ["//health", 404],
  ["/v1", 404],
  ["/v1/nothing", 404],
  ["/nobody/v1/chat/completions", 404],
  ["/anthropic/v1/chat/completions", 404],
  ["/v1/chat/completions/../../api/v1/limits", 404],
  ["*", 404],
])("%s is no endpoint", async (path, status) => {
  expect(await ask("GET", path)).toMatchObject({ status, reason: "ENDPOINT_UNKNOWN" });
});

test.each(["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])(
  "%s on a call is told which method it takes",
  async (method) => {
    const answer = await ask(method, "/v1/messages");
    expect(answer).toMatchObject({ status: 405, reason: "METHOD_NOT_ALLOWED" });
    // In the dialect of the path.
    expect(JSON.parse(answer.text)).toMatchObject({ type: "error", error: { message: "/v1/messages takes POST" } });
  },
);

test("the message names the path without its query, which may hold a key", async () => {
  expect((await ask("GET", "/v1/nothing?key=th_secret")).text).not.toContain("th_secret");
});

test("a body that nobody reads is not taken for the next request", async () => {
  const answer = await ask("POST", "/v1/nothing", { "content-type": "application/json" }, "x".repeat(200_000));
  expect(answer).toMatchObject({ status: 404, connection: "close" });
});

test("in open mode another host name reaches neither calls nor the control API", async () => {
  const host = { host: "evil.example:8787" };
  for (const path of ["/api/v1/limits", "/v1/models"])
    expect(await ask("GET", path, host)).toMatchObject({ status: 403, reason: "HOST_NOT_ALLOWED" });
  const required = { ...gateway.identity, auth: "required" } as const;
  const open = gateway.identity;
  Object.assign(gateway, { identity: required });
  expect(await ask("GET", "/api/v1/limits", host)).toMatchObject({ status: 200, text: "control" });
  Object.assign(gateway, { identity: open });
});

test("a call that is refused is recorded; a request that is none is not", async () => {
  const before = (await spooled(gateway)).length;
  await ask("GET", "/v1/nothing");
  expect((await spooled(gateway)).length).toBe(before);
  expect(await ask("POST", "/v1/chat/completions", {}, "{")).toMatchObject({ status: 400, reason: "REQUEST_INVALID" });
  expect((await spooled(gateway)).length).toBe(before + 1);
});

test("a process that takes no calls says so in the client's dialect, and still answers what is none", async () => {
  const calls = "This process takes no calls: it runs as control";
  const noCalls = createListener({
    gateway,
    findTarget: createTargetFinder(upstreams),
    control: said("control"),
    pages: new Map([["/health", said("health")]]),
    sdk: new Map([["/sdk/check", said("sdk")]]),
    fallback: openai,
    noCalls: calls,
  });
  await new Promise<void>((resolve) => noCalls.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(noCalls.address() as AddressInfo).port}`;
  for (const path of ["/v1/chat/completions", "/v1/messages", "/sdk/check"]) {
    const response = await fetch(url + path, { method: "POST", body: "{}" });
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { message: calls } });
  }
  expect(await (await fetch(`${url}/health`)).text()).toBe("health");
  expect(await (await fetch(`${url}/api/v1/limits`)).text()).toBe("control");
  expect(await (await fetch(`${url}/nothing`)).json()).toMatchObject({ error: { message: "No endpoint at /nothing" } });
  noCalls.close();
});

test("a bug of ours is a 500 in the client's dialect that tells nothing, and is told to us", async () => {
  gateway.failures.length = 0;
  const { prices } = gateway;
  const broken = {
    ...prices,
    find: () => {
      throw new Error("secret of the inside");
    },
  };
  Object.assign(gateway, { prices: broken });
  const answer = await ask("POST", "/v1/chat/completions", {}, '{"model":"m","messages":[]}');
  Object.assign(gateway, { prices });
  expect(answer).toMatchObject({ status: 500, reason: "INTERNAL" });
  expect(answer.text).not.toContain("secret");
  expect(gateway.failures).toEqual([new Error("secret of the inside")]);
});

test("a node that closes, or has too many calls under way, refuses before it reads", async () => {
  Object.assign(gateway.state, { closing: true });
  expect(await ask("POST", "/v1/chat/completions", {}, "{}")).toMatchObject({ status: 503, reason: "SHUTTING_DOWN" });
  Object.assign(gateway.state, { closing: false, inFlight: 100 });
  expect(await ask("POST", "/v1/chat/completions", {}, "{}")).toMatchObject({ reason: "OVERLOADED" });
  Object.assign(gateway.state, { inFlight: 0 });
});

test("a node that has not heard for too long what others changed admits nothing, limits or not", async () => {
  Object.assign(gateway, { stale: () => true });
  const answer = await ask("POST", "/v1/chat/completions", {}, "{}");
  Object.assign(gateway, { stale: undefined });
  expect(answer).toMatchObject({ status: 503, reason: "LIMITS_UNAVAILABLE" });
  expect(await ask("POST", "/v1/chat/completions", {}, "{")).toMatchObject({ status: 400 });
});

test("more connections than there may be are closed as they come, and there is room again when others leave", async () => {
  const { port } = server.address() as AddressInfo;
  server.closeIdleConnections();
  await expect.poll(connections).toBe(0);
  const sockets = Array.from({ length: CONNECTIONS + 3 }, () => connect(port, "127.0.0.1"));
  let closed = 0;
  for (const socket of sockets) socket.on("close", () => closed++).on("error", () => undefined);
  await expect.poll(() => [closed, connections()]).toEqual([3, CONNECTIONS]);
  for (const socket of sockets) socket.destroy();
  await expect.poll(connections).toBe(0);
  expect(await ask("GET", "/health")).toMatchObject({ status: 200 });
});
