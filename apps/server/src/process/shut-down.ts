import type { Server } from "node:http";
import type { Gateway } from "../gateway/gateway.ts";

export interface ShutDownParts {
  readonly gateway: Gateway;
  readonly server: Server;
  /** Told at once, so that others hear of it. */
  readonly draining?: () => void;
  readonly graceMs: number;
  /** What closes after the last call has its end, in this order; each runs even where one before it failed. */
  readonly steps: readonly (() => Promise<unknown>)[];
}

const POLL_MS = 20;

/** New calls are refused, running ones end within the grace time, the rest are ended and settled; then everything is written out. */
export async function shutDown({ gateway, server, draining, graceMs, steps }: ShutDownParts): Promise<void> {
  gateway.state.closing = true;
  draining?.();
  server.close();
  server.closeIdleConnections();
  await callsEnded(gateway, graceMs);
  for (const exchange of gateway.exchanges)
    exchange.cut("SHUTTING_DOWN", "This node is shutting down; what was made so far is settled", null);
  // Counting what they made is all that is left of them.
  await callsEnded(gateway, 5_000);
  server.closeAllConnections();
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "some parts did not stop cleanly");
}

async function callsEnded(gateway: Gateway, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  while (gateway.state.inFlight > 0 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
