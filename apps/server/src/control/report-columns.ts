import { DIMENSIONS, inputTokensOf, outputTokensOf } from "@tollhouse/contract";
import type { CallAnswer, UsageGroup, UsageRow } from "@tollhouse/store";
import type { ExportColumn } from "./export-columns.ts";

const USAGE_COUNTS = ["calls", "blocked", "released", "cost_unknown", "input_tokens", "output_tokens"] as const;

/** The groups in the order they were asked for, then the sums. */
export function usageColumns(groups: readonly UsageGroup[]): ExportColumn<UsageRow>[] {
  return [
    ...groups.map((name) => ({ name, kind: "text" as const, of: (row: UsageRow) => row[name] ?? null })),
    ...USAGE_COUNTS.map((name) => ({ name, kind: "count" as const, of: (row: UsageRow) => row[name] })),
    { name: "cost", kind: "money", of: (row) => row.cost },
  ];
}

type Of = ExportColumn<CallAnswer>["of"];
const text = (name: string, of: Of): ExportColumn<CallAnswer> => ({ name, kind: "text", of });
const count = (name: string, of: Of): ExportColumn<CallAnswer> => ({ name, kind: "count", of });

/** A call on one line: usage as its two sums; NDJSON has every class. */
export const CALL_COLUMNS: readonly ExportColumn<CallAnswer>[] = [
  text("decision", (call) => call.decision),
  count("sequence", (call) => call.sequence),
  { name: "time", kind: "time", of: (call) => call.time },
  text("environment", (call) => call.environment),
  text("provider", (call) => call.provider),
  text("model", (call) => call.model),
  text("endpoint", (call) => call.endpoint),
  text("key", (call) => call.key),
  ...DIMENSIONS.map((name) => text(name, (call) => call.dimensions[name] ?? null)),
  text("outcome", (call) => call.outcome),
  text("reason_code", (call) => call.reason_code),
  count("status", (call) => call.status),
  count("input_tokens", (call) => (call.usage === null ? null : inputTokensOf(call.usage))),
  count("output_tokens", (call) => (call.usage === null ? null : outputTokensOf(call.usage))),
  text("usage_source", (call) => call.usage_source),
  { name: "cost", kind: "money", of: (call) => call.cost },
  count("latency_ms", (call) => call.latency_ms),
  text("doubt", (call) => call.doubt),
  text("entry_hash", (call) => call.entry_hash),
];
