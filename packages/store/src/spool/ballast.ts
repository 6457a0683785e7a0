import { randomFillSync } from "node:crypto";
import { join } from "node:path";
import { NODE_DISK, type SpoolDisk } from "./spool-disk.ts";

/** Disk kept back for outcomes: freed the moment the disk is full, made again once it has room. */
const BALLAST_BYTES_MAX = 4 * 1024 * 1024;

/**
 * A file of random bytes (a compressing file system would keep zeros for nothing). When a write fails for want of room it is
 * removed, and outcomes of calls already made go into the space it held.
 */
export class Ballast {
  readonly #path: string;
  readonly #bytes: number;
  readonly #disk: SpoolDisk;
  #kept = false;

  constructor(dir: string, spoolBytesMax: number, disk: SpoolDisk = NODE_DISK) {
    this.#disk = disk;
    this.#path = join(dir, "spool-ballast");
    this.#bytes = Math.min(BALLAST_BYTES_MAX, Math.floor(spoolBytesMax / 16));
  }

  get kept(): boolean {
    return this.#kept;
  }

  /** Returns null, or the code of the error that stopped it: then there is no room for new calls either. */
  keep(): string | null {
    try {
      this.#disk.writeWhole(this.#path, randomFillSync(Buffer.allocUnsafe(this.#bytes)));
      this.#kept = true;
      return null;
    } catch (error) {
      this.release();
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }

  /** Returns whether it held room that is now free. */
  release(): boolean {
    const held = this.#kept;
    this.#kept = false;
    this.#disk.remove(this.#path);
    return held;
  }
}
