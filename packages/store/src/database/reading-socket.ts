import { Socket, type OnReadOpts } from "node:net";
import type { Duplex } from "node:stream";

/** A hundred entries of the ledger. Node gives every read 64 KiB of its own, which somebody has to clear away. */
const READ_BYTES = 128 * 1024;
/** What was read, in memory that the next read writes over. Where nobody listens for it, "data" tells of a copy. */
const READ = "read";

const reading = new WeakSet<Duplex>();

/** A socket for megabytes: all that it reads goes through one buffer. */
export function readingSocket(): Socket {
  const onread: OnReadOpts = {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (bytes, buffer) => {
      const read = (buffer as Buffer).subarray(0, bytes);
      if (!socket.emit(READ, read)) socket.emit("data", Buffer.from(read));
      return true;
    },
  };
  const socket = new Socket({ onread });
  reading.add(socket);
  return socket;
}

/** The event by which a stream tells of bytes to somebody who keeps none of them. */
export function readEvent(stream: Duplex): "read" | "data" {
  return reading.has(stream) ? READ : "data";
}
