import { constants, fstatSync, openSync, writeSync } from "node:fs";

/** Takes whole lines with their line feed. */
export interface LineSink {
  write(line: string): void;
  /** What is buffered, as far as it goes without waiting. */
  push(): void;
  /** All of it, waiting up to a second for a slow reader. */
  flush(): void;
  close(): void;
}

const STDOUT = 1;
const BLOCK_LENGTH = 32_768;
const FLUSH_INTERVAL_MS = 200;
/** The reader of a pipe is behind: asked again this much later. */
const RETRY_MS = 5;
const LAST_FLUSH_MS = 1_000;
/** A reader that stops must not fill the memory: past this, lines are dropped and counted. */
const BACKLOG_LENGTH_MAX = 16 * 1024 * 1024;

/**
 * Standard output in blocks, without a thread: a write of 32 KiB to a pipe that is read takes some 10 µs, and what was
 * written before `process.exit` is written. (pino's destination loses the block in flight there, and measures its whole
 * buffer anew at each line: 15 µs a line at 64 KiB.) A pipe that is not read never blocks the event loop.
 */
export function stdoutSink(): LineSink {
  const descriptor = openStdout();
  let waiting = "";
  let rest: Buffer | null = null;
  let dropped = 0;
  let broken = false;
  let retry: NodeJS.Timeout | null = null;

  /** True where nothing is left to write. */
  function drain(): boolean {
    while (rest !== null || waiting !== "") {
      const block: Buffer = rest ?? Buffer.from(waiting);
      if (rest === null) waiting = "";
      rest = block;
      try {
        const written = writeSync(descriptor, block);
        rest = written < block.length ? block.subarray(written) : null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
        // Nobody reads any more (`tollhouse | head`): the gateway goes on without a log rather than end calls for it.
        broken = true;
        rest = null;
        waiting = "";
      }
    }
    return true;
  }

  function push(): void {
    if (broken) return;
    if (drain()) tellDropped();
    else retry ??= setTimeout(tryAgain, RETRY_MS).unref();
  }

  function tryAgain(): void {
    retry = null;
    push();
  }

  function tellDropped(): void {
    if (dropped === 0) return;
    const text = `"message":"log lines were dropped, because standard output was not read","dropped":${dropped}`;
    dropped = 0;
    waiting += `{"timestamp":"${new Date().toISOString()}","level":"warning",${text}}\n`;
  }

  function flush(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waitedMs = 0; !broken && !drain() && waitedMs < LAST_FLUSH_MS; waitedMs += RETRY_MS)
      Atomics.wait(pause, 0, 0, RETRY_MS);
    tellDropped();
    if (!broken) drain();
  }

  const timer = setInterval(push, FLUSH_INTERVAL_MS).unref();
  return {
    write(line) {
      if (broken) return;
      if (waiting.length >= BACKLOG_LENGTH_MAX) {
        dropped += 1;
        return;
      }
      waiting += line;
      if (rest === null && waiting.length >= BLOCK_LENGTH) push();
    },
    push,
    flush,
    close() {
      clearInterval(timer);
      flush();
    },
  };
}

/**
 * A pipe is opened once more, for writes that do not block. A file is not: a second descriptor would have its own position,
 * and overwrite what others write to the first.
 */
function openStdout(): number {
  try {
    if (fstatSync(STDOUT).isFIFO()) return openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // No /proc, or not permitted: the descriptor as it is, which may block.
  }
  return STDOUT;
}
