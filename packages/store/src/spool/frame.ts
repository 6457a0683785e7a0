import { crc32 } from "node:zlib";

/**
 * A frame: `length u32 | crc32 u32 | payload`, big-endian; the CRC covers the payload. Every payload is JSON that begins with
 * `{"t":"`: that is what lets a scan tell a torn tail (nothing whole follows) from corruption (whole frames follow).
 */
export const FRAME_HEADER_BYTES = 8;
export const PAYLOAD_START = '{"t":"';
/** Larger than any record; a length above it is damage, not a frame. */
export const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;

/** `short`: the buffer ends before the frame does. `bad`: no frame starts here. */
export type FrameAt =
  | { readonly state: "whole"; readonly payload: Buffer; readonly end: number }
  | { readonly state: "short"; readonly end: number }
  | { readonly state: "bad" };

export function frameAt(buffer: Buffer, offset: number): FrameAt {
  if (offset + FRAME_HEADER_BYTES > buffer.length) return { state: "short", end: offset + FRAME_HEADER_BYTES };
  const length = buffer.readUInt32BE(offset);
  if (length < PAYLOAD_START.length || length > PAYLOAD_BYTES_MAX) return { state: "bad" };
  const end = offset + FRAME_HEADER_BYTES + length;
  if (end > buffer.length) return { state: "short", end };
  const payload = buffer.subarray(offset + FRAME_HEADER_BYTES, end);
  return crc32(payload) === buffer.readUInt32BE(offset + 4) ? { state: "whole", payload, end } : { state: "bad" };
}

/** Written over by each batch that fits, which is nearly every one: no new buffer of ten kilobytes a turn. */
const SCRATCH = Buffer.allocUnsafeSlow(64 * 1024);

/** All payloads as frames in one buffer, so that one `write` carries them. To be written before the next call. */
export function encodeFrames(payloads: readonly string[], payloadBytes: number): Buffer {
  const bytes = payloadBytes + payloads.length * FRAME_HEADER_BYTES;
  const buffer = bytes <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (const payload of payloads) {
    const start = offset + FRAME_HEADER_BYTES;
    const length = buffer.write(payload, start, "utf8");
    buffer.writeUInt32BE(length, offset);
    buffer.writeUInt32BE(crc32(buffer.subarray(start, start + length)), offset + 4);
    offset = start + length;
  }
  return buffer.subarray(0, offset);
}

/** Offset of the first whole frame after `offset`, or -1. Looks for the payload's first bytes, so it costs one pass. */
export function nextWholeFrame(buffer: Buffer, offset: number): number {
  let found = buffer.indexOf(PAYLOAD_START, offset + 1, "latin1");
  while (found !== -1) {
    const start = found - FRAME_HEADER_BYTES;
    if (start > offset && frameAt(buffer, start).state === "whole") return start;
    found = buffer.indexOf(PAYLOAD_START, found + 1, "latin1");
  }
  return -1;
}
