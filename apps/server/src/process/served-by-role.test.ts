import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Role } from "@tollhouse/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noCalls, noControl, pagesOf } from "./served-by-role.ts";

const GATEWAY: readonly Role[] = ["gateway", "jobs"];
const CONTROL: readonly Role[] = ["control"];
const said = new Map(
  ["/", "/dashboard", "/dashboard/", "/health", "/ready", "/metrics", "/api/openapi.json"].map((path) => [
    path,
    () => undefined,
  ]),
);
let server: Server;

beforeAll(async () => {
  server = createServer(noControl(GATEWAY));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => void server.close());

test("a process without the control API says so with 404, whatever is asked and sent", async () => {
  const { port } = server.address() as AddressInfo;
  const body = "x".repeat(300_000);
  for (const init of [{}, { method: "POST", body }, { method: "PUT", body: "{}" }]) {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/limits`, init);
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({
      reason_code: "NOT_FOUND",
      detail: "This process has no control API: it runs as gateway, jobs",
    });
  }
});

test("every process has health, readiness and metrics; pages for people only one with the control API", () => {
  expect(pagesOf(CONTROL, said)).toEqual(said);
  const left = [...pagesOf(GATEWAY, said)].filter(([path, page]) => page === said.get(path)).map(([path]) => path);
  expect(left).toEqual(["/health", "/ready", "/metrics"]);
});

test("a process takes calls where it is a gateway, and otherwise says what it is", () => {
  expect(noCalls(GATEWAY)).toBeUndefined();
  expect(noCalls(["control", "jobs"])).toBe("This process takes no calls: it runs as control, jobs");
});
