import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { MODEL, STREAM_PIECES } from "./requests.ts";

/**
 * A provider that answers faster than anything that could stand before it, with the headers and the sizes of the real one: a chat
 * completion of 0.6 KB, or a stream. Own process. No HTTP library: what it costs would be counted to whoever is measured.
 */
const HEADERS = [
  "Date: Sat, 21 Nov 2026 07:00:00 GMT",
  "Connection: keep-alive",
  "access-control-expose-headers: X-Request-ID",
  "openai-organization: acme",
  "openai-processing-ms: 412",
  "openai-project: proj_benchmark",
  "openai-version: 2020-10-01",
  "x-envoy-upstream-service-time: 417",
  "x-ratelimit-limit-requests: 30000",
  "x-ratelimit-limit-tokens: 150000000",
  "x-ratelimit-remaining-requests: 29999",
  "x-ratelimit-remaining-tokens: 149999642",
  "x-ratelimit-reset-requests: 2ms",
  "x-ratelimit-reset-tokens: 0s",
  "x-request-id: req_benchmarkbenchmarkbenchmark",
  "cf-cache-status: DYNAMIC",
  "X-Content-Type-Options: nosniff",
  "Server: cloudflare",
  "CF-RAY: 9a1b2c3d4e5f-FRA",
].join("\r\n");

const ID = {
  id: "chatcmpl-benchmark",
  created: 1763708400,
  model: `${MODEL}-2024-07-18`,
  system_fingerprint: "fp_benchmark",
};
const USAGE = { prompt_tokens: 262, completion_tokens: STREAM_PIECES, total_tokens: 262 + STREAM_PIECES };
const EVENTS_A_WRITE = 5;

const whole = wholeAnswer();
const head = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n${HEADERS}\r\n\r\n`,
);
const events = streamEvents();
const last = Buffer.from("0\r\n\r\n");
const bursts = inBursts(events);

function wholeAnswer(): Buffer {
  const content =
    "Clause 7.2 now caps liability at the fees of twelve months, where the first version had no cap. ".repeat(2);
  const choices = [{ index: 0, message: { role: "assistant", content }, logprobs: null, finish_reason: "stop" }];
  const text = JSON.stringify({ ...ID, object: "chat.completion", choices, usage: USAGE, service_tier: "default" });
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n${HEADERS}\r\n\r\n${text}`,
  );
}

function streamEvents(): Buffer[] {
  const chunk = { ...ID, object: "chat.completion.chunk", service_tier: "default", usage: null };
  const texts = Array.from({ length: STREAM_PIECES }, (_, at) =>
    JSON.stringify({ ...chunk, choices: [{ index: 0, delta: { content: ` word${at}` }, finish_reason: null }] }),
  );
  texts.push(JSON.stringify({ ...chunk, choices: [], usage: USAGE }), "[DONE]");
  return texts.map((text) => {
    const data = `data: ${text}\n\n`;
    return Buffer.from(`${data.length.toString(16)}\r\n${data}\r\n`);
  });
}

function inBursts(all: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = [];
  for (let at = 0; at < all.length; at += EVENTS_A_WRITE) out.push(Buffer.concat(all.slice(at, at + EVENTS_A_WRITE)));
  return out;
}

/** Streams under way, by the milliseconds between their events: one timer for all of them. */
const spaced = new Map<number, Set<() => boolean>>();

function playSpaced(socket: Socket, spacingMs: number): void {
  let next = 0;
  const step = (): boolean => {
    if (socket.destroyed) return false;
    const event = events[next++];
    socket.write(event ?? last);
    return event !== undefined;
  };
  const known = spaced.get(spacingMs);
  if (known !== undefined) known.add(step);
  else startTicking(spacingMs, step);
}

function startTicking(spacingMs: number, first: () => boolean): void {
  const steps = new Set([first]);
  spaced.set(spacingMs, steps);
  setInterval(() => {
    for (const step of steps) if (!step()) steps.delete(step);
  }, spacingMs);
}

function playBursts(socket: Socket): void {
  let next = 0;
  const step = (): void => {
    if (socket.destroyed) return;
    const burst = bursts[next++];
    socket.write(burst ?? last);
    if (burst !== undefined) setImmediate(step);
  };
  step();
}

function answer(socket: Socket, request: Buffer): void {
  if (!request.includes('"stream":true')) {
    socket.write(whole);
    return;
  }
  const spacingMs = Number(/"seed":(\d+)/.exec(request.toString("latin1"))?.[1] ?? "0");
  socket.write(head);
  if (spacingMs === 0) playBursts(socket);
  else playSpaced(socket, spacingMs);
}

/** Length of the whole request at the start of `bytes`; Infinity while its head is not complete. */
function requestLength(bytes: Buffer): number {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return Infinity;
  const length = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString("latin1", 0, headEnd))?.[1] ?? "0";
  return headEnd + 4 + Number(length);
}

const server = createServer({ noDelay: true }, (socket) => {
  let waiting: Buffer | null = null;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    let bytes: Buffer = waiting === null ? chunk : Buffer.concat([waiting, chunk]);
    for (let length = requestLength(bytes); bytes.length > 0 && length <= bytes.length; length = requestLength(bytes)) {
      answer(socket, bytes.subarray(0, length));
      bytes = bytes.subarray(length);
    }
    waiting = bytes.length === 0 ? null : bytes;
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));
