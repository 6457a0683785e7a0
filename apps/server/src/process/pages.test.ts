import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPages } from "./pages.ts";

let waiting: string[] = [];
let metrics: () => Promise<string> = () => Promise.resolve("m 1\n");
let server: Server;
let url = "";

beforeAll(async () => {
  const pages = createPages({
    version: "1.2.3",
    waitingFor: () => waiting,
    metrics: () => metrics(),
    metricsType: "text/plain; version=0.0.4",
    address: () => "http://127.0.0.1:8787",
    openApi: () => '{"openapi": "3.1.1"}',
  });
  server = createServer((req, res) => pages.get(req.url ?? "")?.(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function get(path: string, method = "GET"): Promise<[number, string | null, string]> {
  const answer = await fetch(url + path, { method });
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return [answer.status, answer.headers.get("content-type"), await answer.text()];
}

const JSON_TYPE = "application/json; charset=utf-8";

test("health is the process itself", async () => {
  expect(await get("/health")).toEqual([200, JSON_TYPE, '{"status":"ok","version":"1.2.3"}']);
});

test("ready says what it waits for, and changes with it", async () => {
  expect(await get("/ready")).toEqual([200, JSON_TYPE, '{"ready":true,"waiting_for":[]}']);
  waiting = ["spool"];
  expect(await get("/ready")).toEqual([503, JSON_TYPE, '{"ready":false,"waiting_for":["spool"]}']);
});

test("metrics are passed on, and their failure is no crash and tells nothing", async () => {
  expect(await get("/metrics")).toEqual([200, "text/plain; version=0.0.4", "m 1\n"]);
  metrics = () => Promise.reject(new Error("inside"));
  expect(await get("/metrics")).toEqual([500, "text/plain", "the metrics cannot be collected\n"]);
});

test("the page names the base URLs, and HEAD has no body", async () => {
  for (const path of ["/", "/dashboard"]) {
    const [status, type, text] = await get(path);
    expect([status, type]).toEqual([200, "text/html; charset=utf-8"]);
    expect(text).toContain("OPENAI_BASE_URL=http://127.0.0.1:8787/v1");
    expect(await get(path, "HEAD")).toEqual([200, "text/html; charset=utf-8", ""]);
  }
});

test("the description of the control API is there without a key", async () => {
  expect(await get("/api/openapi.json")).toEqual([200, "application/json; charset=utf-8", '{"openapi": "3.1.1"}']);
});
