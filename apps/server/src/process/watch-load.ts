import type { Settings } from "../settings.ts";
import { watchEventLoop } from "./event-loop-watch.ts";
import type { Logger } from "./logger.ts";
import { NodeLoad } from "./node-load.ts";

export interface WatchedLoad {
  readonly load: NodeLoad;
  /** p99 of the last half second. */
  eventLoopLagMs(): number;
  close(): void;
}

/** Whoever has not called for this long, twice at most, is no longer one of those who call. */
const FORGET_IDLE_MS = 30_000;

/** A node's load, with what is found out beside the call path. */
export function watchLoad(settings: Settings, logger: Logger): WatchedLoad {
  const load = new NodeLoad({
    callsInFlightMax: settings.callsInFlightMax,
    bodyBytesMax: settings.bodyBytesInFlightMax,
    tenantSharePercent: settings.tenantSharePercent,
  });
  const eventLoop = watchEventLoop(settings.eventLoopLagMs, (behind) => {
    load.behind = behind;
    if (behind) logger.warning("the event loop is behind: new calls are refused", { lag_ms: eventLoop.lagMs });
    else logger.warning("the event loop keeps up again: new calls are taken");
  });
  const forgetting = setInterval(() => load.forgetIdle(), FORGET_IDLE_MS);
  forgetting.unref();
  return {
    load,
    eventLoopLagMs: () => eventLoop.lagMs,
    close() {
      eventLoop.close();
      clearInterval(forgetting);
    },
  };
}
