import { parentPort } from "node:worker_threads";
import { countTokens, setMergeCacheSize } from "gpt-tokenizer/encoding/o200k_base";
import { splitRuns } from "./split-runs.ts";

/** A question to the worker. `expiresAtMs` is on the clock of `performance.timeOrigin + performance.now()`. */
export interface CountJob {
  readonly id: number;
  readonly texts: readonly string[];
  readonly expiresAtMs: number;
}

/** `tokens` is null where the time was up, so that a job nobody waits for does not delay the next. */
export interface CountAnswer {
  readonly id: number;
  readonly tokens: number | null;
}

/** Any user can type `<|endoftext|>`: to the provider it is text, and here it must not throw. */
const PLAIN = { disallowedSpecial: new Set<string>() };

// The library's 100,000 cached words, each up to RUN_LENGTH_MAX long, would be 100 MB of hostile words.
setMergeCacheSize(20_000);

parentPort?.on("message", (job: CountJob) => {
  parentPort?.postMessage({ id: job.id, tokens: countJob(job) } satisfies CountAnswer);
});

function countJob(job: CountJob): number | null {
  let tokens = 0;
  for (const text of job.texts) {
    for (const piece of splitRuns(text)) {
      if (performance.timeOrigin + performance.now() > job.expiresAtMs) return null;
      tokens += countTokens(piece, PLAIN);
    }
  }
  return tokens;
}
