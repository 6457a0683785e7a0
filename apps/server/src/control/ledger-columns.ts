import { DIMENSIONS, USAGE_CLASSES } from "@tollhouse/contract";
import { formatNano } from "@tollhouse/engine";
import { ENTRY_FLAGS, type EntryFields } from "@tollhouse/ledger";
import type { ReadEntry } from "@tollhouse/store";
import type { Cell, ExportColumn } from "./export-columns.ts";

type Of = (row: ReadEntry) => Cell | undefined;
type TextField = {
  [N in keyof EntryFields]-?: NonNullable<EntryFields[N]> extends string ? N : never;
}[keyof EntryFields];

const column = (name: string, kind: ExportColumn<ReadEntry>["kind"], of: Of): ExportColumn<ReadEntry> => ({
  name,
  kind,
  of: (row) => of(row) ?? null,
});
const text = (name: string, field: TextField): ExportColumn<ReadEntry> =>
  column(name, "text", ({ fields }) => fields[field]);
const money = (name: string, of: (row: ReadEntry) => bigint | undefined): ExportColumn<ReadEntry> =>
  column(name, "money", (row) => {
    const nano = of(row);
    return nano === undefined ? null : formatNano(nano);
  });

/** An entry on one line, as its bytes say it: a user is a pseudonym. What is a list stands in the NDJSON export alone. */
export const LEDGER_COLUMNS: readonly ExportColumn<ReadEntry>[] = [
  column("sequence", "count", ({ entry }) => entry.sequence),
  column("time", "time", ({ entry }) => timeText(entry.timeUs)),
  column("type", "text", ({ entry }) => entry.type),
  column("entry_id", "text", ({ entry }) => hex(entry.entryId)),
  column("ref_id", "text", ({ entry }) => (entry.refId.some((byte) => byte !== 0) ? hex(entry.refId) : null)),
  column("flags", "text", ({ entry }) => flagNames(entry.flags)),
  text("environment", "environment"),
  text("provider", "provider"),
  text("model", "model"),
  text("served_model", "servedModel"),
  text("endpoint", "endpoint"),
  text("key", "key"),
  text("plan", "plan"),
  ...DIMENSIONS.map((name) =>
    name === "user" ? column(name, "text", ({ fields }) => fields.user && hex(fields.user)) : text(name, name),
  ),
  // Where no price was known the body has a zero, which is no cost.
  money("amount", ({ entry }) => ((entry.flags & ENTRY_FLAGS.costUnknown) === 0 ? entry.amountNano : undefined)),
  column("usage_source", "text", ({ entry }) => (entry.usageSource === "none" ? null : entry.usageSource)),
  ...USAGE_CLASSES.map((name) => column(name, "count", ({ fields }) => fields.usage?.[name])),
  money("reserved", ({ fields }) => fields.reserved),
  money("provider_cost", ({ fields }) => fields.providerCost),
  text("price_version", "priceVersion"),
  text("tier", "tier"),
  text("geo", "geo"),
  text("reason_code", "reason"),
  column("status", "count", ({ fields }) => fields.status),
  text("provider_id", "providerId"),
  text("doubt", "doubt"),
  column("latency_ms", "count", ({ fields }) => fields.latencyMs),
  text("limit", "limit"),
  text("policy", "policy"),
  text("actor", "actor"),
  text("action", "action"),
  text("subject", "subject"),
  text("before", "before"),
  text("after", "after"),
  column("blocked", "text", ({ fields }) => fields.blocked?.map(({ name, count }) => `${name}=${count}`).join(" ")),
  column("entry_hash", "text", ({ entryHash }) => hex(entryHash)),
];

const FLAG_NAMES = Object.entries(ENTRY_FLAGS).map(
  ([name, bit]) => [name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), bit] as const,
);

function flagNames(flags: number): string | null {
  const names = FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
  return names.length === 0 ? null : names.join(" ");
}

/** With its microseconds, which a Date does not have. */
function timeText(us: bigint): string {
  return new Date(Number(us / 1000n)).toISOString().replace("Z", `${String(us % 1000n).padStart(3, "0")}Z`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
