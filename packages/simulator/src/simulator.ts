import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Bill, type BillLine } from "./bill.ts";
import { handleControl } from "./control.ts";
import { Exchange } from "./exchange.ts";
import { FaultPlan } from "./fault-plan.ts";
import type { Fault } from "./fault.ts";
import { Models } from "./model.ts";
import type { ModelPrice } from "./price-table.ts";
import { routeOf } from "./route.ts";

export interface SimulatorOptions {
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 1. Two simulators behind one gateway need two seeds: response ids come from it. */
  readonly seed?: number;
  /** Share (0 … 1) of the calls that a seeded fault befalls. Default 0. */
  readonly faultRate?: number;
  /** Generated tokens a second of each call; null (the default) = as fast as possible. */
  readonly tokensPerSecond?: number | null;
  /** Words in each streamed chunk. Default 1. */
  readonly chunkTokens?: number;
  /** File that every start and end of a call is appended to before the call goes on. */
  readonly billFile?: string;
  /** Lines kept in memory (default 1,000,000); calls beyond it are only summed, and `bill()` then throws. */
  readonly billLinesMax?: number;
  /** Further models, or other prices for known ones. */
  readonly models?: Readonly<Record<string, ModelPrice>>;
}

export interface Simulator {
  /** `http://host:port`, without a path. */
  readonly url: string;
  readonly port: number;
  /** Ended calls, refused ones included, in the order of their ends. */
  bill(): readonly BillLine[];
  /** By the id in the answer (or the request id where the answer has none). */
  billOf(responseId: string): BillLine | null;
  billedNano(): bigint;
  /** Calls that arrived, refused ones included; model lists are no calls. */
  calls(): number;
  /** Calls whose answer has begun and not ended. */
  inFlight(): number;
  /** The credential that the last call of this id carried. */
  credentialOf(callId: string): string | null;
  /** `match`: a call id, tag, model, endpoint or provider; null = every call. */
  setFault(match: string | null, fault: Fault): void;
  /** Forgets faults and bill. Sequence numbers go on, so no response id ever comes twice. */
  clear(): void;
  /** Destroys open connections, ends their calls as aborted, and frees the port. */
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 60_000;

/** Starts the simulator. Rejects if the port is taken or the bill file cannot be opened. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const seed = options.seed ?? 1;
  const host = options.host ?? "127.0.0.1";
  const chunkTokens = options.chunkTokens ?? 1;
  if (!Number.isSafeInteger(chunkTokens) || chunkTokens < 1) {
    throw new RangeError(`chunkTokens ${String(chunkTokens)}: expected a whole number from 1 on`);
  }
  const bill = new Bill(options.billLinesMax ?? 1_000_000, options.billFile ?? null);
  const faults = new FaultPlan(seed, options.faultRate ?? 0);
  const settings = { seed, tokensPerSecond: options.tokensPerSecond ?? null, chunkTokens };
  const exchange = new Exchange(settings, new Models(options.models ?? {}), bill, faults);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    receive(request, response, (raw) => serve(exchange, request, response, raw));
  });
  const port = await listen(server, options.port ?? 0, host);
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${String(port)}`,
    port,
    bill: () => bill.all(),
    billOf: (responseId) => bill.of(responseId),
    billedNano: () => bill.billedNano(),
    calls: () => bill.calls(),
    inFlight: () => bill.inFlight(),
    credentialOf: (callId) => bill.credentialOf(callId),
    setFault: (match, fault) => faults.set(match, fault),
    clear: () => {
      faults.clear();
      bill.clear();
    },
    close: () => close(server, bill),
  };
}

function serve(exchange: Exchange, request: IncomingMessage, response: ServerResponse, raw: Buffer): void {
  const url = request.url ?? "/";
  if (url.startsWith("/simulator/")) {
    handleControl(exchange.bill, exchange.faults, request, response, raw);
    return;
  }
  const route = routeOf(url, request.headers["anthropic-version"] !== undefined);
  exchange.handle(route, request, response, raw);
}

/** A client that leaves before its request is whole has called nobody. */
function receive(request: IncomingMessage, response: ServerResponse, serveBody: (raw: Buffer) => void): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => serveBody(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)));
  request.on("error", () => response.destroy());
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function close(server: Server, bill: Bill): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      bill.close();
      if (error === undefined) resolve();
      else reject(error);
    });
    server.closeAllConnections();
  });
}
