import { join } from "node:path";
import { FRAME_HEADER_BYTES, frameAt, nextWholeFrame } from "./frame.ts";
import { NODE_DISK, type SpoolDisk } from "./spool-disk.ts";

/** The first bytes of every segment: another layout gets another number, and an old reader refuses it by name. */
export const SEGMENT_MAGIC = "THSPOOL1";
export const SEGMENT_START = SEGMENT_MAGIC.length;
const MAGIC_BYTES = Buffer.from(SEGMENT_MAGIC, "latin1");

export interface SegmentFile {
  readonly segment: number;
  readonly bytes: number;
}

/** The spool holds bytes that no crash and no power cut can have left there: nothing is guessed, the start is refused. */
export class SpoolCorrupt extends Error {
  override readonly name = "SpoolCorrupt";
  readonly file: string;
  readonly offset: number;
  constructor(file: string, offset: number, what: string) {
    super(`the spool is damaged: ${file} at byte ${offset}: ${what}`);
    this.file = file;
    this.offset = offset;
  }
}

export function segmentPath(dir: string, segment: number): string {
  return join(dir, `spool-${String(segment).padStart(8, "0")}.seg`);
}

/** Ascending. A gap between numbers is damage: segments are only removed from the front. */
export function listSegments(dir: string, disk: SpoolDisk = NODE_DISK): SegmentFile[] {
  const numbers = disk
    .list(dir)
    .map((name) => /^spool-(\d{8,})\.seg$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  for (let i = 1; i < numbers.length; i++) {
    const [before = 0, after = 0] = [numbers[i - 1], numbers[i]];
    if (after !== before + 1)
      throw new SpoolCorrupt(
        segmentPath(dir, before + 1),
        0,
        `the file is missing, but ${segmentPath(dir, after)} exists`,
      );
  }
  return numbers.map((segment) => ({ segment, bytes: disk.sizeOf(segmentPath(dir, segment)) }));
}

/** Where the last whole frame of a segment ends, and how many torn bytes were cut behind it. */
export interface CutTail {
  readonly end: number;
  readonly tornBytes: number;
}

/**
 * Cuts what a kill or a power cut left behind the last whole frame of a segment. Only a tail is cut: where a whole frame of the same segment
 * follows the bad bytes, something else happened to the file. A sealed segment was made durable before the next one was begun; where it
 * is torn all the same, the disk had lied, and what is cut was lost by it.
 * Throws SpoolCorrupt with the file and offset.
 */
export function cutTornTail(dir: string, segment: number, isSealed: boolean, disk: SpoolDisk = NODE_DISK): CutTail {
  const path = segmentPath(dir, segment);
  const bytes = disk.readWhole(path);
  const end = wholeEnd(path, bytes);
  if (isSealed && end === bytes.length && end >= SEGMENT_START) return { end, tornBytes: 0 };
  const fd = disk.open(path, "r+");
  try {
    if (end < bytes.length) disk.truncate(fd, end);
    // The magic itself was torn: nothing behind it was ever whole.
    if (end < SEGMENT_START) writeMagic(disk, fd);
    disk.syncAtOnce(fd);
  } finally {
    disk.close(fd);
  }
  return { end: Math.max(end, SEGMENT_START), tornBytes: bytes.length - end };
}

function wholeEnd(path: string, bytes: Buffer): number {
  const magic = bytes.toString("latin1", 0, SEGMENT_START);
  if (magic !== SEGMENT_MAGIC) {
    const torn = SEGMENT_MAGIC.startsWith(magic) || bytes.every((byte) => byte === 0);
    if (torn) return 0;
    throw new SpoolCorrupt(path, 0, `expected the bytes ${SEGMENT_MAGIC}`);
  }
  let offset = SEGMENT_START;
  while (offset < bytes.length) {
    const frame = frameAt(bytes, offset);
    if (frame.state !== "whole") {
      const next = nextWholeFrame(bytes, offset);
      if (next === -1) return offset;
      throw new SpoolCorrupt(path, offset, `a bad frame, followed by a whole one at byte ${next}`);
    }
    offset = frame.end;
  }
  return offset;
}

/** Whole, or it throws: a disk with room for some of it writes that, and says so. */
export function writeMagic(disk: SpoolDisk, fd: number): void {
  for (let done = 0; done < SEGMENT_START;) done += disk.write(fd, MAGIC_BYTES, done, SEGMENT_START - done, done);
}

/** Bytes a frame takes in a segment. */
export function frameBytes(payloadBytes: number): number {
  return FRAME_HEADER_BYTES + payloadBytes;
}
