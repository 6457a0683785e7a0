import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, type Spool } from "@tollhouse/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Exchange } from "../gateway/exchange.ts";
import { sampleGateway, type SampleGateway } from "../gateway/sample-call.ts";
import { shutDown } from "./shut-down.ts";

let dir: string;
let spool: Spool;
let gateway: SampleGateway;
let server: Server;
let client: Socket;
let events: string[];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "tollhouse-shut-"));
  spool = await openSpool({ dir });
  gateway = sampleGateway({ spool });
  events = [];
  server = createServer(() => events.push("asked"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => undefined);
  client.on("close", () => events.push("client closed"));
  client.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await expect.poll(() => events).toEqual(["asked"]);
});
afterEach(async () => {
  client.destroy();
  server.closeAllConnections();
  await spool.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A call under way: what `shutDown` may do with it is to wait for it, or to cut it. */
function underWay(cut: () => void): Exchange {
  const cutWith = (code: string): void => {
    events.push(`cut ${code}`);
    cut();
  };
  const exchange = { cut: cutWith } as unknown as Exchange;
  gateway.exchanges.add(exchange);
  gateway.state.inFlight++;
  return exchange;
}

function ended(exchange: Exchange): void {
  gateway.exchanges.delete(exchange);
  gateway.state.inFlight--;
  events.push("ended");
}

const step = (name: string) => (): Promise<void> => Promise.resolve(void events.push(name));

test("new calls are refused from the first moment on, and the port is closed", async () => {
  const done = shutDown({ gateway, server, graceMs: 0, steps: [] });
  expect([gateway.state.closing, server.listening]).toEqual([true, false]);
  await done;
});

test("a call that ends within the grace time is not cut, and nothing closes before it", async () => {
  const exchange = underWay(() => undefined);
  const done = shutDown({ gateway, server, graceMs: 20_000, steps: [step("spool"), step("database")] });
  setTimeout(() => ended(exchange), 30);
  await done;
  expect(events.filter((event) => event !== "client closed")).toEqual(["asked", "ended", "spool", "database"]);
});

test("past the grace time the rest is cut, settled, and only then is everything closed", async () => {
  const exchange: Exchange = underWay(() => setTimeout(() => ended(exchange), 30));
  await shutDown({ gateway, server, graceMs: 0, steps: [step("spool")] });
  expect(events.filter((event) => event !== "client closed")).toEqual(["asked", "cut SHUTTING_DOWN", "ended", "spool"]);
  await expect.poll(() => events).toContain("client closed");
});

test("a part that does not stop keeps no other from stopping, and is told", async () => {
  const broken = (): Promise<void> => Promise.reject(new Error("stuck"));
  const done = shutDown({ gateway, server, graceMs: 0, steps: [step("a"), broken, step("b"), broken, step("c")] });
  await expect(done).rejects.toMatchObject({ errors: [new Error("stuck"), new Error("stuck")] });
  expect(events.filter((event) => event.length === 1)).toEqual(["a", "b", "c"]);
});
