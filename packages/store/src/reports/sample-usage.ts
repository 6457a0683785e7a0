import { DIMENSIONS, type Dimensions } from "@tollhouse/contract";
import { sampleOutcome } from "../ledger/sample-records.ts";
import type { UsageGroup } from "./usage-axes.ts";
import type { UsageRow, UsageSums } from "./usage-report.ts";

// Calls that a test of reports has made, and sums of them by plain arithmetic.

/** Each is missing somewhere, and some say what a spreadsheet or a statement would stumble over. Some sessions last for all calls, some for a few. */
export function dimensionsOf(n: number): Dimensions {
  const values = ["a", 'Zé, "b"', "'; DROP TABLE users; --", "=1+1", "a'b", "ﬁn"];
  const part = n % 3 === 0 ? "" : `/${Math.floor(n / 30)}`;
  const said = DIMENSIONS.flatMap((name, i) =>
    (n + i) % (i + 3) === 0
      ? []
      : [
          [
            name,
            `${values[(n * 7 + i) % values.length] ?? ""}${n % (i + 2)}${name === "session" ? part : ""}`,
          ] as const,
        ],
  );
  return Object.fromEntries(said);
}

export function outcomeOf(n: number): ReturnType<typeof sampleOutcome> {
  if (n % 11 === 0) return sampleOutcome(n, { end: "released", usage: {}, cost: "0", deltas: ["0", "0", "0"] });
  const unpriced = n % 13 === 0;
  const cost = unpriced ? null : String(1000 + n);
  const usage = { input: n, input_cache_read: 3, output: 2 * n };
  return sampleOutcome(n, { usage, cost, deltas: [cost ?? "0", String(3 * n + 3), "1"] });
}

export function numbers(counts: Record<string, string>): Omit<UsageSums, "cost"> {
  return Object.fromEntries(Object.entries(counts).map(([name, text]) => [name, Number(text)])) as Omit<
    UsageSums,
    "cost"
  >;
}

export function named(row: UsageRow, groupBy: readonly UsageGroup[]): [string, UsageSums] {
  const { calls, blocked, released, cost_unknown, input_tokens, output_tokens, cost } = row;
  const sums = { calls, blocked, released, cost_unknown, input_tokens, output_tokens, cost };
  return [JSON.stringify(groupBy.map((group) => row[group])), sums];
}

export function totalOf(rows: Iterable<UsageSums>): UsageSums {
  const total = { calls: 0, blocked: 0, released: 0, cost_unknown: 0, input_tokens: 0, output_tokens: 0 };
  let nano = 0n;
  for (const row of rows) {
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += row[name];
    nano += BigInt(row.cost.replace(".", ""));
  }
  return { ...total, cost: `${nano / 1_000_000_000n}.${String(nano % 1_000_000_000n).padStart(9, "0")}` };
}
