import { monitorEventLoopDelay } from "node:perf_hooks";

export interface EventLoopWatch {
  /** p99 of the last window, milliseconds beyond what was asked for. */
  readonly lagMs: number;
  close(): void;
}

const RESOLUTION_MS = 10;
const WINDOW_MS = 500;
/** Together a second. One spike (a large garbage collection, a machine that slept) is in one window alone, however long it is. */
const WINDOWS_BEHIND = 2;

/** Tells `changed` when the event loop is behind, and when it is not any more. The histogram counts in C++; reading it is what costs. */
export function watchEventLoop(lagMsMax: number, changed: (behind: boolean) => void): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const judge = createLagJudge(lagMsMax, changed);
  let lagMs = 0;
  const timer = setInterval(() => {
    // Without a tick in the window there is nothing to say of it.
    lagMs = histogram.count === 0 ? 0 : Math.max(0, histogram.percentile(99) / 1e6 - RESOLUTION_MS);
    histogram.reset();
    judge(lagMs);
  }, WINDOW_MS);
  timer.unref();
  return {
    get lagMs() {
      return lagMs;
    },
    close() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}

/** Takes the lag of one window after the other. `lagMsMax`: 0 = never behind. */
export function createLagJudge(lagMsMax: number, changed: (behind: boolean) => void): (lagMs: number) => void {
  let over = 0;
  let behind = false;
  return (lagMs) => {
    over = lagMsMax > 0 && lagMs > lagMsMax ? over + 1 : 0;
    if (behind === over >= WINDOWS_BEHIND) return;
    behind = !behind;
    changed(behind);
  };
}
