import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Position } from "./position.ts";
import { createSegment } from "./segment-writer.ts";
import { cutTornTail, listSegments, SEGMENT_START } from "./segment.ts";
import type { SegmentFile } from "./segment.ts";
import { NODE_DISK, type SpoolDisk } from "./spool-disk.ts";

/** A spool folder as a start finds it, torn tails cut. */
export interface OpenedFolder {
  readonly end: Position;
  /** Of the newest segment. */
  readonly tornBytes: number;
  /** Of those before it: the disk had said that they were durable. */
  readonly lostBytes: number;
  /** The segments before the last. */
  readonly sealed: readonly SegmentFile[];
}

/** Makes the first segment where there is none. Throws SpoolCorrupt. */
export function openFolder(dir: string, disk: SpoolDisk = NODE_DISK): OpenedFolder {
  const segments = listSegments(dir, disk);
  const last = segments.pop();
  if (!last) {
    disk.close(createSegment(dir, 1, disk));
    return { end: { segment: 1, offset: SEGMENT_START }, tornBytes: 0, lostBytes: 0, sealed: [] };
  }
  let lostBytes = 0;
  const sealed = segments.map(({ segment }) => {
    const { end, tornBytes } = cutTornTail(dir, segment, true, disk);
    lostBytes += tornBytes;
    return { segment, bytes: end };
  });
  const cut = cutTornTail(dir, last.segment, false, disk);
  return { end: { segment: last.segment, offset: cut.end }, tornBytes: cut.tornBytes, lostBytes, sealed };
}

/** The folder's id, made once, whole or not at all. */
export function nodeOf(dir: string, disk: SpoolDisk = NODE_DISK): string {
  const path = join(dir, "node-id");
  try {
    const id = disk.readWhole(path).toString("utf8").trim();
    if (/^[0-9a-f]{32}$/.test(id)) return id;
    throw new Error(`${path} holds ${JSON.stringify(id.slice(0, 40))}; expected 32 hex digits`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const id = randomUUID().replaceAll("-", "");
  disk.writeWhole(`${path}.new`, Buffer.from(`${id}\n`));
  disk.rename(`${path}.new`, path);
  return id;
}
