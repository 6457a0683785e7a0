import { FRAME_BYTES_MAX } from "./adapter.ts";

/** One event of a server-sent event stream, as it came. */
export interface SseFrame {
  /** Value of the last `event:` line; null = none. */
  readonly event: string | null;
  /** The `data:` lines joined by LF. Empty for comments, blank lines and frames that are `unread`. */
  readonly data: string;
  /** Its bytes, the blank line that ends it included. The raws of a stream, joined, are the stream. */
  readonly raw: Buffer;
  /** True for (a piece of) a frame over FRAME_BYTES_MAX: handed on, never looked into. */
  readonly unread: boolean;
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const DATA = Buffer.from("data");
const EVENT = Buffer.from("event");
const NOTHING = Buffer.alloc(0);

/**
 * Splits a byte stream into server-sent events (WHATWG HTML §9.2.6): LF, CRLF and CR line ends, comments, data over
 * several lines, a byte order mark. How the bytes are cut into chunks makes no difference, which is why a CR at the end
 * of a chunk waits for the next byte: it may be half of a CRLF.
 *
 * Unlike a browser it hands on what comes to nothing there (comments, blank lines, an unterminated last frame): a proxy
 * owes its client every byte, and some hosts close without the last blank line.
 *
 * Every byte is searched once, by `indexOf`; one frame in one chunk costs no copy. Memory: one frame, at most
 * FRAME_BYTES_MAX plus a chunk; a longer one is handed on in pieces as `unread`.
 */
export class SseReader {
  /** Bytes of the frame not ended yet: the first `#heldLength` of `#held`, the rest is room to grow. */
  #held: Buffer = NOTHING;
  #heldLength = 0;
  /** Relative to the start of the pending frame (below 0 where its beginning was handed on already). */
  #lineStart = 0;
  #searched = 0;
  /** Start and end of each line of the pending frame that may be a field, in turn. */
  #lines: number[] = [];
  #overflowing = false;
  #atStreamStart = true;

  push(chunk: Buffer, onFrame: (frame: SseFrame) => void): void {
    if (chunk.length > 0) this.#scan(this.#append(chunk), false, onFrame);
  }

  /** The stream is over: what is still held becomes the last frame. */
  flush(onFrame: (frame: SseFrame) => void): void {
    this.#scan(this.#held.subarray(0, this.#heldLength), true, onFrame);
    const rest = this.#held.subarray(0, this.#heldLength);
    if (rest.length > 0) {
      if (this.#lineStart < rest.length) this.#lines.push(this.#lineStart, rest.length);
      this.#emit(rest, onFrame);
    }
    this.#held = NOTHING;
    this.#heldLength = this.#lineStart = this.#searched = 0;
    this.#overflowing = false;
  }

  #append(chunk: Buffer): Buffer {
    if (this.#heldLength === 0) return chunk;
    const length = this.#heldLength + chunk.length;
    if (length > this.#held.length) {
      // Doubling: an 8 MiB frame in small chunks would otherwise be copied hundreds of times.
      const grown = Buffer.allocUnsafe(Math.max(length, this.#held.length * 2));
      this.#held.copy(grown, 0, 0, this.#heldLength);
      this.#held = grown;
    }
    chunk.copy(this.#held, this.#heldLength);
    this.#heldLength = length;
    return this.#held.subarray(0, length);
  }

  #scan(bytes: Buffer, final: boolean, onFrame: (frame: SseFrame) => void): void {
    let frameStart = 0;
    let lineStart = this.#lineStart;
    let searched = this.#searched;
    let lf = bytes.indexOf(LF, searched);
    let cr = bytes.indexOf(CR, searched);
    while (lf !== -1 || cr !== -1) {
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr;
      let next = end + 1;
      if (end === cr) {
        if (next === bytes.length && !final) {
          searched = end;
          break;
        }
        if (bytes[next] === LF) next++;
      }
      if (end !== lineStart) {
        if (!this.#overflowing) this.#lines.push(lineStart - frameStart, end - frameStart);
      } else {
        this.#emit(bytes.subarray(frameStart, next), onFrame);
        this.#overflowing = false;
        frameStart = next;
      }
      lineStart = searched = next;
      if (lf !== -1 && lf < next) lf = bytes.indexOf(LF, next);
      if (cr !== -1 && cr < next) cr = bytes.indexOf(CR, next);
    }
    if (lf === -1 && cr === -1) searched = bytes.length;
    if (this.#overflowing || bytes.length - frameStart > FRAME_BYTES_MAX) {
      this.#overflowing = true;
      if (searched > frameStart) this.#emit(bytes.subarray(frameStart, searched), onFrame);
      frameStart = searched;
    }
    this.#lineStart = lineStart - frameStart;
    this.#searched = searched - frameStart;
    // A view, not a copy: its length is its capacity, so growing it copies and the frames handed out stay as they are.
    if (frameStart > 0 || this.#heldLength === 0) this.#held = bytes.subarray(frameStart);
    this.#heldLength = bytes.length - frameStart;
  }

  #emit(raw: Buffer, onFrame: (frame: SseFrame) => void): void {
    const unread = this.#overflowing || raw.length > FRAME_BYTES_MAX;
    let event: string | null = null;
    let data: string | null = null;
    if (!unread) {
      if (this.#atStreamStart && raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf && this.#lines.length > 0)
        this.#lines[0] = 3;
      for (let at = 0; at + 1 < this.#lines.length; at += 2) {
        const start = this.#lines[at] ?? 0;
        const end = this.#lines[at + 1] ?? 0;
        const dataAt = valueStart(raw, start, end, DATA);
        if (dataAt !== -1) {
          const line = raw.toString("utf8", dataAt, end);
          data = data === null ? line : `${data}\n${line}`;
          continue;
        }
        const eventAt = valueStart(raw, start, end, EVENT);
        if (eventAt !== -1) event = raw.toString("utf8", eventAt, end);
      }
    }
    this.#atStreamStart = false;
    if (this.#lines.length > 0) this.#lines = [];
    onFrame({ event, data: data ?? "", raw, unread });
  }
}

/** Where the value of a line `name: value` begins; -1 where the line is another field. */
function valueStart(raw: Buffer, start: number, end: number, name: Buffer): number {
  const nameEnd = start + name.length;
  if (nameEnd > end) return -1;
  for (let at = 0; at < name.length; at++) if (raw[start + at] !== name[at]) return -1;
  if (nameEnd === end) return end;
  if (raw[nameEnd] !== COLON) return -1;
  return raw[nameEnd + 1] === SPACE && nameEnd + 1 < end ? nameEnd + 2 : nameEnd + 1;
}
