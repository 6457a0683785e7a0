import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyMade, LimitAnswer } from "@tollhouse/contract";
import { startedTollhouse, type StartedTollhouse } from "../../packages/testkit/src/started-tollhouse.ts";
import { recordedCall, recordedCalls, until } from "./side-by-side.ts";

// Who may check and record, how fields may be spelled, what becomes of checks that nobody records, and of the texts that are logged.

let world: StartedTollhouse;
let open: StartedTollhouse;
beforeAll(async () => {
  world = await startedTollhouse({ env: { TOLLHOUSE_AUTH: "required", DEFAULT_BUDGET: "0" } });
  open = await startedTollhouse({ env: { STRICT_MODE: "true" } });
});
afterAll(() => Promise.all([world.stop(), open.stop()]));

type Body = Record<string, unknown> & {
  readonly decision_id?: string;
  readonly reason_code?: string;
  readonly errors?: readonly { readonly field: string }[];
};
interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

async function post(path: string, body: unknown, headers: Record<string, string>, at = world): Promise<Answered> {
  const answer = await fetch(`${at.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Body };
}

async function keyOf(over: object): Promise<Record<string, string>> {
  const { key } = await world.control<KeyMade>("POST", "/api/v1/keys", { name: "test", ...over });
  return { authorization: `Bearer ${key}` };
}

const asked = { provider: "openai", model: "gpt-4o-mini", input_tokens: 100, max_output_tokens: 100 };
const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
const used = { provider: "openai", model: "gpt-4o-mini", usage };
const PATHS = ["/sdk/check", "/sdk/record", "/sdk/log", "/evaluate", "/usage"];

describe("a key", () => {
  test("without the permission, or none, is refused at each path, in the form of a problem", async () => {
    const caller = await keyOf({ permissions: ["call"] });
    const recorder = await keyOf({ permissions: ["record"] });
    for (const path of PATHS) {
      const none = await post(path, {}, {});
      expect([path, none.status, none.body.reason_code]).toEqual([path, 401, "KEY_INVALID"]);
      expect(none.headers.get("content-type")).toBe("application/problem+json");
      const wrong = await post(path, {}, ["/sdk/check", "/evaluate"].includes(path) ? recorder : caller);
      expect([path, wrong.status, wrong.body.reason_code]).toEqual([path, 403, "PERMISSION_MISSING"]);
      const get = await fetch(`${world.url}${path}`, { headers: caller });
      await get.text();
      expect([path, get.status, get.headers.get("allow")]).toEqual([path, 405, "POST"]);
    }
    expect((await post("/sdk/check", asked, caller)).status).toBe(200);
    expect((await post("/sdk/record", used, recorder)).status).toBe(200);
  });

  test("binds whose a call is: what its holder may not set, in header or body, is ignored and named", async () => {
    const bound = await keyOf({ permissions: ["call", "record"], fixed: { customer: "acme" }, settable: ["session"] });
    const said = { customer: "other", user: "somebody", session: "s-bound" };
    const checked = await post(
      "/sdk/check",
      { ...asked, ...said, reserve: true },
      { ...bound, "x-tollhouse-team": "t" },
    );
    expect(checked.body["ignored"]).toEqual(["user", "team", "customer"]);
    expect(checked.headers.get("x-tollhouse-ignored")).toBe("user, team, customer");
    const recorded = await post("/sdk/record", { ...used, ...said }, bound);
    expect(recorded.body["ignored"]).toEqual(["user", "customer"]);
    expect(await recordedCall(world, recorded.body.decision_id ?? "")).toMatchObject({
      dimensions: { customer: "acme", session: "s-bound" },
    });
  });

  test("sees no check of another environment, and no idempotency key of another key", async () => {
    const prod = await keyOf({ permissions: ["call", "record"] });
    const dev = await keyOf({ permissions: ["call", "record"], environment: "dev" });
    const checked = await post("/sdk/check", { ...asked, reserve: true }, prod);
    const { decision_id } = checked.body;
    const stranger = await post("/sdk/record", { ...used, decision_id }, dev);
    expect(stranger.body).toMatchObject({ recorded: true, confirmed: false });
    expect(stranger.body.decision_id).not.toBe(decision_id);
    expect((await post("/sdk/record", { ...used, decision_id }, prod)).body).toMatchObject({
      decision_id,
      confirmed: true,
    });
    const one = await post("/sdk/record", used, { ...prod, "idempotency-key": "same" });
    const other = await post("/sdk/record", { ...used, session: "x" }, { ...dev, "idempotency-key": "same" });
    expect([one.status, other.status]).toEqual([200, 200]);
  });
});

describe("in open mode", () => {
  test("pages of other sites and other host names are refused, and STRICT_MODE asks for the session", async () => {
    const foreign = await post("/sdk/record", used, { origin: "https://evil.example" }, open);
    expect([foreign.status, foreign.body.reason_code]).toEqual([403, "HOST_NOT_ALLOWED"]);
    const nobody = await post("/sdk/check", asked, {}, open);
    expect([nobody.status, nobody.body.reason_code]).toEqual([400, "IDENTITY_REQUIRED"]);
    expect((await post("/sdk/check", { ...asked, session: "s" }, {}, open)).body["allowed"]).toBe(true);
    const { body } = await post("/sdk/check", { ...asked, reserve: true }, { "x-session-id": "s" }, open);
    expect(body["allowed"]).toBe(true);
    expect((await post("/sdk/record", used, {}, open)).body.reason_code).toBe("IDENTITY_REQUIRED");
    expect((await post("/sdk/record", { decision_id: body.decision_id, usage }, {}, open)).body["confirmed"]).toBe(
      true,
    );
  });
});

describe("fields", () => {
  test("are read in camelCase, snake_case and under the names of other SDKs, at /evaluate and /usage too", async () => {
    const key = await keyOf({ permissions: ["call", "record"] });
    const camel = {
      provider: "openai",
      model: "gpt-4o-mini",
      inputTokens: 10,
      maxTokens: 20,
      userId: "u",
      orgId: "acme",
    };
    const evaluated = await post("/evaluate", { ...camel, sessionId: "spelled", reserve: true, ttlSeconds: 60 }, key);
    expect(evaluated.body).toMatchObject({ decision: "allow", reason: null, allowed: true });
    const { decision_id } = evaluated.body;
    const told = await post("/usage", { decisionId: decision_id, promptTokens: 100, completionTokens: 50 }, key);
    expect(told.body).toMatchObject({ recorded: true, cost: "0.000045000", confirmed: true });
    expect(await recordedCall(world, decision_id ?? "")).toMatchObject({
      dimensions: { customer: "acme", session: "spelled" },
    });
    const nested = await post("/sdk/record", { ...used, dimensions: { agentId: "a-1" } }, key);
    expect(await recordedCall(world, nested.body.decision_id ?? "")).toMatchObject({ dimensions: { agent: "a-1" } });
    const gemini = { prompt_token_count: 7, candidates_token_count: 3, total_token_count: 10 };
    const python = await post(
      "/sdk/record",
      { provider: "gemini", model: "gemini-2.5-flash", usage_metadata: gemini },
      key,
    );
    expect(python.body).toMatchObject({ usage: { input: 7, output: 3 } });
    const classes = { input: 5, output: 2 };
    const own = await post("/sdk/record", { provider: "acme-ai", model: "m", usage: classes }, key);
    expect(own.body).toMatchObject({ usage: classes, cost: null });
  });

  test.each([
    ["/sdk/check", { ...asked, madeUp: 1 }, "madeUp"],
    ["/sdk/check", { ...asked, user: "a", userId: "a" }, "userId"],
    ["/sdk/check", { ...asked, dimensions: { user: "a" }, user_id: "a" }, "user_id"],
    ["/sdk/check", { ...asked, dimensions: { colour: "a" } }, "dimensions.colour"],
    ["/sdk/check", { ...asked, input: "x" }, "input_tokens"],
    ["/sdk/check", { ...asked, input_tokens: "many" }, "input_tokens"],
    ["/sdk/check", { ...asked, ttl_seconds: 86_401 }, "ttl_seconds"],
    ["/sdk/check", { ...asked, estimated_cost: 0.1 }, "estimated_cost"],
    ["/sdk/record", { ...used, request: "x" }, "request"],
    ["/sdk/record", { ...used, usage: { promptTokens: 1, prompt_tokens: 1 } }, "usage.prompt_tokens"],
    ["/sdk/record", { ...used, usage: { tokens: "some" } }, "usage"],
    ["/sdk/record", { ...used, usage: { input: -1 } }, "usage.input"],
    ["/sdk/record", { ...used, usage: undefined }, "usage"],
    ["/sdk/record", { usage }, "provider"],
    ["/sdk/record", { ...used, decision_id: "dec_1" }, "decision_id"],
    ["/sdk/record", { ...used, timestamp: "yesterday" }, "timestamp"],
    ["/usage", { ...used, prompt_tokens: 1 }, "prompt_tokens"],
  ])("%s: what is wrong is refused by name: %j", async (path, body, field) => {
    const { status, body: problem } = await post(path, { session: "s", ...body }, {}, open);
    expect([status, problem.reason_code, problem.errors?.[0]?.field]).toEqual([400, "REQUEST_INVALID", field]);
  });
});

describe("a check that nobody records", () => {
  test("expires and is released, is listed as unconfirmed, and its late record still counts", async () => {
    const key = await keyOf({ permissions: ["call", "record"] });
    const limit = await world.control<LimitAnswer>("POST", "/api/v1/limits", {
      scope: "session:late",
      measure: "usd",
      amount: "1.00",
      window: "lifetime",
      mode: "hard",
    });
    const reserved = async (): Promise<string> =>
      (await world.control<LimitAnswer>("GET", `/api/v1/limits/${limit.id}`)).state.reserved;
    const listed = async (state: string): Promise<string[]> => {
      const page = await world.control<{ checks: { decision: string }[] }>("GET", `/api/v1/checks?state=${state}`);
      return page.checks.map(({ decision }) => decision);
    };
    const checked = await post("/sdk/check", { ...asked, session: "late", reserve: true, ttl_seconds: 1 }, key);
    const decision_id = checked.body.decision_id ?? "";
    expect(await reserved()).not.toBe("0.000000000");
    expect(await listed("open")).toContain(decision_id);
    expect(await listed("unconfirmed")).not.toContain(decision_id);
    await until("it is released", async () => (await reserved()) === "0.000000000");
    expect(await listed("open")).not.toContain(decision_id);
    expect(await listed("unconfirmed")).toContain(decision_id);
    expect(await recordedCall(world, decision_id)).toMatchObject({
      outcome: "released",
      doubt: "unconfirmed: no usage was recorded before the check expired",
    });
    const late = await post("/sdk/record", { decision_id, usage }, key);
    expect(late.body).toMatchObject({ recorded: true, confirmed: false, cost: "0.000045000" });
    expect(late.body.decision_id).not.toBe(decision_id);
    const { state } = await world.control<LimitAnswer>("GET", `/api/v1/limits/${limit.id}`);
    expect(state).toMatchObject({ settled: "0.000045000", reserved: "0.000000000" });
    expect(await listed("unconfirmed")).not.toContain(decision_id);
    expect((await post("/sdk/record", { decision_id, usage }, key)).body).toEqual(late.body);
  });
});

describe("texts of requests and answers", () => {
  const CANARY = "canary-7f3e of a prompt";
  const ANSWER = "canary-91ab of an answer";
  const texts = { request: { messages: [{ role: "user", content: CANARY }] }, response: { text: ANSWER, usage } };
  const log = { provider: "openai", model: "gpt-4o-mini", ...texts };

  test("are dropped unless the environment keeps them, and the answer says so", async () => {
    const key = await keyOf({ permissions: ["record"], environment: "dev" });
    const { status, body } = await post("/sdk/log", { ...log, session: "off" }, key);
    expect([status, body["payload"], body["cost"]]).toEqual([200, "not_stored", "0.000045000"]);
    await expect(world.control("GET", `/api/v1/payloads/${body.decision_id}?environment=dev`)).rejects.toThrow("404");
  });

  test("are kept sealed and apart where it is switched on, and switching it on is in the audit", async () => {
    const put = { enabled: true, retention_days: 7 };
    expect(await world.control("PUT", "/api/v1/payload-logging", put)).toMatchObject({
      ...put,
      environment: "prod",
      version: 1,
    });
    const key = await keyOf({ permissions: ["record"] });
    const first = await post("/sdk/log", { ...log, session: "on" }, { ...key, "idempotency-key": "log-1" });
    expect(first.body["payload"]).toBe("stored");
    expect((await post("/sdk/log", { ...log, session: "on" }, { ...key, "idempotency-key": "log-1" })).body).toEqual(
      first.body,
    );
    expect(await world.control("GET", `/api/v1/payloads/${first.body.decision_id}`)).toMatchObject(texts);
    await expect(world.control("GET", `/api/v1/payloads/${first.body.decision_id}?environment=dev`)).rejects.toThrow(
      "404",
    );
    const { changes } = await world.control<{ changes: { action: string }[] }>("GET", "/api/v1/audit");
    expect(changes.map(({ action }) => action)).toContain("payload_logging.update");
    // A record, unlike a log, never keeps what it is sent.
    const recorded = await post(
      "/sdk/record",
      { provider: "openai", model: "gpt-4o-mini", response: texts.response },
      key,
    );
    expect(recorded.body["payload"]).toBe("not_stored");
  });

  test("are in no table, file, metric or answer of any other endpoint, on or off", async () => {
    const { rows } = await world.database.db.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const tables = await Promise.all(
      rows.map(({ name }) => world.database.db.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`)),
    );
    const found = tables.flatMap((table) => table.rows.map(({ row }) => row));
    const sealed = await world.database.db.query<{ n: bigint }>("SELECT count(*) AS n FROM payloads");
    expect(Number(sealed.rows[0]?.n)).toBe(1);
    const spool = join(world.dataDir, "spool");
    const files = readdirSync(spool).map((file) => readFileSync(join(spool, file), "latin1"));
    const answers = await Promise.all(
      ["/metrics", "/api/v1/calls", "/api/v1/audit", "/api/v1/checks"].map(async (path) =>
        (await fetch(`${world.url}${path}`, { headers: { authorization: "Bearer th_admin_for_tests_only" } })).text(),
      ),
    );
    const hex = Buffer.from("canary-").toString("hex");
    for (const text of [...found, ...files, ...answers])
      expect(text.includes("canary-") || text.includes(hex)).toBe(false);
    expect(await recordedCalls(world, "session=on")).toHaveLength(1);
  });
});
