import { setTimeout as wait } from "node:timers/promises";
import { Option, type Command } from "commander";
import type { Answer } from "../api/api.ts";
import type { Call, Decision } from "@tollhouse/contract/control-client";
import { atLeastOne, given, seconds, whole } from "../arguments.ts";
import { filtersOf, withFilters, type Filters } from "../filters.ts";
import { acting, type Run } from "../run.ts";
import { streamed } from "../streamed.ts";
import { count, measured, money, pricePerMillion, shortTime, time } from "../terminal/amounts.ts";
import { plain, table, type Column } from "../terminal/table.ts";
import { columnsOf, say, styled, type Terminal } from "../terminal/terminal.ts";

interface ListOptions extends Filters {
  readonly outcome?: Call["outcome"];
  readonly reason?: readonly string[];
  readonly minCost?: string;
  readonly limit: number;
  readonly format?: "csv" | "ndjson" | "parquet";
  readonly every: number;
}

/** From this width of a terminal on: all of it, and the whole time. */
const WIDE = 100;

const MODEL: Column<Call> = { head: "MODEL", cell: ({ model }) => model ?? "–", cutTo: 10 };
const DECISION: Column<Call> = { head: "DECISION", cell: ({ decision }) => decision };

const WIDE_COLUMNS: readonly Column<Call>[] = [
  { head: "TIME", cell: (call) => time(call.time) },
  MODEL,
  { head: "WHOSE", cell: whose, cutTo: 8, leaveOut: 1 },
  { head: "OUTCOME", cell: reasonOf, cutTo: 7 },
  { head: "COST", cell: ({ cost }) => money(cost), align: "right" },
  DECISION,
];

/** What a call cost says that it was settled; of the others, which cost nothing, the reason is worth more room. */
const NARROW_COLUMNS: readonly Column<Call>[] = [
  { head: "TIME", cell: (call) => shortTime(call.time, Date.now()) },
  MODEL,
  { head: "COST OR REASON", cell: costOrReason, align: "right", cutTo: 14 },
  DECISION,
];

function columnsFor(run: Run): readonly Column<Call>[] {
  return columnsOf(run.terminal) < WIDE ? NARROW_COLUMNS : WIDE_COLUMNS;
}

function reasonOf({ outcome, reason_code }: Call): string {
  return outcome === "blocked" ? (reason_code ?? outcome) : outcome;
}

function costOrReason(call: Call): string {
  if (call.outcome !== "settled") return reasonOf(call);
  return call.cost === null ? "cost unknown" : money(call.cost);
}

/** As wide whatever the calls are that come one by one, so that each stands under the one before. */
const TAIL_WIDTHS: Readonly<Record<string, number>> = {
  TIME: "09:30:05".length,
  MODEL: 18,
  OUTCOME: 18,
  COST: "$0.000000001".length,
  "COST OR REASON": 18,
};

function tailColumns(run: Run): Column<Call>[] {
  return columnsFor(run)
    .filter(({ leaveOut }) => leaveOut === undefined)
    .map((column) => ({ ...column, atLeast: TAIL_WIDTHS[column.head] ?? 0 }));
}

/** The narrowest dimension that says whose it is. */
function whose({ dimensions: { session, agent, feature, service, user, team, customer } }: Call): string {
  return session ?? agent ?? feature ?? service ?? user ?? team ?? customer ?? "–";
}

function queryOf(options: ListOptions) {
  return {
    ...filtersOf(options),
    ...given({ outcome: options.outcome, reason_code: options.reason, min_cost: options.minCost }),
  };
}

async function list(run: Run, options: ListOptions): Promise<void> {
  const query = queryOf(options);
  if (options.format !== undefined)
    return streamed(run, "listCalls", { query: { ...query, format: options.format } }, "*/*");
  const page = await run.api.all(
    "listCalls",
    { query: { ...query, limit: Math.min(options.limit, 1_000) } },
    options.limit,
  );
  run.list(page, page.calls, columnsFor(run), "No such call.", endOf(page));
}

/** Where a list ends because nothing is told of calls before. */
function endOf({ next_cursor, purged_before }: Answer<"listCalls">): readonly string[] {
  return next_cursor !== null || purged_before === undefined
    ? []
    : [`Details of calls before ${time(purged_before)} were removed.`];
}

const TAIL_PAGE = 200;
/** Decisions that were seen are remembered, so that none is shown twice; older ones cannot come up any more. */
const REMEMBERED = 10_000;

