import { SEGMENT_START } from "./segment.ts";

/** A place in the spool: the start of a frame, or the end of the last one. Ordered by segment, then offset. */
export interface Position {
  /** Number in the segment's file name; the first is 1. */
  readonly segment: number;
  /** Bytes from the start of that file. */
  readonly offset: number;
}

/** Before every frame. */
export const SPOOL_START: Position = { segment: 0, offset: 0 };

/** The end of a spool folder that was just made: was nothing ever written to it? */
export function isUnwritten({ segment, offset }: Position): boolean {
  return segment <= 1 && offset <= SEGMENT_START;
}

/** Negative where `a` comes first. */
export function comparePositions(a: Position, b: Position): number {
  return a.segment - b.segment || a.offset - b.offset;
}

/** One 64-bit word, so that another thread reads segment and offset in one atomic step. */
export function packPosition(position: Position): bigint {
  return (BigInt(position.segment) << 32n) | BigInt(position.offset);
}

export function unpackPosition(word: bigint): Position {
  return { segment: Number(word >> 32n), offset: Number(word & 0xffff_ffffn) };
}
