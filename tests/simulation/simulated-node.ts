import type { IncomingMessage, ServerResponse } from "node:http";
import type { Pool } from "undici";
import { createLimitSnapshot, type Limit } from "@tollhouse/engine";
import {
  loadRecorderState,
  openSpool,
  recordedCalls,
  recoverSpool,
  type MemoryCounterStore,
  type Position,
  type Spool,
} from "@tollhouse/store";
import { RecorderLoop } from "../../packages/store/src/ledger/recorder-loop.ts";
import type { SpoolDisk } from "../../packages/store/src/spool/spool-disk.ts";
import { handleCall } from "../../apps/server/src/gateway/call.ts";
import type { Gateway } from "../../apps/server/src/gateway/gateway.ts";
import { sampleGateway } from "../../apps/server/src/gateway/sample-call.ts";
import { settleLeftCalls } from "../../apps/server/src/gateway/settle-left-calls.ts";
import { createTargetFinder, createUpstream } from "../../apps/server/src/gateway/upstreams.ts";
import { loadCounters } from "../../apps/server/src/limits/load-counters.ts";
import type { Logger } from "../../apps/server/src/process/logger.ts";
import type { Random } from "../chaos/random.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import type { SimulatedDatabase } from "./simulated-database.ts";
import type { SimulatedProvider } from "./simulated-provider.ts";
import type { Owner } from "./virtual-time.ts";

export interface NodeParts {
  readonly owner: Owner;
  readonly random: Random;
  readonly disk: SpoolDisk;
  readonly database: SimulatedDatabase;
  readonly provider: SimulatedProvider;
  readonly limits: readonly Limit[];
  readonly sync: "interval" | "always";
  readonly bytesMax: number;
  readonly bug: PlantedBug;
  readonly pause: (ms: number) => Promise<void>;
  readonly seen: (what: string) => void;
  /** What no run may show: a bug that the gateway names itself, an outcome that the recorder cannot place. */
  readonly broken: (what: string) => void;
}

const MASTER_KEY = new Uint8Array(32).fill(7);

/** One process from its start to its end, wired as `apps/server/src/tollhouse.ts` does; what is not simulated is the product's own. */
export class SimulatedNode {
  readonly owner: Owner;
  readonly gateway: Gateway;
  readonly counters: MemoryCounterStore;
  readonly spool: Spool;
  readonly #recorder: SimulatedRecorder;
  readonly #serve: (req: IncomingMessage, res: ServerResponse) => void;

  private constructor(parts: NodeParts, spool: Spool, counters: MemoryCounterStore, recorder: SimulatedRecorder) {
    this.owner = parts.owner;
    this.spool = spool;
    this.counters = counters;
    this.#recorder = recorder;
    this.gateway = gatewayOf(parts, spool, counters);
    this.#serve = serveWith(this.gateway, parts);
  }

  static async start(parts: NodeParts): Promise<SimulatedNode> {
    const { disk, database, sync, bytesMax, bug } = parts;
    const now = clock();
    const opened = await openSpool({ dir: "/spool", disk, sync, bytesMax, segmentBytes: 6_000 });
    const spool = bug.spool?.(opened) ?? opened;
    if (opened.state().tornBytes > 0) parts.seen("a torn last frame is cut at the start");
    const state = await loadRecorderState(database, spool.node);
    const recovered = await recoverSpool(spool, state, now(), (left) => recordedCalls(database, left));
    const recorder = new SimulatedRecorder(parts, spool);
    await recorder.drained();
    const store = await loadCounters(database, now(), SILENT);
    const node = new SimulatedNode(parts, spool, bug.counters?.(store) ?? store, recorder);
    const settled = await settleLeftCalls(node.gateway, recovered.calls, store);
    if (settled.length > 0) parts.seen("open calls are settled at a start");
    bug.seed?.(store, settled);
    return node;
  }

  serve(req: IncomingMessage, res: ServerResponse): void {
    this.#serve(req, res);
  }

  drained(): Promise<void> {
    return this.#recorder.drained();
  }
}

/** `Recorder` without its thread: the same loop, told and heard without messages. */
class SimulatedRecorder {
  readonly #loop: RecorderLoop;
  readonly #spool: Spool;
  readonly #waiting = new Map<number, () => void>();
  #next = 0;

