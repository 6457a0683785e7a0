import { FRAME_BYTES_MAX } from "../adapter.ts";
import type { SseFrame } from "../sse.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Splits a stream that is one JSON array (`streamGenerateContent` without `alt=sse`) into its objects, in the shape of the
 * event reader: `data` is an object's text, `raw` its bytes with the bracket, comma and white space before it, so that
 * after each frame the client holds whole objects only. The closing bracket is a frame without data. The raws of a stream,
 * joined, are the stream.
 *
 * One pass, no recursion, any cut of the chunks. Memory: one object, at most FRAME_BYTES_MAX; a larger one is handed on in
 * pieces as `unread`. A whole object in place of the array is one frame.
 */
export class JsonArrayReader {
  #pieces: Buffer[] = [];
  #heldLength = 0;
  /** Where the object begins in the held bytes; −1 between objects. */
  #objectStart = -1;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #overflowing = false;

  push(chunk: Buffer, onFrame: (frame: SseFrame) => void): void {
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const ended = this.#ends(chunk[at] ?? 0, at - from);
      at++;
      if (!ended) continue;
      this.#emit(chunk.subarray(from, at), onFrame);
      from = at;
    }
    if (from === chunk.length) return;
    this.#pieces.push(chunk.subarray(from));
    this.#heldLength += chunk.length - from;
    if (this.#overflowing || this.#heldLength > FRAME_BYTES_MAX) {
      this.#overflowing = true;
      this.#handOn(onFrame);
    }
  }

  flush(onFrame: (frame: SseFrame) => void): void {
    if (this.#heldLength > 0) this.#handOn(onFrame);
  }

  /** Takes one byte outside of strings; true where it ends a frame. `offset` is its place after the held bytes. */
  #ends(byte: number, offset: number): boolean {
    if (this.#depth === 0) {
      if (byte === OPEN_BRACE) {
        this.#objectStart = this.#heldLength + offset;
        this.#depth = 1;
      }
      return byte === CLOSE_BRACKET;
    }
    if (byte === QUOTE) this.#inString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth--;
    return this.#depth === 0;
  }

  /** To the byte after the string's end. Text is most of a stream: searching for the quote is far faster than stepping. */
  #skipString(chunk: Buffer, from: number): number {
    const start = this.#escaped ? from + 1 : from;
    let search = start;
    for (;;) {
      const quote = chunk.indexOf(QUOTE, search);
      const limit = quote === -1 ? chunk.length : quote;
      let slash = limit - 1;
      while (slash >= start && chunk[slash] === BACKSLASH) slash--;
      const escaped = (limit - 1 - slash) % 2 === 1;
      if (quote === -1) {
        this.#escaped = escaped;
        return chunk.length;
      }
      if (!escaped) {
        this.#escaped = this.#inString = false;
        return quote + 1;
      }
      search = quote + 1;
    }
  }

  #emit(last: Buffer, onFrame: (frame: SseFrame) => void): void {
    this.#pieces.push(last);
    const raw = this.#join();
    const unread = this.#overflowing || raw.length > FRAME_BYTES_MAX;
    const data = unread || this.#objectStart === -1 ? "" : raw.toString("utf8", this.#objectStart);
    this.#objectStart = -1;
    this.#overflowing = false;
    onFrame({ event: null, data, raw, unread });
  }

  /** Held bytes that are no whole object. */
  #handOn(onFrame: (frame: SseFrame) => void): void {
    onFrame({ event: null, data: "", raw: this.#join(), unread: true });
  }

  #join(): Buffer {
    const [first] = this.#pieces;
    const raw = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#heldLength = 0;
    return raw;
  }
}
