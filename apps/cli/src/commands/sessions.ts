import type { Command } from "commander";
import type { Answer } from "../api/api.ts";
import type { Session } from "@tollhouse/contract/control-client";
import { given, seconds, whole } from "../arguments.ts";
import { acting, type Run } from "../run.ts";
import { count, money, time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { watching, withWatch } from "../watch.ts";

type Listed = Answer<"listSessions">["sessions"][number];

const COLUMNS: readonly Column<Listed>[] = [
  { head: "SESSION", cell: ({ session }) => session, cutTo: 16 },
  { head: "STATE", cell: ({ state }) => state },
  { head: "CALLS", cell: ({ calls }) => count(calls), align: "right" },
  { head: "BLOCKED", cell: ({ blocked }) => count(blocked), align: "right", leaveOut: 3 },
  { head: "COST", cell: ({ cost }) => money(cost), align: "right" },
  { head: "REMAINING", cell: ({ budgets }) => tightest(budgets), align: "right" },
  { head: "LAST HOUR", cell: ({ last_hour }) => time(last_hour), leaveOut: 1 },
];

/** What is left of the budget that ends first; a dash where there is none. */
function tightest(budgets: Session["budgets"]): string {
  const [first] = budgets.toSorted((a, b) => Number(a.remaining) - Number(b.remaining));
  return money(first?.remaining ?? null);
}

const BUDGET_COLUMNS: readonly Column<Session["budgets"][number]>[] = [
  { head: "BUDGET", cell: (budget) => `${money(budget.amount)}${budget.default ? " (default)" : ""}` },
  { head: "WINDOW", cell: ({ window }) => window },
  { head: "MODE", cell: ({ mode }) => mode },
  { head: "SETTLED", cell: ({ settled }) => money(settled), align: "right" },
  { head: "RESERVED", cell: ({ reserved }) => money(reserved), align: "right", leaveOut: 1 },
  { head: "REMAINING", cell: ({ remaining }) => money(remaining), align: "right" },
];

function shown(run: Run, session: Session): void {
  run.show(session, () => [
    ...run.facts([
      ["session", session.session],
      ["state", session.state],
      ...(session.frozen === null
        ? []
        : ([
            ["frozen by", `${session.frozen.operator} at ${time(session.frozen.created_at)}`],
            ["reason", session.frozen.reason],
            ["until", session.frozen.expires_at === null ? "unfrozen" : time(session.frozen.expires_at)],
          ] as const)),
    ]),
    ...(session.budgets.length === 0 ? ["No budget."] : ["", ...run.table(session.budgets, BUDGET_COLUMNS)]),
  ]);
}

interface ListOptions {
  readonly hours?: number;
  readonly limit?: number;
  readonly watch?: number;
}

export function sessionCommands(program: Command, terminal: Terminal): void {
  const sessions = program
    .command("sessions")
    .summary("what sessions did; freeze, unfreeze, reset")
    .description("what sessions did and may spend; freeze, unfreeze, reset");
  withWatch(sessions.command("list"))
    .description("sessions seen of late, the last used first")
    .option("--hours <hours>", "how far back (default: 24)", whole)
    .option("--limit <count>", "at most this many (default: 100)", whole)
    .action(
      acting(terminal, (run, { watch, hours, limit }: ListOptions) =>
        watching(run, watch, async () => {
          const answer = await run.api.call("listSessions", { query: given({ hours, limit }) });
          return () => run.list(answer, answer.sessions, COLUMNS, "No session was used in this time.");
        }),
      ),
    );
  sessions
    .command("show <session>")
    .description("one session: whether it is frozen, and its budgets")
    .action(
      acting(terminal, async (run, id: string) => shown(run, await run.api.call("getSession", { params: { id } }))),
    );
  sessions
    .command("freeze <session>")
    .description("refuse new calls of a session, and end those that run")
    .option("--reason <text>", "why, for those who are refused and for the audit")
    .option("--for <duration>", "unfreeze by itself after this: 30m, 2h", seconds)
    .action(
      acting(terminal, async (run, id: string, options: { reason?: string; for?: number }) => {
        const body = given({ reason: options.reason, expires_in: options.for });
        const frozen = await run.api.call("freezeSession", { params: { id }, body });
        run.show(frozen, () => [`Froze ${id}; ${count(frozen.ended_calls)} running calls ended.`]);
      }),
    );
  sessions
    .command("unfreeze <session>")
    .description("let a session call again")
    .action(
      acting(terminal, async (run, id: string) =>
        shown(run, await run.api.call("unfreezeSession", { params: { id } })),
      ),
    );
  sessions
    .command("reset <session>")
    .description("start the default budget of a session anew")
    .action(
      acting(terminal, async (run, id: string) => {
        await run.confirm(`Take back what session ${id} has settled of its default budget?`);
        shown(run, await run.api.call("resetSession", { params: { id } }));
      }),
    );
}
