import { Option, type Command } from "commander";
import type { Summary, UsageReport } from "@tollhouse/contract/control-client";
import { given, moment, several, whole } from "../arguments.ts";
import { filtersOf, withFilters, type Filters } from "../filters.ts";
import { acting, type Run } from "../run.ts";
import { streamed } from "../streamed.ts";
import { count, money, time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { watching, withWatch } from "../watch.ts";
import { LIMIT_COLUMNS } from "./limits.ts";

type UsageRow = UsageReport["rows"][number];
type Sums = UsageReport["total"];

const SUM_COLUMNS: readonly Column<Sums>[] = [
  { head: "CALLS", cell: ({ calls }) => count(calls), align: "right" },
  { head: "BLOCKED", cell: ({ blocked }) => count(blocked), align: "right", leaveOut: 3 },
  { head: "INPUT", cell: ({ input_tokens }) => count(input_tokens), align: "right", leaveOut: 1 },
  { head: "OUTPUT", cell: ({ output_tokens }) => count(output_tokens), align: "right", leaveOut: 2 },
  { head: "COST", cell: (sums) => costOf(sums), align: "right" },
];

/** Calls whose cost nobody knows are not in the sum: said beside it, not hidden in it. */
function costOf({ cost, cost_unknown }: Sums): string {
  return cost_unknown === 0 ? money(cost) : `${money(cost)} + ${count(cost_unknown)} unknown`;
}

interface UsageOptions extends Filters {
  readonly groupBy?: readonly string[];
  readonly timeZone?: string;
  readonly order?: "cost" | "calls" | "tokens" | "group";
  readonly limit?: number;
  readonly format?: "csv" | "ndjson" | "parquet";
  readonly watch?: number;
}

function groupColumns(groups: readonly string[]): Column<UsageRow>[] {
  return groups.map((group) => ({
    head: group.toUpperCase(),
    cell: (row) => String(row[group as keyof UsageRow] ?? "–"),
    cutTo: 10,
  }));
}

async function usage(run: Run, options: UsageOptions): Promise<void> {
  const query = {
    ...filtersOf(options),
    ...given({
      group_by: options.groupBy?.join(","),
      time_zone: options.timeZone,
      order: options.order,
      limit: options.limit,
    }),
  };
  if (options.format !== undefined)
    return streamed(run, "getUsage", { query: { ...query, format: options.format } }, "*/*");
  await watching(run, options.watch, async () => {
    const report = await run.api.all("getUsage", { query }, options.limit);
    const columns = groupColumns(options.groupBy ?? []);
    return () =>
      run.show(report, () => [
        ...(columns.length === 0 ? [] : run.table<UsageRow>(report.rows, [...columns, ...SUM_COLUMNS])),
        ...(columns.length === 0 ? [] : [""]),
        `Total: ${costOf(report.total)} for ${count(report.total.calls)} ${report.total.calls === 1 ? "call" : "calls"}, ${count(report.total.blocked)} blocked.`,
      ]);
  });
}

export function summaryLines(run: Run, summary: Omit<Summary, "nearest">): string[] {
  const periods = [
    { name: "today", ...summary.today },
    { name: "this month", ...summary.month },
    { name: "ever", ...summary.all_time },
  ];
  const top = (rows: readonly Sums[], head: string, cell: (row: never) => string | null): string[] =>
    rows.length === 0
      ? []
      : ["", ...run.table(rows, [{ head, cell: (row) => cell(row as never) ?? "–", cutTo: 16 }, ...SUM_COLUMNS])];
  return [
    ...run.table(periods, [{ head: summary.environment.toUpperCase(), cell: ({ name }) => name }, ...SUM_COLUMNS]),
    ...(summary.forecast === null ? [] : [`\nthis month, at this pace: ${money(summary.forecast.cost)}`]),
    ...top(summary.top_models, "MODEL", (row: Summary["top_models"][number]) => row.model),
    ...top(summary.top_features, "FEATURE", (row: Summary["top_features"][number]) => row.feature),
    ...(summary.limits.length === 0 ? [] : ["", ...run.table(summary.limits, LIMIT_COLUMNS)]),
  ];
}

export function reportCommands(program: Command, terminal: Terminal): void {
  withWatch(withFilters(program.command("usage")))
    .summary("what was spent and used, by any group")
    .description("what was spent and used: `usage --from 7d --group-by model,team`")
    .option("-g, --group-by <names>", "any dimension, model, provider, key, environment, hour, day, month", several)
    .option("--time-zone <zone>", "where a day or month begins (default: UTC)")
    .addOption(new Option("--order <by>", "what stands first").choices(["cost", "calls", "tokens", "group"]))
    .option("--limit <rows>", "at most this many", whole)
    .addOption(
      new Option("--format <format>", "every row, as it comes, for other programs").choices([
        "csv",
        "ndjson",
        "parquet",
      ]),
    )
    .action(acting(terminal, usage));
  withWatch(program.command("summary"))
    .summary("today, this month, ever")
    .description("today, this month, ever; the models and features that cost most")
    .action(
      acting(terminal, (run, { watch }: { watch?: number }) =>
        watching(run, watch, async () => {
          const summary = await run.api.call("getSummary", {});
          return () => run.show(summary, () => summaryLines(run, summary));
        }),
      ),
    );
  withWatch(program.command("stats"))
    .summary("what happens now")
    .description("what happens now: running calls, frozen sessions, kill switches")
    .option("--hours <hours>", "how far back (default: 24)", whole)
    .action(
      acting(terminal, (run, { hours, watch }: { hours?: number; watch?: number }) =>
        watching(run, watch, async () => {
          const stats = await run.api.call("getStats", { query: given({ hours }) });
          return () =>
            run.show(stats, () =>
              run.facts([
                ["running calls", count(stats.running_calls)],
                [`calls, ${stats.hours} h`, `${count(stats.calls)}, ${count(stats.blocked)} blocked`],
                ["cost", money(stats.cost)],
                ["tokens", `${count(stats.input_tokens)} in, ${count(stats.output_tokens)} out`],
                ["sessions", `${count(stats.sessions)}, ${count(stats.frozen_sessions)} frozen`],
                ["stopped", `${count(stats.kill_switches)} kill switches, ${count(stats.blocks)} blocks`],
              ]),
            );
        }),
      ),
    );
}

export function auditCommands(program: Command, terminal: Terminal): void {
  program
    .command("audit")
    .summary("who changed what, before and after")
    .description("who changed what, before and after; each an entry of the ledger")
    .option("--action <action>", "only this, such as limit.create")
    .option("--subject <subject>", "only of this id or name")
    .option("--from <time>", "2026-11-21T09:00:00Z or how long ago: 24h", moment)
    .option("--limit <count>", "at most this many", whole, 50)
    .action(acting(terminal, audit));
}

async function audit(
  run: Run,
  options: { action?: string; subject?: string; from?: string; limit: number },
): Promise<void> {
  const query = given({
    action: options.action,
    subject: options.subject,
    from: options.from,
    limit: Math.min(options.limit, 1_000),
  });
  const page = await run.api.all("listAudit", { query }, options.limit);
  run.list(
    page,
    page.changes,
    [
      { head: "TIME", cell: (change) => time(change.time) },
      { head: "BY", cell: ({ actor }) => actor ?? "–", cutTo: 6, leaveOut: 2 },
      // The longest id, of a kill switch, has 37 characters: beside it eleven of the action leave room for who it was.
      { head: "ACTION", cell: ({ action }) => action ?? "–", cutTo: 11 },
      { head: "SUBJECT", cell: ({ subject }) => subject ?? "–", cutTo: 37 },
      { head: "ENTRY", cell: ({ sequence }) => String(sequence), align: "right", leaveOut: 1 },
    ],
    "Nothing was changed.",
  );
}
