import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { ReasonCode } from "@tollhouse/contract";

export interface BodyRefusal {
  readonly code: ReasonCode;
  readonly message: string;
}

const EMPTY = Buffer.alloc(0);

/** What arrives, of all bodies of this node together. */
export interface BodyRoom {
  bodyBytes: number;
  readonly bounds: { readonly bodyBytesMax: number };
}

const NO_ROOM: BodyRefusal = {
  code: "OVERLOADED",
  message: "The request bodies that this node holds leave no room for this one",
};

/**
 * Reads a body of at most `bytesMax`, into the room that the node has for bodies: counted as it arrives, and not as it is announced, so
 * that whoever only announces takes nothing from others; given back when this settles. What does not fit is refused as soon as that is
 * known, without buffering the rest. Rejects (the socket is gone) with the stream's own error.
 */
export function readBody(
  req: IncomingMessage,
  declared: number,
  bytesMax: number,
  room: BodyRoom,
): Promise<Buffer | BodyRefusal> {
  if (declared > bytesMax) return Promise.resolve(tooLarge(bytesMax));
  return new Promise((resolve, reject) => {
    let first: Buffer | null = null;
    let rest: Buffer[] | null = null;
    let size = 0;
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      room.bodyBytes += chunk.length;
      if (size > bytesMax || room.bodyBytes > room.bounds.bodyBytesMax) {
        req.pause();
        req.removeAllListeners("data");
        resolve(size > bytesMax ? tooLarge(bytesMax) : NO_ROOM);
        room.bodyBytes -= size;
        size = 0;
      } else if (first === null) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    req.on("end", () => {
      resolve(rest !== null ? Buffer.concat(rest, size) : (first ?? EMPTY));
      room.bodyBytes -= size;
      size = 0;
    });
    req.on("error", reject);
    req.on("close", () => {
      room.bodyBytes -= size;
      size = 0;
      if (!req.complete) reject(new Error("the client closed the connection while sending its body"));
    });
  });
}

function tooLarge(bytesMax: number): BodyRefusal {
  return { code: "REQUEST_TOO_LARGE", message: `The request body is larger than ${bytesMax} bytes` };
}

/** Deeper bodies than this are refused: no model needs them, and everything that walks a body may count on the bound. */
export const BODY_DEPTH_MAX = 200;

/** Returns the parsed JSON object, or a refusal that says what is wrong. */
export function parseJsonBody(raw: Buffer): { readonly value: Record<string, unknown> } | BodyRefusal {
  // One bad byte would become three for the provider, and the byte bound of the input would bound nothing.
  if (!isUtf8(raw)) return { code: "REQUEST_INVALID", message: "The body is not valid UTF-8" };
  let value: unknown;
  try {
    value = JSON.parse(raw.toString("utf8"));
  } catch {
    return { code: "REQUEST_INVALID", message: "The body is not valid JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { code: "REQUEST_INVALID", message: "The body must be a JSON object" };
  if (depthOver(raw, BODY_DEPTH_MAX))
    return { code: "REQUEST_INVALID", message: `The body is nested deeper than ${BODY_DEPTH_MAX} levels` };
  return { value: value as Record<string, unknown> };
}

/**
 * Could the JSON be nested deeper than `max`? Counting opening brackets is enough for nearly every body (fewer brackets
 * than `max`: no), and only the others pay for a scan that knows strings.
 */
function depthOver(raw: Buffer, max: number): boolean {
  let opened = 0;
  for (let at = raw.indexOf(0x5b); at !== -1 && opened <= max; at = raw.indexOf(0x5b, at + 1)) opened++;
  for (let at = raw.indexOf(0x7b); at !== -1 && opened <= max; at = raw.indexOf(0x7b, at + 1)) opened++;
  return opened > max && scanDepth(raw) > max;
}

function scanDepth(raw: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i];
    if (inString) {
      if (byte === 0x5c) i++;
      else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > deepest) deepest = depth;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return deepest;
}
