import type { Server } from "node:http";
import { WAITERS_MAX, type TenantDatabases } from "@tollhouse/store";
import type { Counting } from "../counting/counting.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { TOKEN_COUNTS_MAX, type QueuedTokenCounter } from "../tokens/count-tokens.ts";
import { OPEN_MAX, type OpenChecks } from "../sdk/open-checks.ts";
import { STREAMS_MAX, type LiveEvents } from "../live/live-events.ts";
import type { Settings } from "../settings.ts";
import type { WatchedLoad } from "./watch-load.ts";

/** One thing that a node holds only so much of. */
export interface NodeLimit {
  readonly name: string;
  readonly used: number;
  readonly max: number;
}

export interface NodeLimitParts {
  readonly gateway: Gateway;
  readonly watched: WatchedLoad;
  readonly checks: OpenChecks;
  readonly tokens: QueuedTokenCounter;
  readonly connections: () => number;
  readonly databases: TenantDatabases;
  readonly live: LiveEvents;
  readonly counting: Pick<Counting, "bounds">;
  readonly settings: Settings;
}

/** Every queue and every bound of a node, as they are now. Whoever adds a queue adds its line here. */
export function nodeLimits(parts: NodeLimitParts): readonly NodeLimit[] {
  const { gateway, watched, checks, tokens, connections, databases, live, counting, settings } = parts;
  const { load, state } = gateway;
  return [
    { name: "calls_in_flight", used: state.inFlight, max: load.bounds.callsInFlightMax },
    { name: "calls_of_one_tenant", used: load.largestTenant, max: load.shareMax },
    { name: "body_bytes", used: load.bodyBytes, max: load.bounds.bodyBytesMax },
    { name: "connections", used: connections(), max: settings.connectionsMax },
    { name: "drained_calls", used: state.drains, max: gateway.settings.drainsMax },
    { name: "open_checks", used: checks.size, max: OPEN_MAX },
    { name: "token_counts", used: tokens.unanswered, max: TOKEN_COUNTS_MAX },
    { name: "database_waiters", used: databases.waiting(), max: WAITERS_MAX },
    { name: "event_streams", used: live.size, max: STREAMS_MAX },
    { name: "spool_bytes", used: gateway.spool.state().bytes, max: settings.spoolBytesMax },
    // Without a bound there is none to be near.
    ...(settings.eventLoopLagMs === 0
      ? []
      : [{ name: "event_loop_lag_ms", used: watched.eventLoopLagMs(), max: settings.eventLoopLagMs }]),
    ...counting.bounds(),
  ];
}

/** Open connections of a server, counted as they come and go. */
export function countConnections(server: Server): () => number {
  let open = 0;
  server.on("connection", (socket) => {
    open++;
    socket.once("close", () => open--);
  });
  return () => open;
}