  constructor({ disk, database, seen, broken }: NodeParts, spool: Spool) {
    this.#spool = spool;
    const options = {
      dir: spool.dir,
      node: spool.node,
      databaseUrl: "",
      written: spool.written,
      masterKey: MASTER_KEY,
      keepReadable: false,
      role: undefined,
    };
    const db = { query: database.query.bind(database), transaction: database.transaction.bind(database) };
    const connect = (): ReturnType<RecorderConnect> => Promise.resolve({ ...db, close: () => Promise.resolve() });
    const reports = {
      progress: ({ start }: { start: Position }) => spool.passed(start),
      drained: (id: number) => this.#waiting.get(id)?.(),
      trouble: (message: string) =>
        message.includes("no open intent") ? broken(message) : seen("the recorder tries again"),
    };
    this.#loop = new RecorderLoop(options, reports, {
      disk,
      connect: connect as RecorderConnect,
      // A backlog of a few calls is many batches: the next one is made while one is written, fails, or is lost.
      batchFrames: 8,
    });
    this.#loop.run().catch((error: unknown) => broken(`the recorder ended: ${String(error)}`));
  }

  drained(): Promise<void> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#loop.drain({ id, position: this.#spool.end(), withOpenCalls: false });
    });
  }
}

type RecorderConnect = NonNullable<ConstructorParameters<typeof RecorderLoop>[2]>["connect"];

const SILENT = { error: () => undefined, warning: () => undefined, info: () => undefined } as unknown as Logger;

/** Wall-clock milliseconds that never go backwards, as the server's. */
function clock(): () => number {
  let last = 0;
  return () => (last = Math.max(last, Date.now()));
}

const UPSTREAM = createUpstream({
  name: "openai",
  dialect: "openai",
  baseUrl: "http://127.0.0.1:9/v1",
  apiKey: "sk-simulated",
  auth: "bearer",
  headersTimeoutMs: 60_000,
  chunkTimeoutMs: 60_000,
});

function gatewayOf(parts: NodeParts, spool: Spool, store: MemoryCounterStore): Gateway {
  const { limits, random, pause, seen, broken } = parts;
  const snapshot = createLimitSnapshot({ version: 1, limits, defaultSessionBudget: null });
  const tokens = {
    count: async (texts: readonly string[], deadlineMs: number) => {
      const late = random.next() < 0.05;
      await pause(late ? deadlineMs : random.between(1, 10));
      if (late) seen("the tokenizer is too late");
      return late ? null : Math.ceil(Buffer.byteLength(texts.join("")) / 4);
    },
    close: () => Promise.resolve(),
  };
  const counters = repeating(store, random, broken);
  return {
    ...sampleGateway({ spool, tokens, limits: () => snapshot }),
    settings: {
      bodyBytesMax: 1024 * 1024,
      bodyTimeoutMs: 60_000,
      drainsMax: 3,
      drainMs: 1_500,
      answerBytesMax: 1024 * 1024,
      failMode: "closed",
    },
    countersOf: () => counters,
    failed: (error) => {
      // Reported numbers that no account can hold are named by the gateway, and settled at what was reserved.
      broken(`the gateway failed: ${String(error)}`);
    },
    now: clock(),
  };
}

/** As over a network that repeats what it was asked: a verb said twice answers and does what it did once. */
function repeating(store: MemoryCounterStore, random: Random, broken: (what: string) => void): MemoryCounterStore {
  const again = (): boolean => random.next() < 0.1;
  const verbs: Pick<MemoryCounterStore, "reserve" | "extend" | "settle" | "release" | "read" | "room" | "add"> = {
    reserve: (id, limits, amounts, nowMs) => {
      const first = store.reserve(id, limits, amounts, nowMs);
      if (first.outcome === "reserved" && again() && store.reserve(id, limits, amounts, nowMs).outcome !== "reserved")
        broken(`${id}: reserved, and refused when asked again`);
      return first;
    },
    extend: (id, more) => store.extend(id, more),
    settle: (id, used) => {
      const first = store.settle(id, used);
      if (again() && String(store.settle(id, used).map(amountOf)) !== String(first.map(amountOf)))
        broken(`${id}: settled again with another answer`);
      return first;
    },
    release: (id) => {
      store.release(id);
      if (again()) store.release(id);
    },
    read: (limit, nowMs) => store.read(limit, nowMs),
    room: (limits, nowMs) => store.room(limits, nowMs),
    add: (limit, atMs, used) => store.add(limit, atMs, used),
  };
  return verbs as MemoryCounterStore;
}

function amountOf({ amount }: { readonly amount: bigint }): bigint {
  return amount;
}

function serveWith(
  gateway: Gateway,
  { provider, bug, broken }: NodeParts,
): (req: IncomingMessage, res: ServerResponse) => void {
  const pool = { dispatch: provider.dispatch.bind(provider) } as unknown as Pool;
  const adapter = bug.adapter?.(UPSTREAM.adapter) ?? UPSTREAM.adapter;
  const target = createTargetFinder(new Map([["openai", { ...UPSTREAM, adapter, pool }]]))("/v1/chat/completions");
  const route = target?.upstream.adapter.route(target.path) ?? null;
  if (target === null || route === null) throw new Error("the simulated provider has no route");
  return (req, res) =>
    void handleCall(gateway, target, route, req, res).catch((error: unknown) => {
      if (!(req.destroyed && !req.complete)) broken(`a call threw: ${String(error)}`);
    });
}
