import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startedTollhouse,
  TEST_ADMIN_KEY,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";
import { rawConnection, rawRequest } from "./raw-http.ts";

// RFC 9112 §3.2.2: a server takes `GET http://host/path` as well as `GET /path`. And §3.2: of two names, neither is another site's.

let open: StartedTollhouse;
let closed: StartedTollhouse;
beforeAll(async () => {
  open = await startedTollhouse();
  closed = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required" } });
});
afterAll(async () => {
  await open.stop();
  await closed.stop();
});

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "Hi" }], max_tokens: 20 };
const CHECK = { model: "gpt-4o-mini", provider: "openai", input_tokens: 10, max_output_tokens: 20 };
/** One of each kind: a page, the control API, a provider's endpoint, an SDK's. */
const ROUTES = [
  { method: "GET", path: "/health", body: "" },
  { method: "GET", path: "/api/v1/limits?scope=org", body: "" },
  { method: "POST", path: "/v1/chat/completions?session_id=run-1", body: JSON.stringify(CHAT) },
  { method: "POST", path: "/sdk/check", body: JSON.stringify(CHECK) },
];

type Route = (typeof ROUTES)[number];

/** The status of one request; `headers` may name another host. */
async function status(on: StartedTollhouse, target: string, route: Route, headers: string[] = []): Promise<number> {
  const connection = rawConnection(on.url);
  const all = [`authorization: Bearer ${TEST_ADMIN_KEY}`, "connection: close", ...headers];
  connection.write(rawRequest(target, all, route.body, route.method));
  return Number(/^HTTP\/1\.1 (\d+)/.exec(await connection.closed())?.[1]);
}

describe.each(ROUTES)("$method $path", (route) => {
  test("is answered in absolute form as in origin form", async () => {
    const port = new URL(open.url).port;
    for (const at of [`http://127.0.0.1:${port}`, "HTTP://localhost", "https://[::1]:1"])
      expect([at, await status(open, at + route.path, route)]).toEqual([at, 200]);
    for (const at of ["http://gate.example", "https://gate.example:8443"])
      expect([at, await status(closed, at + route.path, route)]).toEqual([at, 200]);
  });

  test("without keys, neither the target nor the Host header may name another host", async () => {
    for (const at of [
      "http://evil.example",
      "https://evil.example:1",
      "http://127.0.0.1.evil.example",
      "http://0x7f.1",
    ])
      expect([at, await status(open, at + route.path, route)]).toEqual([at, 403]);
    const host = ["host: evil.example"];
    expect(await status(open, `http://localhost${route.path}`, route, host)).toBe(403);
    expect(await status(open, `http://evil.example${route.path}`, route, host)).toBe(403);
  });

  test("a target with a user, or without a host, is refused", async () => {
    for (const on of [open, closed])
      for (const at of ["http://localhost:1@evil.example", "http://evil.example@localhost", "http://"])
        expect([at, await status(on, at + route.path, route)]).toEqual([at, 400]);
  });
});
