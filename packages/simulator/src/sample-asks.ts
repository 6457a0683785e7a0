import { connect } from "node:net";
import type { BillLine } from "./bill.ts";
import type { Simulator } from "./simulator.ts";

// What the tests of this package ask a simulator, and how they read its streams.

export const MESSAGES = [{ role: "user", content: "Tell me about the river behind the house." }];

export interface Ask {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export function chat(
  simulatorField: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Ask {
  const asked = { model: "gpt-4o-mini", messages: MESSAGES, stream: true, stream_options: { include_usage: true } };
  const headers = { authorization: "Bearer sk-test" };
  return { path: "/v1/chat/completions", headers, body: { ...asked, ...more, simulator: simulatorField } };
}

export function responses(simulatorField: Readonly<Record<string, unknown>>): Ask {
  const headers = { authorization: "Bearer sk-test" };
  return {
    path: "/v1/responses",
    headers,
    body: { model: "gpt-4o", input: "Hi", stream: true, simulator: simulatorField },
  };
}

export function messages(simulatorField: Readonly<Record<string, unknown>>): Ask {
  const headers = { "x-api-key": "sk-ant", "anthropic-version": "2023-06-01" };
  const body = {
    model: "claude-haiku-4-5",
    max_tokens: 900,
    messages: MESSAGES,
    stream: true,
    simulator: simulatorField,
  };
  return { path: "/v1/messages", headers, body };
}

export function generate(simulatorField: Readonly<Record<string, unknown>>): Ask {
  const path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse";
  const body = { contents: [{ parts: [{ text: "Hi" }] }], simulator: simulatorField };
  return { path, headers: { "x-goog-api-key": "k" }, body };
}

export const DIALECTS = { chat, responses, messages, generate };
export const NAMES = Object.keys(DIALECTS) as (keyof typeof DIALECTS)[];

export function send(simulator: Simulator, ask: Ask, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(simulator.url + ask.path, {
    method: "POST",
    headers: ask.headers,
    body: JSON.stringify(ask.body),
    signal,
  });
}

export async function textOf(simulator: Simulator, ask: Ask): Promise<string> {
  return (await send(simulator, ask)).text();
}

/** The JSON of each event of a stream, junk as null, `[DONE]` left out. */
export function eventsOf(text: string): (Record<string, unknown> | null)[] {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith("data: ") && line !== "data: [DONE]");
  return lines.map((line) => {
    try {
      return JSON.parse(line.slice(6)) as Record<string, unknown>;
    } catch {
      return null;
    }
  });
}

/** Usage objects of a stream, wherever the dialect puts them. */
export function usagesOf(text: string): unknown[] {
  return eventsOf(text).flatMap((event) => {
    const nested = (event?.["response"] ?? event) as Record<string, unknown> | null;
    const usage = event?.["type"] === "message_start" ? null : (nested?.["usage"] ?? nested?.["usageMetadata"]);
    return usage === null || usage === undefined ? [] : [usage];
  });
}

/** Body bytes that reach a client on a bare socket, with chunked framing taken off, until the server closes. */
export function bodyBytes(simulator: Simulator, ask: Ask): Promise<number> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(simulator.port, "127.0.0.1");
    socket.on("data", (part: Buffer) => parts.push(part));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      const all = Buffer.concat(parts);
      let at = all.indexOf("\r\n\r\n") + 4;
      let bytes = 0;
      while (at < all.length) {
        const lineEnd = all.indexOf("\r\n", at);
        const size = Number.parseInt(all.toString("latin1", at, lineEnd), 16);
        if (!(size > 0)) break;
        bytes += Math.min(size, all.length - lineEnd - 2);
        at = lineEnd + 2 + size + 2;
      }
      resolve(bytes);
    });
    const body = JSON.stringify(ask.body);
    const headers = Object.entries({
      ...ask.headers,
      host: "x",
      connection: "close",
      "content-length": String(Buffer.byteLength(body)),
    });
    socket.write(`POST ${ask.path} HTTP/1.1\r\n${headers.map(([k, v]) => `${k}: ${v}\r\n`).join("")}\r\n${body}`);
  });
}

export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("expected the condition within 5 seconds");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export function lastLine(simulator: Simulator): BillLine | undefined {
  return simulator.bill().at(-1);
}
