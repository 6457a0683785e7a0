import { once } from "node:events";
import { residentMib } from "./process-times.ts";

/** What a process needs, told apart from what its collector has not cleared away yet. MiB. */
export interface LiveMemory {
  /** Resident as it was. */
  readonly residentBefore: number;
  /** Resident after a collection in every thread. */
  readonly resident: number;
  /** Live objects on the heap of the main thread, and of the workers together. */
  readonly heap: number;
  readonly workersHeap: number;
}

export interface MemoryProbe {
  read(): Promise<LiveMemory>;
  close(): void;
}

type Answer = { readonly [name: string]: unknown };
type Send = (method: string, params?: Answer) => Promise<Answer>;

const MIB = 1024 * 1024;
const ANSWER_MS_MAX = 30_000;

/** Speaks to the inspector of a process that was started with `--inspect=127.0.0.1:<port>`. */
export async function openMemoryProbe(pid: number, port: number): Promise<MemoryProbe> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as [{ webSocketDebuggerUrl: string }];
  const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
  await once(socket, "open");
  const main = conversation((text) => socket.send(text));
  const workers = new Map<string, Conversation>();
  socket.addEventListener("message", ({ data }) => {
    const told = JSON.parse(String(data)) as Told;
    const { sessionId = "", message = "" } = told.params ?? {};
    if (told.method === "NodeWorker.attachedToWorker")
      workers.set(
        sessionId,
        conversation((text) => void main.send("NodeWorker.sendMessageToWorker", { sessionId, message: text })),
      );
    else if (told.method === "NodeWorker.receivedMessageFromWorker")
      workers.get(sessionId)?.hear(JSON.parse(message) as Told);
    else main.hear(told);
  });
  await main.send("NodeWorker.enable", { waitForDebuggerOnStart: false });
  return {
    async read() {
      const residentBefore = residentMib(pid);
      const heap = await liveHeap(main.send);
      let workersHeap = 0;
      for (const worker of workers.values()) workersHeap += await liveHeap(worker.send);
      return { residentBefore, resident: residentMib(pid), heap, workersHeap };
    },
    close: () => socket.close(),
  };
}

/** A second collection takes what finalizers let go in the first. */
async function liveHeap(send: Send): Promise<number> {
  await send("HeapProfiler.collectGarbage");
  await send("HeapProfiler.collectGarbage");
  return ((await send("Runtime.getHeapUsage"))["usedSize"] as number) / MIB;
}

interface Told {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly message?: string };
  readonly result?: Answer;
  readonly error?: { readonly message: string };
}

interface Conversation {
  readonly send: Send;
  hear(told: Told): void;
}

function conversation(write: (text: string) => void): Conversation {
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();
  let last = 0;
  return {
    send: (method, params = {}) => {
      const answer = Promise.withResolvers<Answer>();
      const timer = setTimeout(() => answer.reject(new Error(`${method}: no answer`)), ANSWER_MS_MAX);
      waiting.set(++last, answer);
      write(JSON.stringify({ id: last, method, params }));
      return answer.promise.finally(() => clearTimeout(timer));
    },
    hear: ({ id, result, error }) => {
      if (id === undefined) return;
      if (error === undefined) waiting.get(id)?.resolve(result ?? {});
      else waiting.get(id)?.reject(new Error(error.message));
      waiting.delete(id);
    },
  };
}
