import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { guardedFetch, isInside } from "./guarded-fetch.ts";

// E19, the surface of OpenID Connect: discovery names addresses that nobody configured.

let canary: Server;
let trusted: Server;
let reached = 0;
let inside = 0;
let guarded: ReturnType<typeof guardedFetch>;
let origin = "";
beforeAll(async () => {
  canary = createServer((_req, res) => {
    reached += 1;
    res.end("{}");
  });
  canary.on("connection", () => (reached += 1));
  await new Promise<void>((resolve) => canary.listen(0, resolve));
  inside = (canary.address() as AddressInfo).port;
  trusted = createServer((req, res) => {
    if (req.url === "/moved") res.writeHead(302, { location: `http://127.0.0.1:${inside}/` }).end();
    else res.end(req.url === "/long" ? Buffer.alloc(2 * 1024 * 1024, 0x20) : "{}");
  });
  await new Promise<void>((resolve) => trusted.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(trusted.address() as AddressInfo).port}`;
  guarded = guardedFetch(origin);
});
afterAll(async () => {
  await guarded.close();
  for (const server of [canary, trusted]) {
    server.closeAllConnections();
    server.close();
  }
});

test("the operator's own origin is reached wherever it is; a redirect of it is not followed, and no answer of it is endless", async () => {
  expect(await (await guarded.fetch(`${origin}/`)).json()).toEqual({});
  expect((await guarded.fetch(`${origin}/moved`)).status).toBe(302);
  await expect(guarded.fetch(`${origin}/long`).then((answer) => answer.text())).rejects.toThrow();
  expect(reached).toBe(0);
});

test.each([
  "127.0.0.1",
  "127.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "localhost",
  "0.0.0.0",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
])("%s, a port of this machine: nothing there is reached", async (host) => {
  for (const scheme of ["http", "https"])
    await expect(guarded.fetch(`${scheme}://${host}:${inside}/`)).rejects.toThrow();
  expect(reached).toBe(0);
});

test.each([
  "10.0.0.1",
  "100.64.0.1",
  "169.254.169.254",
  "172.31.255.255",
  "192.168.1.1",
  "198.18.0.1",
  "fd00::1",
  "fe80::1",
  "::ffff:10.0.0.1",
])("%s is inside", (address) => expect(isInside(address)).toBe(true));

test.each(["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"])("%s is not", (address) =>
  expect(isInside(address)).toBe(false),
);
