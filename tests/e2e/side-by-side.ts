import { expect } from "vitest";
import { startSimulator, type BillLine, type Simulator } from "@tollhouse/simulator";
import {
  startedTollhouse,
  type StartedOptions,
  type StartedTollhouse,
} from "../../packages/testkit/src/started-tollhouse.ts";

/**
 * The real server with the simulator behind it, and a twin of that simulator that is asked directly. What a simulator answers
 * depends on its seed and on how many calls came before, so each call goes to both, in the same order: then every byte has to be
 * the same, ids and times included.
 */
export interface SideBySide extends StartedTollhouse {
  readonly twin: Simulator;
}

export async function sideBySide(options: StartedOptions = {}): Promise<SideBySide> {
  const started = await startedTollhouse(options);
  const twin = await startSimulator({ seed: 1, ...options.simulator });
  return {
    ...started,
    twin,
    stop: async () => {
      await started.stop();
      await twin.close();
    },
  };
}

/** A call as the ledger tells it, through the control API. */
export interface RecordedCall {
  readonly decision: string;
  readonly outcome: "settled" | "released" | "blocked";
  readonly reason_code: string | null;
  readonly model: string;
  readonly status: number | null;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly usage: Readonly<Record<string, number>> | null;
  readonly usage_source: string | null;
  readonly cost: string | null;
}

/** Newest first. `query`: further parameters, such as `session=a`. */
export async function recordedCalls(started: StartedTollhouse, query = ""): Promise<readonly RecordedCall[]> {
  await started.recorded();
  const page = await started.control<{ calls: RecordedCall[] }>("GET", `/api/v1/calls?limit=1000&${query}`);
  return page.calls;
}

/** The one call of that decision; throws where the ledger has none, or two. */
export async function recordedCall(started: StartedTollhouse, decision: string): Promise<RecordedCall> {
  const found = (await recordedCalls(started)).filter((call) => call.decision === decision);
  if (found.length !== 1) throw new Error(`expected one ledger entry of ${decision}, found ${found.length}`);
  return found[0] as RecordedCall;
}

/** The newest line of the provider's own bill. */
export function lastBilled(simulator: Simulator): BillLine {
  const line = simulator.bill().at(-1);
  if (line === undefined) throw new Error("expected a line on the provider's bill");
  return line;
}

/** The call of these answer headers is in the ledger, class by class and to the nano-dollar as the provider billed its last one. */
export async function expectBilled(world: StartedTollhouse, headers: HeadersLike): Promise<RecordedCall> {
  const decision = headers.get("x-tollhouse-decision") ?? "";
  expect(decision).toMatch(/^dec_[0-9a-f]{32}$/);
  const entry = await recordedCall(world, decision);
  const billed = lastBilled(world.simulator);
  const used = Object.fromEntries(Object.entries(entry.usage ?? {}).filter(([, units]) => units > 0));
  expect(used).toEqual(billed.classes);
  expect([entry.outcome, entry.usage_source, entry.cost]).toEqual(["settled", "reported", dollarsOf(billed.costNano)]);
  return entry;
}

interface HeadersLike {
  get(name: string): string | null | undefined;
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Nano-dollars as the ledger writes them. */
export function dollarsOf(nano: bigint): string {
  const text = nano.toString().padStart(10, "0");
  return `${text.slice(0, -9)}.${text.slice(-9)}`;
}

/** Waits for what happens on the other side of a socket; fails with `expectation` after ten seconds. */
export async function until(expectation: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`within ten seconds: ${expectation}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Steers the simulator's answer (packages/simulator/README.md); spread into a request body. */
export function steered(simulator: Readonly<Record<string, unknown>>): {
  readonly simulator: Readonly<Record<string, unknown>>;
} {
  return { simulator };
}
