import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AnomalyRuleNotChanged,
  LimitNotChanged,
  PlanNotChanged,
  PolicyNotChanged,
  SpoolUnavailable,
} from "@tollhouse/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { createControlApi, parseInput, type ControlApi } from "./control-api.ts";
import { ControlRates } from "./control-rates.ts";
import { Problem } from "./problem.ts";

const KEY = "th_admin_test";
const failures: unknown[] = [];
let api: ControlApi;
let server: Server;
let url = "";

beforeAll(async () => {
  api = await createControlApi({
    isAdminKey: (text) => text === KEY,
    failed: (error) => failures.push(error),
    rates: new ControlRates({ controlRequestsPerMinute: 0, controlFailuresPerMinute: 0 }, () => 0),
    now: () => 0,
    routes: [
      (app) => {
        app.get("/api/v1/things/:id", (asked) => ({ asked: asked.params }));
        app.post("/api/v1/things", (asked) => ({ body: asked.body ?? null }));
        app.get("/api/v1/known", () => Promise.reject(new Problem("VERSION_CONFLICT", "too late")));
        app.get("/api/v1/spool", () => Promise.reject(new SpoolUnavailable("full")));
        app.get("/api/v1/elsewhere", () => Promise.reject(new LimitNotChanged("NOT_FOUND", "there is no limit")));
        for (const [at, error] of [new PolicyNotChanged(), new PlanNotChanged(), new AnomalyRuleNotChanged()].entries())
          app.get(`/api/v1/changed-${at}`, () => Promise.reject(error));
        app.get("/api/v1/bug", () => Promise.reject(new Error("secret of the inside")));
      },
    ],
  });
  server = createServer(api.handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await api.close();
  server.closeAllConnections();
  server.close();
});

interface Answer {
  readonly status: number;
  readonly type: string | undefined;
  readonly body: string;
}

/** The path goes out as it is: fetch would normalise it. */
function ask(method: string, path: string, headers: Record<string, string> = {}, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, path, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("end", () =>
        resolve({
          status: res.statusCode ?? 0,
          type: res.headers["content-type"],
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const admin = { authorization: `Bearer ${KEY}` };
const json = { ...admin, "content-type": "application/json" };

test("a route cannot be registered beside the check, but for those that sign somebody in", async () => {
  const make = (path: string): Promise<ControlApi> =>
    createControlApi({
      isAdminKey: () => false,
      failed: () => undefined,
      rates: new ControlRates({ controlRequestsPerMinute: 0, controlFailuresPerMinute: 0 }, () => 0),
      now: () => 0,
      routes: [(app) => app.get(path, { config: { open: true } }, () => "")],
    });
  await (await make("/api/sign-in/another")).close();
  for (const path of ["/api/v1/limits", "/api/sign-in-not", "/api/v1/sign-in"])
    await expect(make(path), path).rejects.toThrow(/cannot be open/);
});

describe("the key", () => {
  test.each([
    ["GET", "/api/v1/things/1"],
    ["HEAD", "/api/v1/things/1"],
    ["POST", "/api/v1/things"],
    ["GET", "/api/v1/nothing"],
    ["DELETE", "/api/v1/things/1"],
    ["OPTIONS", "/api/v1/things"],
    ["GET", "/api/%"],
    ["GET", "/api/v1/things/%ff"],
    ["GET", "/api//v1/things/1"],
    ["GET", "/api/../api/v1/things/1"],
  ])("%s %s is answered with 401 without it, whether it is there or not", async (method, path) => {
    const given: Record<string, string>[] = [{}, { authorization: KEY }, { authorization: `Basic ${KEY}` }];
    given.push({ authorization: "Bearer" }, { authorization: `Bearer ${KEY}x` }, { "x-api-key": KEY });
    for (const headers of given) {
      const answer = await ask(method, path, headers);
      expect(answer.status).toBe(401);
      expect(answer.body).not.toContain(KEY);
    }
  });

  test.each([`Bearer ${KEY}`, `bearer ${KEY}`, `BEARER  ${KEY} `])("%j is taken", async (authorization) => {
    expect((await ask("GET", "/api/v1/things/1", { authorization })).body).toBe('{"asked":{"id":"1"}}');
  });
});

describe("what goes wrong is said in one shape", () => {
  test.each([
    ["GET", "/api/v1/nothing", "", 404, "NOT_FOUND"],
    ["GET", "/api/%", "", 404, "NOT_FOUND"],
    ["GET", "/api/v1/known", "", 409, "VERSION_CONFLICT"],
    ["GET", "/api/v1/spool", "", 503, "SPOOL_UNAVAILABLE"],
    ["GET", "/api/v1/elsewhere", "", 404, "NOT_FOUND"],
    ["GET", "/api/v1/changed-0", "", 409, "VERSION_CONFLICT"],
    ["GET", "/api/v1/changed-1", "", 409, "VERSION_CONFLICT"],
    ["GET", "/api/v1/changed-2", "", 409, "VERSION_CONFLICT"],
    ["POST", "/api/v1/things", "{", 400, "REQUEST_INVALID"],
    ["POST", "/api/v1/things", '{"__proto__": {}}', 400, "REQUEST_INVALID"],
    ["POST", "/api/v1/things", `{"a": "${"x".repeat(1024 * 1024)}"}`, 413, "REQUEST_TOO_LARGE"],
    ["GET", "/api/v1/bug", "", 500, "INTERNAL"],
  ])("%s %s %.20s: %i %s %s", async (method, path, body, status, code) => {
    const answer = await ask(method, path, json, body);
    expect([answer.status, answer.type]).toEqual([status, expect.stringContaining("application/problem+json")]);
    expect(JSON.parse(answer.body)).toMatchObject({ status, reason_code: code });
  });

  test("a body of another type is refused, not guessed", async () => {
    const answer = await ask("POST", "/api/v1/things", { ...admin, "content-type": "text/xml" }, "<a/>");
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, reason_code: "REQUEST_INVALID" });
  });

  test("a bug is told to us, and not to the client", async () => {
    failures.length = 0;
    const answer = await ask("GET", "/api/v1/bug", admin);
    expect(answer.body).not.toContain("secret");
    expect(failures).toEqual([new Error("secret of the inside")]);
  });
});

describe("parseInput", () => {
  const schema = z.strictObject({ name: z.string(), inner: z.strictObject({ n: z.number() }).optional() });

  test.each([
    [{ name: "a", b: 1, c: 2 }, ["b", "c"]],
    [{ name: "a", inner: { n: 1, m: 2 } }, ["inner.m"]],
    [{ inner: { n: "x" } }, ["name", "inner.n"]],
    [null, [""]],
    [[], [""]],
  ])("%j: every wrong field is named at once", (input, fields) => {
    const problem = (() => {
      try {
        return parseInput(schema, input);
      } catch (error) {
        return error;
      }
    })() as Problem;
    expect(problem).toBeInstanceOf(Problem);
    expect(problem.fields.map(({ field }) => field)).toEqual(fields);
    expect(problem.message.startsWith(fields[0] === "" ? "body: " : `${fields[0]}: `)).toBe(true);
  });

  test("what fits comes back", () => expect(parseInput(schema, { name: "a" })).toEqual({ name: "a" }));
});
