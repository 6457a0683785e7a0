import type { ReadableFile, SpoolDisk } from "../../packages/store/src/spool/spool-disk.ts";
import type { Random } from "../chaos/random.ts";

/** A file: what a reader sees now, and what would be there after a power cut. */
export interface SimulatedFile {
  bytes: Buffer;
  length: number;
  durable: Buffer;
}

export interface DiskSenses {
  readonly random: Random;
  /** Before each effect: false where the process is dead, and nothing happens. May kill it there, half-way through a write. */
  readonly effect: (kind: "write" | "sync", bytes: number) => number;
  /** Of the process that runs; never resolves where it is killed. */
  readonly pause: (ms: number) => Promise<void>;
  readonly wrote: (path: string, offset: number, bytes: Buffer) => void;
  readonly cut: (path: string, length: number) => void;
  readonly fault: { full: boolean; failsToSync: boolean; lies: boolean };
  readonly seen: (what: string) => void;
}

/** A file system in memory with a page cache that a power cut loses. Errors are node's. */
export class SimulatedDisk {
  readonly #senses: DiskSenses;
  readonly #files = new Map<string, SimulatedFile>();
  readonly #open = new Map<number, { readonly path: string; readonly file: SimulatedFile }>();
  #fd = 100;
  /** Bytes that a full disk still takes: those of files that were removed from it. */
  #room = 0;

  constructor(senses: DiskSenses) {
    this.#senses = senses;
  }

  /** Bytes of a file that survive a power cut. */
  durableLength(path: string): number {
    return this.#files.get(path)?.durable.length ?? 0;
  }

  /** What was not synced is gone, but for a part that happened to be written out. */
  loseUnsynced(): void {
    for (const [path, file] of this.#files) {
      const unsynced = file.length - file.durable.length;
      const same = file.bytes.subarray(0, Math.min(file.durable.length, file.length));
      if (unsynced <= 0 || !same.equals(file.durable)) file.bytes = Buffer.from(file.durable);
      else file.bytes = Buffer.from(file.bytes.subarray(0, file.durable.length + this.#survives(unsynced)));
      if (file.bytes.length < file.length) this.#senses.seen("a power cut loses what was not synced");
      file.length = file.bytes.length;
      file.durable = Buffer.from(file.bytes);
      this.#senses.cut(path, file.length);
    }
  }

  #survives(bytes: number): number {
    return this.#senses.random.next() < 0.4 ? 0 : this.#senses.random.between(0, bytes);
  }

  asSpoolDisk(): SpoolDisk {
    return {
      makeFolder: () => undefined,
      list: () => [...this.#files.keys()].map((path) => path.slice(path.lastIndexOf("/") + 1)),
      sizeOf: (path) => this.#find(path).length,
      readWhole: (path) => Buffer.from(contentOf(this.#find(path))),
      writeWhole: (path, bytes) => this.#writeWhole(path, bytes),
      rename: (from, to) => {
        this.#files.set(to, this.#find(from));
        this.#files.delete(from);
      },
      remove: (path) => {
        if (this.#senses.effect("write", 0) < 0) return;
        if (this.#senses.fault.full) this.#room += this.#files.get(path)?.length ?? 0;
        this.#files.delete(path);
      },
      open: (path, flags) => this.#openFile(path, flags),
      write: (fd, bytes, at, length, offset) => this.#write(fd, bytes.subarray(at, at + length), offset),
      truncate: (fd, length) => this.#truncate(fd, length),
      syncAtOnce: (fd) => this.#makeDurable(fd),
      syncData: async (fd) => {
        await this.#senses.pause(this.#senses.random.between(1, 30));
        if (this.#senses.fault.failsToSync) throw errorOf("EIO");
        this.#makeDurable(fd);
      },
      syncFolder: () => this.#senses.pause(1),
      close: (fd) => void this.#open.delete(fd),
      openToRead: (path) => this.#openToRead(path),
      exists: (path) => Promise.resolve(this.#files.has(path)),
    };
  }

  #find(path: string): SimulatedFile {
    const file = this.#files.get(path);
    if (file === undefined) throw errorOf("ENOENT");
    return file;
  }

  #openFile(path: string, flags: "r+" | "w+"): number {
    if (flags === "w+" && this.#senses.effect("write", 0) >= 0) {
      this.#files.set(path, { bytes: Buffer.alloc(256), length: 0, durable: Buffer.alloc(0) });
    }
    const file = this.#files.get(path) ?? { bytes: Buffer.alloc(256), length: 0, durable: Buffer.alloc(0) };
    this.#open.set(++this.#fd, { path, file });
    return this.#fd;
  }

  #write(fd: number, bytes: Buffer, offset: number): number {
    const { path, file } = this.#opened(fd);
    // A disk without room takes what fits, and then says so.
    const { full } = this.#senses.fault;
    if (!full) this.#room = this.#senses.random.between(0, 20);
    const room = full ? Math.min(bytes.length, this.#room) : bytes.length;
    if (room === 0) throw errorOf("ENOSPC");
    if (full) this.#room -= room;
    const part = this.#senses.effect("write", room);
    if (part < 0) return bytes.length;
    if (offset + part > file.bytes.length) {
      const grown = Buffer.alloc(Math.max(file.bytes.length * 2, offset + part));
      file.bytes.copy(grown, 0, 0, file.length);
      file.bytes = grown;
    }
    bytes.copy(file.bytes, offset, 0, part);
    file.length = Math.max(file.length, offset + part);
    this.#senses.wrote(path, offset, bytes.subarray(0, part));
    return part < room ? bytes.length : part;
  }

  #truncate(fd: number, length: number): void {
    if (this.#senses.effect("write", 0) < 0) return;
    const { path, file } = this.#opened(fd);
    file.length = Math.min(file.length, length);
    this.#senses.cut(path, length);
  }

  #writeWhole(path: string, bytes: Buffer): void {
    if (this.#senses.effect("write", 0) < 0) return;
    if (this.#senses.fault.full && this.#room < bytes.length) throw errorOf("ENOSPC");
    if (this.#senses.fault.full) this.#room -= bytes.length;
    this.#files.set(path, { bytes: Buffer.from(bytes), length: bytes.length, durable: Buffer.from(bytes) });
  }

  #makeDurable(fd: number): void {
    if (this.#senses.effect("sync", 0) < 0) return;
    if (this.#senses.fault.lies) return this.#senses.seen("a sync lies");
    const { file } = this.#opened(fd);
    file.durable = Buffer.from(contentOf(file));
  }

  #opened(fd: number): { readonly path: string; readonly file: SimulatedFile } {
    const opened = this.#open.get(fd);
    if (opened === undefined) throw errorOf("EBADF");
    return opened;
  }

  #openToRead(path: string): Promise<ReadableFile> {
    const file = this.#files.get(path);
    if (file === undefined) return Promise.reject(errorOf("ENOENT"));
    return Promise.resolve({
      read: (into, offset) => Promise.resolve(offset < file.length ? contentOf(file).copy(into, 0, offset) : 0),
      close: () => Promise.resolve(),
    });
  }
}

function contentOf(file: SimulatedFile): Buffer {
  return file.bytes.subarray(0, file.length);
}

function errorOf(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
