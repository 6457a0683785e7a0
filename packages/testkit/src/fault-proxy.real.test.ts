import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { faultProxy, type FaultProxy } from "./fault-proxy.ts";

let server: Server;
let proxy: FaultProxy;
/** Everything that the server was told, of all connections. */
let told = "";
/** Its connections, in the order in which they came. */
let met: Socket[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  told = "";
  met = [];
  server = createServer((socket) => {
    met.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      told += bytes.toString();
      socket.write(bytes.toString().toUpperCase());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await faultProxy({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  server.close();
});

interface Client {
  readonly socket: Socket;
  heard(this: void): string;
  closed(this: void): boolean;
}

function client(): Client {
  const socket = connect({ port: proxy.port, host: "127.0.0.1" });
  let heard = "";
  clients.push(socket);
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => (heard += bytes.toString()));
  return { socket, heard: () => heard, closed: () => socket.destroyed };
}

const soon = { timeout: 10_000, interval: 5 };

test("a network that is well carries every byte both ways, in order", async () => {
  const { socket, heard } = client();
  const text = "abcdefghij".repeat(100_000);
  socket.write(text);
  await expect.poll(heard, soon).toBe(text.toUpperCase());
  expect(proxy.connections).toBe(1);
});

test("latency is added in each direction, and ends when it is taken away", async () => {
  const { socket, heard } = client();
  proxy.set({ kind: "latency", ms: 150 });
  const startedAt = performance.now();
  socket.write("slow");
  await expect.poll(heard, soon).toBe("SLOW");
  // Timers may fire a millisecond early, once a direction.
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(298);
  proxy.set(null);
  socket.write("fast");
  await expect.poll(heard, soon).toBe("SLOWFAST");
});

test("bandwidth bounds what goes through, and loses nothing", async () => {
  const { socket, heard } = client();
  proxy.set({ kind: "bandwidth", bytesPerSecond: 10_000 });
  const startedAt = performance.now();
  socket.write("x".repeat(1_000));
  await expect.poll(() => told.length, soon).toBeGreaterThan(0);
  socket.write("y".repeat(1_000));
  await expect.poll(() => heard().length, soon).toBe(2_000);
  expect(heard()).toBe("X".repeat(1_000) + "Y".repeat(1_000));
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150);
});

test("a cut breaks connections and refuses new ones until it is over", async () => {
  const before = client();
  await expect.poll(() => proxy.connections, soon).toBe(1);
  proxy.set({ kind: "cut" });
  await expect.poll(before.closed, soon).toBe(true);
  const meanwhile = client();
  await expect.poll(meanwhile.closed, soon).toBe(true);
  expect(met).toHaveLength(1);
  proxy.set(null);
  const after = client();
  after.socket.write("again");
  await expect.poll(after.heard, soon).toBe("AGAIN");
});

test("a silent network keeps connections open, takes new ones, and delivers late what was sent meanwhile", async () => {
  const before = client();
  await expect.poll(() => proxy.connections, soon).toBe(1);
  proxy.set({ kind: "silent" });
  const meanwhile = client();
  before.socket.write("late ");
  meanwhile.socket.write("later");
  await expect.poll(() => proxy.connections, soon).toBe(2);
  expect([told, before.closed(), meanwhile.closed()]).toEqual(["", false, false]);
  proxy.set(null);
  await expect.poll(before.heard, soon).toBe("LATE ");
  await expect.poll(meanwhile.heard, soon).toBe("LATER");
});

test("answers that are lost: what was asked is done, nobody hears of it, and the connection is broken afterwards", async () => {
  const before = client();
  proxy.set({ kind: "answers_lost" });
  before.socket.write("done");
  await expect.poll(() => told, soon).toBe("done");
  await expect.poll(() => proxy.lostBytes, soon).toBe(4);
  expect([before.heard(), before.closed()]).toEqual(["", false]);
  proxy.set(null);
  await expect.poll(before.closed, soon).toBe(true);
  expect(before.heard()).toBe("");
});

test("what a server says by itself is lost with the answers, on new connections too", async () => {
  const before = client();
  await expect.poll(() => met.length, soon).toBe(1);
  proxy.set({ kind: "answers_lost" });
  const meanwhile = client();
  await expect.poll(() => met.length, soon).toBe(2);
  for (const socket of met) socket.write("news");
  await expect.poll(() => proxy.lostBytes, soon).toBe(8);
  expect([before.heard(), meanwhile.heard()]).toEqual(["", ""]);
});

test("answers lost after one question: those before it came, and other connections go on", async () => {
  proxy.set({ kind: "answers_lost", after: "commit" });
  const [first, second] = [client(), client()];
  first.socket.write("begin ");
  await expect.poll(first.heard, soon).toBe("BEGIN ");
  first.socket.write("commit ");
  await expect.poll(() => proxy.lostBytes, soon).toBe(7);
  second.socket.write("other");
  await expect.poll(second.heard, soon).toBe("OTHER");
  expect([first.heard(), told]).toEqual(["BEGIN ", "begin commit other"]);
  proxy.set(null);
  await expect.poll(first.closed, soon).toBe(true);
  expect(second.closed()).toBe(false);
});

test("who left a silent network is known to the server only when it speaks again, after all that was sent", async () => {
  const left = client();
  await expect.poll(() => proxy.connections, soon).toBe(1);
  proxy.set({ kind: "silent" });
  left.socket.end("last words");
  await expect.poll(left.closed, soon).toBe(true);
  expect([told, proxy.connections]).toEqual(["", 1]);
  proxy.set(null);
  await expect.poll(() => [told, proxy.connections], soon).toEqual(["last words", 0]);
});

test("a server that goes takes its clients' connections with it", async () => {
  const before = client();
  before.socket.write("here");
  await expect.poll(before.heard, soon).toBe("HERE");
  server.on("connection", (socket) => socket.destroy());
  const after = client();
  await expect.poll(after.closed, soon).toBe(true);
});
