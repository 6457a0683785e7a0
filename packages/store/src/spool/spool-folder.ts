import { randomUUID } from "node:crypto";
import { closeSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Position } from "./position.ts";
import { createSegment } from "./segment-writer.ts";
import { cutTornTail, listSegments, SEGMENT_START } from "./segment.ts";
import type { SegmentFile } from "./segment.ts";

/** A spool folder as a start finds it, its torn tail cut. */
export interface OpenedFolder {
  readonly end: Position;
  readonly tornBytes: number;
  /** The segments before the last. */
  readonly sealed: readonly SegmentFile[];
}

/** Makes the first segment where there is none. Throws SpoolCorrupt. */
export function openFolder(dir: string): OpenedFolder {
  const segments = listSegments(dir);
  const last = segments.pop();
  if (!last) {
    closeSync(createSegment(dir, 1));
    return { end: { segment: 1, offset: SEGMENT_START }, tornBytes: 0, sealed: [] };
  }
  const cut = cutTornTail(dir, last.segment);
  return { end: { segment: last.segment, offset: cut.end }, tornBytes: cut.tornBytes, sealed: segments };
}

/** The folder's id, made once, whole or not at all. */
export function nodeOf(dir: string): string {
  const path = join(dir, "node-id");
  try {
    const id = readFileSync(path, "utf8").trim();
    if (/^[0-9a-f]{32}$/.test(id)) return id;
    throw new Error(`${path} holds ${JSON.stringify(id.slice(0, 40))}; expected 32 hex digits`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const id = randomUUID().replaceAll("-", "");
  writeFileSync(`${path}.new`, `${id}\n`, { flush: true });
  renameSync(`${path}.new`, path);
  return id;
}
