import { once } from "node:events";
import { connect, createServer, type AddressInfo, type NetConnectOpts, type Socket } from "node:net";

/**
 * What the network between a client and its server does from now on.
 *
 * - `latency`: every byte comes so much later, in each direction, in its order.
 * - `bandwidth`: so many bytes a second go through each connection, in each direction.
 * - `cut`: connections are broken, and new ones too.
 * - `silent`: connections stay, or are taken, and nothing moves (half open). What was sent meanwhile arrives late, once this is over.
 * - `answers_lost`: what is asked arrives and is done; no answer comes back, ever. With `after`, on each connection from the moment on at
 *   which that text is asked. Such a connection is broken once this is over.
 */
export type NetworkFault =
  | { readonly kind: "latency"; readonly ms: number }
  | { readonly kind: "bandwidth"; readonly bytesPerSecond: number }
  | { readonly kind: "cut" }
  | { readonly kind: "silent" }
  | { readonly kind: "answers_lost"; readonly after?: string };

/** A network of one hop that does what a test says: stands before Redis or PostgreSQL, and knows nothing of what it carries. */
export interface FaultProxy {
  readonly port: number;
  /** Connections from clients that stand now. */
  readonly connections: number;
  /** Bytes of answers that were lost since the start. */
  readonly lostBytes: number;
  /** Null: the network is well again. */
  set(fault: NetworkFault | null): void;
  close(): Promise<void>;
}

/** How long a connection that is slowed down waits between two pieces. */
const PIECE_MS = 20;

/** `target` is where the server listens: a port of the loopback, or the path of its socket. */
export async function faultProxy(target: NetConnectOpts): Promise<FaultProxy> {
  const links = new Set<Link>();
  const now: Network = { fault: null, lostBytes: 0 };
  const server = createServer({ noDelay: true }, (client) => {
    const link = new Link(client, connect(target), now, () => links.delete(link));
    links.add(link);
    link.changed();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return links.size;
    },
    get lostBytes() {
      return now.lostBytes;
    },
    set: (fault) => {
      now.fault = fault;
      for (const link of links) link.changed();
    },
    close: async () => {
      for (const link of links) link.break();
      server.close();
      await once(server, "close");
    },
  };
}

interface Network {
  fault: NetworkFault | null;
  lostBytes: number;
}

/** One connection of a client, and the one to the server behind it. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #network: Network;
  readonly #asked: Flow;
  readonly #answered: Flow;
  #losing = false;

  constructor(client: Socket, server: Socket, network: Network, closed: () => void) {
    this.#client = client;
    this.#server = server;
    this.#network = network;
    this.#asked = new Flow(server, network);
    this.#answered = new Flow(client, network);
    client.on("data", (piece) => this.#ask(piece));
    server.on("data", (piece) => this.#answer(piece));
    for (const socket of [client, server]) {
      socket.on("error", () => this.#ended());
      socket.on("end", () => this.#ended());
      socket.on("close", () => {
        this.#ended();
        if (client.closed && server.closed) closed();
      });
    }
  }

  changed(): void {
    const { fault } = this.#network;
    if (fault?.kind === "cut" || (this.#losing && fault?.kind !== "answers_lost")) return this.break();
    this.#lose("");
    this.#asked.changed();
    this.#answered.changed();
  }

  break(): void {
    this.#asked.stop();
    this.#answered.stop();
    this.#client.resetAndDestroy();
    // It may be a Unix socket, and those know no reset.
    this.#server.destroy();
  }

  #ask(piece: Buffer): void {
    this.#lose(piece);
    this.#asked.take(piece);
  }

  /** From this piece on, where it is one that the fault waits for. */
  #lose(asked: Buffer | ""): void {
    const { fault } = this.#network;
    if (fault?.kind === "answers_lost" && asked.includes(fault.after ?? "")) this.#losing = true;
  }

  #answer(piece: Buffer): void {
    if (this.#losing) this.#network.lostBytes += piece.length;
    else this.#answered.take(piece);
  }

  /** One side has gone. What it had sent goes through first; a silent network tells the other side nothing, for now. */
  #ended(): void {
    this.#asked.whenEmpty(() => this.#server.destroySoon());
    this.#answered.whenEmpty(() => this.#client.destroySoon());
  }
}

/** One direction of a connection: pieces in their order, each held until its time has come. */
class Flow {
  readonly #to: Socket;
  readonly #network: Network;
  readonly #waiting: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #last: (() => void) | null = null;

  constructor(to: Socket, network: Network) {
    this.#to = to;
    this.#network = network;
  }

  take(bytes: Buffer): void {
    const { fault } = this.#network;
    const lateMs = fault?.kind === "latency" ? fault.ms : 0;
    this.#waiting.push({ bytes, dueMs: performance.now() + lateMs });
    this.#move();
  }

  changed(): void {
    this.#move();
  }

  stop(): void {
    this.#waiting.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  whenEmpty(last: () => void): void {
    this.#last = last;
    this.#move();
  }

  #move(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { fault } = this.#network;
    if (fault?.kind === "silent") return;
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const leftMs = next.dueMs - performance.now();
      if (leftMs > 0) return this.#again(leftMs);
      this.#waiting.shift();
      const rest = this.#write(next.bytes);
      if (rest === null) continue;
      this.#waiting.unshift({ bytes: rest, dueMs: performance.now() + PIECE_MS });
    }
    this.#last?.();
  }

  /** What may not go yet; null = it is written. */
  #write(bytes: Buffer): Buffer | null {
    const { fault } = this.#network;
    const most = fault?.kind === "bandwidth" ? Math.max(1, (fault.bytesPerSecond * PIECE_MS) / 1_000) : bytes.length;
    if (!this.#to.destroyed) this.#to.write(bytes.subarray(0, most));
    return most < bytes.length ? bytes.subarray(most) : null;
  }

  #again(ms: number): void {
    this.#timer = setTimeout(() => this.#move(), ms);
  }
}
