import { DIMENSIONS, inputTokensOf, outputTokensOf } from "@tollhouse/contract";
import type { CallAnswer, UsageGroup, UsageRow } from "@tollhouse/store";
import type { CsvColumn } from "./csv.ts";

const USAGE_FIGURES = [
  "calls",
  "blocked",
  "released",
  "cost_unknown",
  "input_tokens",
  "output_tokens",
  "cost",
] as const;

/** The groups in the order they were asked for, then the sums. */
export function usageColumns(groups: readonly UsageGroup[]): CsvColumn<UsageRow>[] {
  return [
    ...groups.map((name) => ({ name, kind: "text" as const, of: (row: UsageRow) => row[name] ?? null })),
    ...USAGE_FIGURES.map((name) => ({ name, kind: "figure" as const, of: (row: UsageRow) => row[name] })),
  ];
}

type Of = CsvColumn<CallAnswer>["of"];
const text = (name: string, of: Of): CsvColumn<CallAnswer> => ({ name, kind: "text", of });
const figure = (name: string, of: Of): CsvColumn<CallAnswer> => ({ name, kind: "figure", of });

/** A call on one line: usage as its two sums; NDJSON has every class. */
export const CALL_COLUMNS: readonly CsvColumn<CallAnswer>[] = [
  text("decision", (call) => call.decision),
  figure("sequence", (call) => call.sequence),
  text("time", (call) => call.time),
  text("environment", (call) => call.environment),
  text("provider", (call) => call.provider),
  text("model", (call) => call.model),
  text("endpoint", (call) => call.endpoint),
  text("key", (call) => call.key),
  ...DIMENSIONS.map((name) => text(name, (call) => call.dimensions[name] ?? null)),
  text("outcome", (call) => call.outcome),
  text("reason_code", (call) => call.reason_code),
  figure("status", (call) => call.status),
  figure("input_tokens", (call) => (call.usage === null ? null : inputTokensOf(call.usage))),
  figure("output_tokens", (call) => (call.usage === null ? null : outputTokensOf(call.usage))),
  text("usage_source", (call) => call.usage_source),
  figure("cost", (call) => call.cost),
  figure("latency_ms", (call) => call.latency_ms),
  text("doubt", (call) => call.doubt),
  text("entry_hash", (call) => call.entry_hash),
];
