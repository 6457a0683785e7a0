import { connect, type Socket } from "node:net";

/** A TCP connection that says what no well-behaved client would. */
export interface RawConnection {
  readonly socket: Socket;
  write(text: string | Buffer): void;
  /** Everything the server said so far. */
  text(): string;
  /** Resolves when the server has closed, with everything it said. */
  closed(): Promise<string>;
}

export function rawConnection(address: string): RawConnection {
  const { hostname, port } = new URL(address);
  const parts: Buffer[] = [];
  const socket = connect(Number(port), hostname);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("data", (part: Buffer) => parts.push(part));
  // A server that refuses may close while we still write: what it said is read all the same.
  socket.on("error", () => undefined);
  const text = (): string => Buffer.concat(parts).toString("latin1");
  return {
    socket,
    write: (data) => void socket.write(data),
    text,
    closed: () => closed.then(text),
  };
}

/** A request as bytes. `content-length` is that of `body`, where `headers` has none. */
export function rawRequest(path: string, headers: readonly string[], body: string, method = "POST"): Buffer {
  const length = headers.some((header) => /^(content-length|transfer-encoding):/i.test(header))
    ? []
    : [`content-length: ${Buffer.byteLength(body)}`];
  const host = headers.some((header) => /^host:/i.test(header)) ? [] : ["host: localhost"];
  const head = [`${method} ${path} HTTP/1.1`, ...host, "content-type: application/json", ...length, ...headers];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1");
}