/** New calls as they are recorded, the oldest first; reads pages until it meets one that it has seen. */
async function tail(run: Run, options: ListOptions): Promise<void> {
  const seen = new Set<string>();
  const { interrupted } = run.terminal;
  const everyS = Math.max(1, options.every);
  for (let first = true; !interrupted.aborted; first = false) {
    const fresh = await unseen(run, options, seen, first);
    for (const { decision } of fresh) seen.add(decision);
    for (const decision of [...seen].slice(0, Math.max(0, seen.size - REMEMBERED))) seen.delete(decision);
    // What the first look found beyond the limit is old: never shown, and not taken for new at the next look.
    const shown = first ? fresh.slice(0, options.limit) : fresh;
    if (shown.length > 0) say(run.terminal, linesOf(run, shown.toReversed(), first));
    await wait(everyS * 1_000, undefined, { signal: interrupted }).catch(() => {});
  }
}

async function unseen(run: Run, options: ListOptions, seen: ReadonlySet<string>, first: boolean): Promise<Call[]> {
  const fresh: Call[] = [];
  const query = { ...queryOf(options), limit: TAIL_PAGE };
  for (let cursor: string | null = null; ;) {
    const page: Answer<"listCalls"> = await run.api.call("listCalls", {
      query: { ...query, ...(cursor !== null && { cursor }) },
    });
    const found = page.calls.filter(({ decision }) => !seen.has(decision));
    fresh.push(...found);
    cursor = page.next_cursor;
    if (first || cursor === null || found.length < page.calls.length || page.calls.length === 0) return fresh;
  }
}

function linesOf(run: Run, calls: readonly Call[], withHead: boolean): string[] {
  if (run.json) return calls.map((call) => JSON.stringify(call));
  const [head = "", ...lines] = table(calls, tailColumns(run), columnsOf(run.terminal));
  return withHead ? [styled(run.terminal, "bold", head), ...lines] : lines;
}

function named(dimensions: Call["dimensions"]): string {
  return (
    Object.entries(dimensions)
      .map(([name, value]) => `${name}=${value}`)
      .join(", ") || "–"
  );
}

function usageOf(usage: Call["usage"]): string {
  if (usage === null) return "–";
  return (
    Object.entries(usage)
      .map(([name, units]) => `${count(units ?? null)} ${name}`)
      .join(", ") || "nothing"
  );
}

function callFacts(call: Call | Decision): (readonly [string, string])[] {
  return [
    ["decision", call.decision],
    ["time", time(call.time)],
    ["environment", call.environment ?? "–"],
    ["model", `${call.model ?? "–"} (${call.provider ?? "–"}, ${call.endpoint ?? "–"})`],
    ["key", call.key ?? "none"],
    ["whose", named(call.dimensions)],
    ["outcome", call.reason_code === null ? call.outcome : `${call.outcome}: ${call.reason_code}`],
    ["usage", `${usageOf(call.usage)}${call.usage_source === null ? "" : ` (${call.usage_source})`}`],
    ["cost", money(call.cost)],
    ...(call.doubt === null ? [] : ([["doubt", call.doubt]] as const)),
  ];
}

type LimitLooked = Decision["limits"][number];

const LOOKED_COLUMNS: readonly Column<LimitLooked>[] = [
  { head: "LIMIT", cell: ({ scope, deciding }) => `${deciding ? "▶ " : "  "}${scope}`, cutTo: 16 },
  { head: "WINDOW", cell: ({ window }) => window },
  { head: "AMOUNT", cell: (limit) => measured(limit.at_decision.amount, limit.measure), align: "right" },
  { head: "REMAINED", cell: (limit) => measured(limit.at_decision.remaining, limit.measure), align: "right" },
  { head: "REMAINS NOW", cell: (limit) => measured(limit.now?.remaining ?? null, limit.measure), align: "right" },
];

type PriceLine = NonNullable<NonNullable<Decision["price"]>["lines"]>[number];

const PRICE_COLUMNS: readonly Column<PriceLine>[] = [
  { head: "USED", cell: ({ class: usageClass }) => usageClass ?? "the call itself" },
  { head: "UNITS", cell: ({ units }) => count(units), align: "right" },
  { head: "$ A MILLION", cell: ({ price }) => pricePerMillion(price), align: "right" },
  { head: "TIMES", cell: ({ factor }) => factor.replace(/\/1$/, ""), align: "right", leaveOut: 1 },
  { head: "COST", cell: ({ amount }) => money(amount), align: "right" },
];

