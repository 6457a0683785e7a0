import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectionUrl, startEmbedded, type EmbeddedPostgres } from "@tollhouse/store";
import { simulatorProcess, tollhouseProcess, type SimulatorProcess, type TollhouseProcess } from "@tollhouse/testkit";
import { beforeAll, expect, test } from "vitest";
import { TEST_ADMIN_KEY } from "../../packages/testkit/src/started-tollhouse.ts";
import { wholeAsk } from "./asks.ts";
import { expectVerifies } from "./audit.ts";
import { send } from "./client.ts";

// What needs PostgreSQL says so while it is away: by a name that a client can wait on, and never as a bug of ours.

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
  readonly requestBody?: { readonly content: { readonly "application/json": { readonly example: unknown } } };
}
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

const document = JSON.parse(readFileSync(new URL("../../packages/contract/openapi.json", import.meta.url), "utf8")) as {
  readonly paths: Record<string, Record<string, Operation>>;
};

let simulator: SimulatorProcess;
let dataDir: string;
let postgres: EmbeddedPostgres;
let tollhouse: TollhouseProcess;
let decision: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "th-reports-"));
  await chmod(dataDir, 0o711);
  postgres = await startEmbedded({ dataDir, log: () => undefined });
  simulator = await simulatorProcess();
  tollhouse = await tollhouseProcess({
    providers: simulator.url,
    databaseUrl: connectionUrl(postgres.connection),
    env: { TOLLHOUSE_CONTROL_REQUESTS_PER_MINUTE: "0" },
  });
  return async () => {
    await tollhouse.remove();
    await simulator.close();
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
});

/** Every operation of the control API with its own example, about the call that was made. */
function operations(): Asked[] {
  return Object.entries(document.paths)
    .filter(([path]) => path.startsWith("/api/v1/") || path.startsWith("/api/dashboard/"))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
        method: method.toUpperCase(),
        path: parameters
          .filter((each) => each.in === "path")
          .reduce((url, { name, example }) => url.replace(`{${name}}`, encodeURIComponent(String(example))), path)
          .replace(/dec_[0-9a-f]{32}/, decision),
        body: requestBody?.content["application/json"].example,
      })),
    );
}

interface Told {
  readonly asked: string;
  readonly status: number;
  readonly code: string | null;
  readonly retryAfter: string | null;
}

async function ask({ method, path, body }: Asked): Promise<Told> {
  const response = await fetch(`${tollhouse.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TEST_ADMIN_KEY}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const code = response.status < 400 ? null : (JSON.parse(text) as { reason_code: string }).reason_code;
  return {
    asked: `${method} ${path}`,
    status: response.status,
    code,
    retryAfter: response.headers.get("retry-after"),
  };
}

const NEEDED: readonly Asked[] = [
  ...["usage", "usage?format=csv", "calls", "calls?format=ndjson", "audit"].map((path) => ({
    method: "GET",
    path: `/api/v1/${path}`,
    body: undefined,
  })),
  ...["kill-switches/preview", "kill-switches/everywhere/preview"].map((path) => ({
    method: "POST",
    path: `/api/v1/${path}`,
    body: { scope: "agent:sdr" },
  })),
];

const LIMIT = { measure: "usd", amount: "1", window: "day", mode: "hard" };
const NAMED: ReadonlySet<string | null> = new Set(["DATABASE_UNAVAILABLE", "LIMITS_UNAVAILABLE"]);

test("while PostgreSQL is away every report, preview and change that needs it is a 503 by name, and all is well once it is back", async () => {
  const answer = await send(tollhouse.url, wholeAsk("chat", { id: "before", dimensions: { agent: "sdr" } }));
  decision = String(answer.headers["x-tollhouse-decision"]);
  for (const report of NEEDED) expect(await ask(report)).toMatchObject({ status: 200 });

  await postgres.stop();
  const all = operations();
  expect(all.length).toBeGreaterThan(60);
  // At once: some wait ten seconds for a change to be recorded.
  const [told, needed, key, limit] = await Promise.all([
    Promise.all(all.map(ask)),
    Promise.all(NEEDED.map(ask)),
    ask({ method: "POST", path: "/api/v1/keys", body: { name: "away", permissions: ["read"] } }),
    ask({ method: "POST", path: "/api/v1/limits", body: { ...LIMIT, scope: "team:away" } }),
  ]);
  expect(told.filter(({ status, code }) => status >= 500 && !NAMED.has(code))).toEqual([]);
  const away = { status: 503, code: "DATABASE_UNAVAILABLE", retryAfter: "5" };
  expect(needed).toEqual(NEEDED.map(({ method, path }) => ({ asked: `${method} ${path}`, ...away })));
  expect(key).toMatchObject(away);
  expect(NAMED).toContain(limit.code);

  postgres = await startEmbedded({ dataDir, log: () => undefined });
  for (const report of NEEDED)
    await expect.poll(async () => (await ask(report)).status, { timeout: 60_000, interval: 100 }).toBe(200);
  const { keys } = await tollhouse.control<{ keys: { name: string }[] }>("GET", "/api/v1/keys");
  const { limits } = await tollhouse.control<{ limits: { scope: string }[] }>("GET", "/api/v1/limits");
  expect([keys.map(({ name }) => name), limits.map(({ scope }) => scope)]).toEqual([[], []]);
  await expectVerifies(tollhouse);
}, 120_000);
