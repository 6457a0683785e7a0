import { frameAt, nextWholeFrame, PAYLOAD_BYTES_MAX } from "./frame.ts";
import type { Position } from "./position.ts";
import type { SpoolRecord } from "./records.ts";
import { listSegments, SEGMENT_MAGIC, SEGMENT_START, segmentPath, SpoolCorrupt } from "./segment.ts";
import { NODE_DISK, type ReadableFile, type SpoolDisk } from "./spool-disk.ts";

export interface SpoolFrame {
  readonly record: SpoolRecord;
  /** Where the frame starts, and where the next one will. */
  readonly position: Position;
  readonly end: Position;
}

const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads frames in order from a place on. A torn or growing tail is the end for now: the next `read` looks again.
 * Bad bytes that whole frames or whole segments follow throw SpoolCorrupt.
 */
export class SpoolReader {
  readonly #dir: string;
  readonly #disk: SpoolDisk;
  #at: Position;
  #file: ReadableFile | null = null;

  constructor(dir: string, from: Position, disk: SpoolDisk = NODE_DISK) {
    this.#disk = disk;
    this.#dir = dir;
    this.#at = from;
  }

  get position(): Position {
    return this.#at;
  }

  /**
   * The next frames, about a mebibyte of them; empty = nothing more for now. With `until`, nothing at or behind that place is
   * read (a running spool publishes how far it has written; what lies behind may still be taken back).
   */
  async read(until?: Position): Promise<SpoolFrame[]> {
    for (;;) {
      if (this.#at.segment === 0 && !this.#toFirstSegment()) return [];
      const last = until
        ? this.#at.segment >= until.segment
        : !(await this.#disk.exists(segmentPath(this.#dir, this.#at.segment + 1)));
      const frames = await this.#readChunk(until, last);
      if (frames.length > 0 || last) return frames;
      await this.close();
      this.#at = { segment: this.#at.segment + 1, offset: 0 };
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  #toFirstSegment(): boolean {
    const first = listSegments(this.#dir, this.#disk)[0];
    if (!first) return false;
    this.#at = { segment: first.segment, offset: 0 };
    return true;
  }

  async #readChunk(until: Position | undefined, last: boolean): Promise<SpoolFrame[]> {
    const path = segmentPath(this.#dir, this.#at.segment);
    this.#file ??= await this.#disk.openToRead(path);
    if (this.#at.offset < SEGMENT_START && !(await this.#passMagic(path, last))) return [];
    const left = until && until.segment === this.#at.segment ? until.offset - this.#at.offset : Infinity;
    for (let want = CHUNK_BYTES; left > 0; want *= 2) {
      const buffer = Buffer.allocUnsafe(Math.min(want, left));
      const bytesRead = await this.#file.read(buffer, this.#at.offset);
      const more = bytesRead === want && want < left && want <= PAYLOAD_BYTES_MAX * 2;
      const frames = this.#parse(path, buffer.subarray(0, bytesRead), more, last && !until);
      if (frames.length > 0 || !more) return frames;
    }
    return [];
  }

  /** `more`: the file goes on behind the chunk. `tail`: this may be the growing or torn end of the spool. */
  #parse(path: string, chunk: Buffer, more: boolean, tail: boolean): SpoolFrame[] {
    const frames: SpoolFrame[] = [];
    const { segment, offset: base } = this.#at;
    let offset = 0;
    while (offset < chunk.length) {
      const frame = frameAt(chunk, offset);
      if (frame.state !== "whole") {
        const unfinished = frame.state === "short" && more;
        if (!unfinished && !(tail && !more && nextWholeFrame(chunk, offset) === -1))
          throw new SpoolCorrupt(path, base + offset, "a bad frame that is not the last");
        break;
      }
      const record = JSON.parse(frame.payload.toString("utf8")) as SpoolRecord;
      const position = { segment, offset: base + offset };
      frames.push({ record, position, end: { segment, offset: base + frame.end } });
      offset = frame.end;
    }
    this.#at = { segment, offset: base + offset };
    return frames;
  }

  async #passMagic(path: string, last: boolean): Promise<boolean> {
    const buffer = Buffer.alloc(SEGMENT_START);
    const bytesRead = (await this.#file?.read(buffer, 0)) ?? 0;
    const magic = buffer.toString("latin1", 0, bytesRead);
    if (magic !== SEGMENT_MAGIC) {
      if (last && SEGMENT_MAGIC.startsWith(magic)) return false;
      throw new SpoolCorrupt(path, 0, `expected the bytes ${SEGMENT_MAGIC}`);
    }
    this.#at = { segment: this.#at.segment, offset: SEGMENT_START };
    return true;
  }
}

/** Every frame from a place to the present end. Throws SpoolCorrupt. */
export async function* readSpool(
  dir: string,
  from: Position,
  disk: SpoolDisk = NODE_DISK,
): AsyncGenerator<SpoolFrame, void> {
  const reader = new SpoolReader(dir, from, disk);
  try {
    for (let frames = await reader.read(); frames.length > 0; frames = await reader.read()) yield* frames;
  } finally {
    await reader.close();
  }
}
