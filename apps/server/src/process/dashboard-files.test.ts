import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadDashboard } from "./dashboard-files.ts";

const SCRIPT = "console.log(1);".repeat(100);
let folder = "";
let server: Server;
let url = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tollhouse-dashboard-"));
  mkdirSync(join(folder, "dist/assets"), { recursive: true });
  writeFileSync(join(folder, "secret.js"), "outside");
  writeFileSync(join(folder, "dist/index.html"), "<!doctype html>");
  writeFileSync(join(folder, "dist/assets/a-1.js"), SCRIPT);
  writeFileSync(join(folder, "dist/assets/a-1.js.gz"), gzipSync(SCRIPT));
  const page = loadDashboard(join(folder, "dist"));
  server = createServer((req, res) => page?.(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

/** As somebody reloads them, or opens them from a link. */
const PAGES = [
  "/dashboard",
  "/dashboard/",
  "/dashboard/calls/dec_1?environment=dev",
  "/dashboard/?x=a.js",
  "/dashboard/users/ada%40example.com",
  "/dashboard/users/ada@example.com",
  "/dashboard/sessions/run-1.5.js",
];

test("every address of a page is the dashboard, a dot in an id or not; it may run in no frame and load no script of another", async () => {
  for (const path of PAGES) {
    const answer = await fetch(url + path);
    expect([answer.status, await answer.text()], path).toEqual([200, "<!doctype html>"]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
  }
});

test("a file is sent as it was pressed to whoever takes that, and plainly to others", async () => {
  const path = `${url}/dashboard/assets/a-1.js`;
  const plain = await fetch(path, { headers: { "accept-encoding": "identity" } });
  expect([plain.headers.get("content-encoding"), await plain.text()]).toEqual([null, SCRIPT]);
  const pressed = await fetch(path, { headers: { "accept-encoding": "gzip" } });
  expect([pressed.headers.get("content-encoding"), await pressed.text()]).toEqual(["gzip", SCRIPT]);
  expect(pressed.headers.get("content-length")).toBe(String(gzipSync(SCRIPT).length));
  expect(pressed.headers.get("cache-control")).toContain("immutable");
  expect(await (await fetch(path, { method: "HEAD" })).text()).toBe("");
});

test("no path leads out of the folder, and a file that is not there is 404", async () => {
  for (const path of [
    "/dashboard/..%2fsecret.js",
    "/dashboard/assets/b.js",
    "/dashboard/index.html.gz",
    "/dashboard/favicon.ico",
  ])
    expect((await fetch(url + path)).status, path).toBe(404);
});

test("where nothing was built there is no dashboard", () => {
  expect(loadDashboard(join(folder, "nothing"))).toBeNull();
});
