import { ENTRY_FLAGS } from "@tollhouse/ledger";
import type { Entry } from "@tollhouse/ledger";
import type { ChainRow } from "./chain-rows.ts";
import { sha256 } from "./ledger-keys.ts";
import { asText, columnOf } from "./projection.ts";
import type { ColumnValue } from "./projection.ts";

/** Axes of the hourly roll-up, in the order of `upsert-usage-hourly.sql`. */
export const USAGE_AXES = [
  "environment",
  "provider",
  "model",
  "key",
  "session",
  "agent",
  "feature",
  "service",
  "user_pseudonym",
  "team",
  "customer",
] as const;

export interface UsageDelta {
  readonly tenant: string;
  readonly hour: bigint;
  readonly rowKey: Uint8Array;
  readonly axes: readonly ColumnValue[];
  calls: bigint;
  released: bigint;
  blocked: bigint;
  costUnknown: bigint;
  inputTokens: bigint;
  outputTokens: bigint;
  costNano: bigint;
}

export interface CounterSumDelta {
  readonly tenant: string;
  readonly limitId: string;
  readonly windowId: string;
  settled: bigint;
  lastMs: bigint;
}

const HOUR_US = 3_600_000_000n;

/** What these rows add to the hourly roll-up. Administration, rotation and erasure add nothing. */
export function usageDeltas(rows: readonly ChainRow[]): UsageDelta[] {
  const deltas = new Map<string, UsageDelta>();
  for (const row of rows) {
    if (!countsAsUsage(row)) continue;
    const hour = row.entry.timeUs / HOUR_US;
    const axes = USAGE_AXES.map((axis) => columnOf(row.projection, axis));
    const name = JSON.stringify([row.tenant, String(hour), ...axes.map(asText)]);
    let delta = deltas.get(name);
    if (!delta) deltas.set(name, (delta = emptyUsage(row.tenant, hour, axes, name)));
    addUsage(delta, row);
  }
  return [...deltas.values()];
}

/** What these rows settle on each counter. */
export function counterDeltas(rows: readonly ChainRow[]): CounterSumDelta[] {
  const deltas = new Map<string, CounterSumDelta>();
  for (const { tenant, entry, fields } of rows) {
    const timeMs = entry.timeUs / 1000n;
    for (const { limitId, windowId, amount } of fields.counters ?? []) {
      const name = `${tenant}\0${limitId}\0${windowId}`;
      let delta = deltas.get(name);
      if (!delta) deltas.set(name, (delta = { tenant, limitId, windowId, settled: 0n, lastMs: timeMs }));
      delta.settled += amount;
      if (timeMs > delta.lastMs) delta.lastMs = timeMs;
    }
  }
  return [...deltas.values()];
}

function countsAsUsage({ entry }: ChainRow): boolean {
  return !["genesis", "admin_action", "key_rotation", "erasure"].includes(entry.type);
}

function emptyUsage(tenant: string, hour: bigint, axes: readonly ColumnValue[], name: string): UsageDelta {
  const rowKey = sha256(Buffer.from(name)).subarray(0, 16);
  const none = { calls: 0n, released: 0n, blocked: 0n, costUnknown: 0n };
  return { tenant, hour, rowKey, axes, ...none, inputTokens: 0n, outputTokens: 0n, costNano: 0n };
}

/** Calls that it says were let through; of a correction one that is taken back, or said anew. */
function callsOf({ type, flags }: Entry): bigint {
  if (type === "call_settled" || type === "usage_recorded" || type === "call_released") return 1n;
  if (type !== "correction" || (flags & (ENTRY_FLAGS.takenBack | ENTRY_FLAGS.restated)) === 0) return 0n;
  return (flags & ENTRY_FLAGS.takenBack) === 0 ? 1n : -1n;
}

function addUsage(delta: UsageDelta, { entry, projection }: ChainRow): void {
  const calls = callsOf(entry);
  delta.calls += calls;
  if (entry.usageSource === "none") delta.released += calls;
  else if ((entry.flags & ENTRY_FLAGS.costUnknown) !== 0) delta.costUnknown += calls;
  delta.blocked += BigInt(columnOf(projection, "blocked_calls") as number);
  delta.inputTokens += BigInt(columnOf(projection, "input_tokens") as number);
  delta.outputTokens += BigInt(columnOf(projection, "output_tokens") as number);
  delta.costNano += entry.amountNano;
}
