import { hash as hashOnce } from "node:crypto";
import { ENTRY_FLAGS } from "@tollhouse/ledger";
import type { EntryHead, EntryType } from "@tollhouse/ledger";
import type { ChainRow } from "./chain-rows.ts";
import { Interned } from "./interned.ts";
import { asText, columnAt } from "./projection.ts";
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
export type UsageAxis = (typeof USAGE_AXES)[number];

/** What every row of a roll-up sums. */
export interface UsageSums {
  calls: number;
  released: number;
  blocked: number;
  costUnknown: number;
  // A client can say of one call that it used as many as a number holds exactly.
  inputTokens: bigint;
  outputTokens: bigint;
  costNano: bigint;
}

/** What some rows add to one row of a roll-up. */
export interface UsageDelta extends UsageSums {
  readonly tenant: string;
  /** Or the day, or the hour a month begins at, where the roll-up has those. */
  readonly hour: number;
  readonly rowKey: Uint8Array;
  readonly axes: readonly ColumnValue[];
}

/** Of an hour. The numbers are the batch's own, for what depends on each other: two rows with the same ones have the same axes. */
export interface HourlyDelta extends UsageDelta {
  /** Of its axes. */
  readonly ids: readonly number[];
  readonly groups: UsageGroups;
}

/** Axes that go together in coarser roll-ups. */
export const USAGE_GROUPS = {
  /** The tenant too. */
  place: ["environment"],
  model: ["provider", "model"],
  /** What of the product called. */
  caller: ["key", "agent", "feature", "service", "team"],
  session: ["session"],
  user: ["user_pseudonym"],
  customer: ["customer"],
} as const satisfies Record<string, readonly UsageAxis[]>;
export type UsageGroup = keyof typeof USAGE_GROUPS;
type UsageGroups = { readonly [G in UsageGroup]: number };
/** A number for each axis, in their order. */
type AxisIds = Each<typeof USAGE_AXES>;
type Each<T extends readonly unknown[]> = { readonly [K in keyof T]: number };

const HOUR_US = 3_600_000_000n;
const AXES_AT = USAGE_AXES.map(columnAt);
const BLOCKED_CALLS = columnAt("blocked_calls");
const INPUT_TOKENS = columnAt("input_tokens");
const OUTPUT_TOKENS = columnAt("output_tokens");
const NO_USAGE: ReadonlySet<EntryType> = new Set(["genesis", "admin_action", "key_rotation", "erasure"]);

/** What rows add to the hourly roll-up, as they come. Administration, rotation and erasure add nothing. */
export class HourlySums {
  readonly names = new Interned<ColumnValue>();
  /** Each value as it stands in JSON, by its number. */
  readonly #quoted: (string | undefined)[] = [];
  readonly #named: (string | undefined)[] = [];
  readonly #deltas = new Map<number, HourlyDelta>();

  add({ tenant, entry, projection }: ChainRow): void {
    if (NO_USAGE.has(entry.type)) return;
    const ids = AXES_AT.map((column) => this.names.value(projection[column] ?? null));
    const groups = this.#groupsOf(tenant, ids);
    const hour = Number(entry.timeUs / HOUR_US);
    const id = this.#idOf(groups, hour);
    let delta = this.#deltas.get(id);
    if (delta === undefined) this.#deltas.set(id, (delta = this.#begun(tenant, hour, ids, groups)));
    const calls = callsOf(entry);
    delta.calls += calls;
    if (entry.usageSource === "none") delta.released += calls;
    else if ((entry.flags & ENTRY_FLAGS.costUnknown) !== 0) delta.costUnknown += calls;
    delta.blocked += projection[BLOCKED_CALLS] as number;
    delta.inputTokens += BigInt(projection[INPUT_TOKENS] as number);
    delta.outputTokens += BigInt(projection[OUTPUT_TOKENS] as number);
    delta.costNano += entry.amountNano;
  }

  deltas(): HourlyDelta[] {
    return [...this.#deltas.values()];
  }

  /** No two lists of values read the same: the projection has no text with a NUL. JSON took a third of the recorder's time. */
  nameOf(id: number): string {
    return (this.#named[id] ??= nameOf(this.names.of(id)));
  }

  #groupsOf(tenant: string, ids: readonly number[]): UsageGroups {
    const { names } = this;
    const [environment, provider, model, key, session, agent, feature, service, user, team, customer] = ids as AxisIds;
    const caller = names.pair(names.pair(key, agent), names.pair(feature, service));
    return {
      place: names.pair(names.value(tenant), environment),
      model: names.pair(provider, model),
      caller: names.pair(caller, team),
      session,
      user,
      customer,
    };
  }

  #idOf({ place, model, caller, session, user, customer }: UsageGroups, hour: number): number {
    const { names } = this;
    const who = names.pair(names.pair(session, user), customer);
    return names.pair(names.pair(names.pair(place, names.value(hour)), names.pair(model, caller)), who);
  }

  #begun(tenant: string, hour: number, ids: readonly number[], groups: UsageGroups): HourlyDelta {
    const axes = ids.map((id) => this.names.of(id));
    let name = `["${tenant}","${hour}"`;
    for (const id of ids) name += `,${(this.#quoted[id] ??= JSON.stringify(asText(this.names.of(id))))}`;
    const none = { calls: 0, released: 0, blocked: 0, costUnknown: 0, inputTokens: 0n, outputTokens: 0n, costNano: 0n };
    return { tenant, hour, rowKey: rowKeyOf(`${name}]`), axes, ...none, ids, groups };
  }
}

function nameOf(value: ColumnValue): string {
  return value === null ? "-" : `+${asText(value)}\0`;
}

/** Under which a row is found again: what it is called must not change with a release, or there are two of it. */
export function rowKeyOf(name: string): Uint8Array {
  return Buffer.from(hashOnce("sha256", name, "binary"), "binary").subarray(0, 16);
}

/** Calls that it says were let through; of a correction one that is taken back, or said anew. */
function callsOf({ type, flags }: EntryHead): number {
  if (type === "call_settled" || type === "usage_recorded" || type === "call_released") return 1;
  if (type !== "correction" || (flags & (ENTRY_FLAGS.takenBack | ENTRY_FLAGS.restated)) === 0) return 0;
  return (flags & ENTRY_FLAGS.takenBack) === 0 ? 1 : -1;
}

export function sumsOf(delta: UsageSums): UsageSums {
  const { calls, released, blocked, costUnknown, inputTokens, outputTokens, costNano } = delta;
  return { calls, released, blocked, costUnknown, inputTokens, outputTokens, costNano };
}

export function addSums(sum: UsageSums, delta: UsageSums): void {
  sum.calls += delta.calls;
  sum.released += delta.released;
  sum.blocked += delta.blocked;
  sum.costUnknown += delta.costUnknown;
  sum.inputTokens += delta.inputTokens;
  sum.outputTokens += delta.outputTokens;
  sum.costNano += delta.costNano;
}
