import { Worker } from "node:worker_threads";
import type { CountAnswer, CountJob } from "./tokenizer-worker.ts";

export interface TokenCounter {
  /**
   * Tokens of the texts together in o200k_base, never fewer, and exact but for unbroken runs longer than 1,000 characters.
   * Null where it took longer than `deadlineMs` from now, where too much is waiting, or after `close`: the caller then uses
   * its byte bound. Never rejects. The first count starts the worker thread and takes about 200 ms longer.
   */
  count(texts: readonly string[], deadlineMs: number): Promise<number | null>;
  /** Ends the worker; whoever still waits gets null. */
  close(): Promise<void>;
}

export interface QueuedTokenCounter extends TokenCounter {
  /** Counts handed to the worker and not answered. */
  readonly unanswered: number;
}

interface Waiting {
  readonly resolve: (tokens: number | null) => void;
  readonly timer: NodeJS.Timeout;
}

/** Jobs handed to the worker and not answered. At 2 ms for 100 KB the last of them waits about a tenth of a second. */
export const TOKEN_COUNTS_MAX = 64;
/** Handing a text to the thread copies it on the event loop, about 1 ms a MiB: a longer one is not worth the wait. */
const CHARACTERS_MAX = 8 * 1024 * 1024;
/** The vocabulary takes about 70 MB, counting about as much again. */
const WORKER_HEAP_MIB = 256;

export function createTokenCounter(): QueuedTokenCounter {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let lastId = 0;
  /** Jobs in the worker, expired ones included: their answer is still to come. */
  let unanswered = 0;
  let closed = false;

  function end(id: number, tokens: number | null): void {
    const entry = waiting.get(id);
    if (entry === undefined) return;
    waiting.delete(id);
    clearTimeout(entry.timer);
    entry.resolve(tokens);
  }

  /** The thread is gone: out of memory, or a bug in it. Whoever waits falls back, and the next count starts a new one. */
  function forget(gone: Worker): void {
    if (worker !== gone) return;
    worker = null;
    unanswered = 0;
    for (const id of waiting.keys()) end(id, null);
  }

  function start(): Worker {
    const file = import.meta.url.endsWith(".ts") ? "./tokenizer-worker.ts" : "./tokenizer-worker.js";
    const started = new Worker(new URL(file, import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    });
    started.unref();
    started.on("message", (answer: CountAnswer) => {
      unanswered -= 1;
      end(answer.id, answer.tokens);
    });
    started.on("error", () => forget(started));
    started.on("exit", () => forget(started));
    return started;
  }

  return {
    get unanswered() {
      return unanswered;
    },
    count(texts, deadlineMs) {
      const characters = texts.reduce((sum, text) => sum + text.length, 0);
      if (characters === 0) return Promise.resolve(0);
      if (closed || deadlineMs <= 0 || characters > CHARACTERS_MAX || unanswered >= TOKEN_COUNTS_MAX)
        return Promise.resolve(null);
      try {
        worker ??= start();
      } catch {
        // No thread to be had (the machine's limit): the byte bound stands.
        return Promise.resolve(null);
      }
      const id = ++lastId;
      const expiresAtMs = performance.timeOrigin + performance.now() + deadlineMs;
      unanswered += 1;
      const { promise, resolve } = Promise.withResolvers<number | null>();
      waiting.set(id, { resolve, timer: setTimeout(end, deadlineMs, id, null) });
      worker.postMessage({ id, texts, expiresAtMs } satisfies CountJob);
      return promise;
    },
    async close() {
      closed = true;
      const running = worker;
      if (running === null) return;
      forget(running);
      await running.terminate();
    },
  };
}
