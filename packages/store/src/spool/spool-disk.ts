import {
  closeSync,
  fdatasync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open, stat } from "node:fs/promises";
import { promisify } from "node:util";

/** A file opened to be read beside its writer. */
export interface ReadableFile {
  /** Fills `into` from this offset of the file on; answers how many bytes there were. */
  read(into: Buffer, offset: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * What the spool asks of a file system: so that a simulation can tear a write, lie about a sync, and cut the power. Semantics, errors
 * and their codes are those of `node:fs`. Bytes survive the process once written, and a power cut once synced.
 */
export interface SpoolDisk {
  makeFolder(dir: string): void;
  list(dir: string): string[];
  sizeOf(path: string): number;
  readWhole(path: string): Buffer;
  /** Made, or replaced, and synced. */
  writeWhole(path: string, bytes: Buffer): void;
  rename(from: string, to: string): void;
  /** Nothing happens where there is no such file. */
  remove(path: string): void;
  /** `r+`: it is there. `w+`: made, or emptied. */
  open(path: string, flags: "r+" | "w+"): number;
  /** Answers how many bytes went out, which may be fewer. */
  write(fd: number, bytes: Buffer, at: number, length: number, offset: number): number;
  truncate(fd: number, length: number): void;
  syncAtOnce(fd: number): void;
  syncData(fd: number): Promise<void>;
  /** The names in it: files that were made in it are found again after a power cut. */
  syncFolder(dir: string): Promise<void>;
  close(fd: number): void;
  openToRead(path: string): Promise<ReadableFile>;
  exists(path: string): Promise<boolean>;
}

const fdatasyncFile = promisify(fdatasync);
const fsyncFile = promisify(fsync);

export const NODE_DISK: SpoolDisk = {
  makeFolder: (dir) => void mkdirSync(dir, { recursive: true, mode: 0o700 }),
  list: (dir) => readdirSync(dir),
  sizeOf: (path) => statSync(path).size,
  readWhole: (path) => readFileSync(path),
  writeWhole: (path, bytes) => writeFileSync(path, bytes, { flush: true }),
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  open: (path, flags) => openSync(path, flags),
  write: (fd, bytes, at, length, offset) => writeSync(fd, bytes, at, length, offset),
  truncate: ftruncateSync,
  syncAtOnce: fsyncSync,
  syncData: fdatasyncFile,
  syncFolder,
  close: closeSync,
  openToRead,
  exists,
};

async function syncFolder(dir: string): Promise<void> {
  // Windows cannot open a directory; its file systems journal the entry by themselves.
  if (process.platform === "win32") return;
  const fd = openSync(dir, "r");
  try {
    await fsyncFile(fd);
  } finally {
    closeSync(fd);
  }
}

async function openToRead(path: string): Promise<ReadableFile> {
  const file = await open(path, "r");
  return {
    read: async (into, offset) => (await file.read(into, 0, into.length, offset)).bytesRead,
    close: () => file.close(),
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