function attempted({ by, status, provider_id, latency_ms, tier }: Decision["attempts"][number]): string {
  const parts = [
    status === null ? "no answer" : `HTTP ${status}`,
    ...(latency_ms === null ? [] : [`${count(latency_ms)} ms`]),
    ...(tier === null ? [] : [`tier ${tier}`]),
    ...(provider_id === null ? [] : [provider_id]),
  ];
  return `${by === "client" ? "by the client: " : ""}${parts.join(", ")}`;
}

const MARKS = { passed: "✓", blocked: "✗", not_reached: "·", not_recorded: "?" } as const;

function explained(run: Run, decision: Decision): string[] {
  const { title, next, required, reserved, attempts, price, policy } = decision;
  const lines = price?.lines ?? [];
  return [
    decision.allowed ? "Let through." : `Blocked: ${plain(title ?? decision.reason_code ?? "")}.`,
    ...(next === null ? [] : run.prose(`Next: ${plain(next)}`)),
    "",
    ...run.facts([
      ...callFacts(decision),
      ["asked for", required === null ? "–" : money(required)],
      ["held", reserved === null ? "–" : money(reserved)],
      ...attempts.map((attempt) => ["attempt", attempted(attempt)] as const),
      ["price", price === null ? "–" : `${price.row ?? "–"} of ${price.version}`],
      [
        "policies",
        policy === null
          ? "–"
          : policy.values.map((value) => `${value.setting} by ${value.policy} v${value.version}`).join(", ") ||
            "none said anything",
      ],
      ["entry", String(decision.entry.sequence)],
      ["hash", decision.entry.hash],
    ]),
    "",
    ...decision.steps.map(
      ({ step, name, result, reason_code }) =>
        `${MARKS[result]} ${step}. ${plain(name)}${reason_code === null ? "" : `: ${reason_code}`}`,
    ),
    ...(lines.length === 0 ? [] : ["", ...run.table(lines, PRICE_COLUMNS)]),
    ...(decision.limits.length === 0 ? [] : ["", ...run.table(decision.limits, LOOKED_COLUMNS)]),
  ];
}

function withCallFilters(command: Command): Command {
  return withFilters(command)
    .addOption(new Option("--outcome <outcome>", "how they ended").choices(["settled", "released", "blocked"]))
    .option("--reason <codes>", "only these reason codes, by comma", atLeastOne)
    .option("--min-cost <amount>", "only those that cost at least this");
}

export function callCommands(program: Command, terminal: Terminal): void {
  const calls = program
    .command("calls")
    .summary("single calls: list, follow, ask why")
    .description("single calls: list them, follow them, ask why");
  withCallFilters(calls.command("list"))
    .description("calls, the newest first")
    .option("--limit <count>", "at most this many", whole, 50)
    .addOption(
      new Option("--format <format>", "every call, as it comes, for other programs").choices([
        "csv",
        "ndjson",
        "parquet",
      ]),
    )
    .action(acting(terminal, list));
  withCallFilters(calls.command("tail"))
    .description("the last calls, and new ones as they are recorded, until Ctrl-C")
    .option("--limit <count>", "so many to begin with", whole, 10)
    .option("--every <duration>", "how often to look", seconds, 1)
    .action(acting(terminal, tail));
  calls
    .command("show <decision>")
    .description("one call: what it used and cost")
    .action(
      acting(terminal, async (run, id: string) => {
        const call = await run.api.call("getCall", { params: { id } });
        run.show(call, () =>
          run.facts([...callFacts(call), ["entry", String(call.sequence)], ["hash", call.entry_hash]]),
        );
      }),
    );
  calls
    .command("explain <decision>")
    .description("why it was let through or blocked: each step, each limit then and now")
    .action(
      acting(terminal, async (run, id: string) => {
        const decision = await run.api.call("getDecision", { params: { id } });
        run.show(decision, () => explained(run, decision));
      }),
    );
  calls
    .command("payload <decision>")
    .description("the texts of one call, where they were kept")
    .action(
      acting(terminal, async (run, id: string) => {
        const payload = await run.api.call("getPayload", { params: { id } });
        run.show(payload, () => [plain(JSON.stringify(payload.request)), plain(JSON.stringify(payload.response))]);
      }),
    );
}
