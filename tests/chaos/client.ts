import { Agent, request } from "node:http";
import type { Ask } from "./asks.ts";

export interface Answer {
  /** null: no answer came. */
  readonly status: number | null;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** whole: to its last byte · broken: the server went · left: we did. */
  readonly end: "whole" | "broken" | "left";
}

export interface AskMore {
  /** Hang up when this many bytes of the body are there; 0 = as soon as the request is written. */
  readonly leaveAfterBytes?: number;
  /** Told of each piece of the body: its bytes, and whether it is the first. */
  readonly onData?: (bytes: number, first: boolean) => void;
}

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

/** A client that shows exactly what came, and can be rude. Never rejects. */
export function send(address: string, ask: Ask, { leaveAfterBytes, onData }: AskMore = {}): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const parts: Buffer[] = [];
  let bytes = 0;
  let head: Pick<Answer, "status" | "headers"> = { status: null, headers: {} };
  const end = (how: Answer["end"]): void => {
    resolve({ ...head, text: Buffer.concat(parts).toString("utf8"), end: how });
  };
  const leave = (): void => {
    end("left");
    outgoing.destroy();
  };
  // A client that leaves takes its connection with it: one of the pool would give the next call a dead one.
  const pool = leaveAfterBytes === undefined ? { agent } : { agent: false as const };
  const headers = { ...ask.headers, "content-length": String(Buffer.byteLength(ask.body)) };
  const outgoing = request(address + ask.path, { method: "POST", headers, ...pool });
  outgoing.on("error", () => end("broken"));
  outgoing.on("response", (incoming) => {
    head = { status: incoming.statusCode ?? null, headers: incoming.headers };
    incoming.on("data", (part: Buffer) => {
      onData?.(part.length, bytes === 0);
      bytes += part.length;
      parts.push(part);
      if (leaveAfterBytes !== undefined && bytes >= leaveAfterBytes) leave();
    });
    incoming.on("error", () => end("broken"));
    incoming.on("end", () => end("whole"));
    incoming.on("close", () => end("broken"));
  });
  outgoing.end(ask.body, () => {
    if (leaveAfterBytes === 0) setImmediate(leave);
  });
  return promise;
}

/** Runs `work` for each item, so many at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) await work(items[at] as T);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
