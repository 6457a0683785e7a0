import { Option, type Command } from "commander";
import type { Limit } from "@tollhouse/contract/control-client";
import { expectSome, given, whole } from "../arguments.ts";
import { CommandFailed } from "../exit-codes.ts";
import { DIMENSIONS } from "../filters.ts";
import { acting, type Run } from "../run.ts";
import { measured, time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { watching, withWatch } from "../watch.ts";

const WINDOWS = ["minute", "hour", "day", "month", "rolling_24h", "lifetime"] as const;
const MEASURES = ["usd", "tokens", "requests"] as const;
/** As the API knows them; `org` is the whole tenant. */
const SCOPE_KINDS = ["org", ...DIMENSIONS] as const;
type Window = (typeof WINDOWS)[number];
type Measure = (typeof MEASURES)[number];

export const LIMIT_COLUMNS: readonly Column<Limit>[] = [
  { head: "SCOPE", cell: ({ scope }) => scope, cutTo: 14 },
  { head: "AMOUNT", cell: (limit) => measured(limit.amount, limit.measure), align: "right" },
  { head: "WINDOW", cell: ({ window }) => window },
  { head: "MODE", cell: ({ mode }) => mode, leaveOut: 3 },
  { head: "SETTLED", cell: (limit) => measured(limit.state.settled, limit.measure), align: "right" },
  { head: "RESERVED", cell: (limit) => measured(limit.state.reserved, limit.measure), align: "right", leaveOut: 2 },
  { head: "REMAINING", cell: (limit) => measured(limit.state.remaining, limit.measure), align: "right" },
  { head: "ID", cell: ({ id }) => id, leaveOut: 1 },
];

function shown(run: Run, limit: Limit): void {
  run.show(limit, () =>
    run.facts([
      ["id", limit.id],
      ["scope", limit.scope],
      ["amount", `${measured(limit.amount, limit.measure)} (${limit.measure}, ${limit.mode})`],
      ["window", limit.time_zone === "UTC" ? limit.window : `${limit.window} in ${limit.time_zone}`],
      ["settled", measured(limit.state.settled, limit.measure)],
      ["reserved", measured(limit.state.reserved, limit.measure)],
      ["remaining", measured(limit.state.remaining, limit.measure)],
      ["resets at", time(limit.state.resets_at)],
      ["version", String(limit.version)],
    ]),
  );
}

interface ListOptions {
  readonly scope?: string[];
  readonly scopeKind?: (typeof SCOPE_KINDS)[number];
  readonly measure?: Measure;
  readonly watch?: number;
}

async function list(run: Run, { scope, scopeKind, measure, watch }: ListOptions, noun: string): Promise<void> {
  const query = given({ scope, scope_kind: scopeKind, measure });
  await watching(run, watch, async () => {
    const answer = await run.api.all("listLimits", { query });
    return () => run.list(answer, answer.limits, LIMIT_COLUMNS, `No ${noun} yet.`);
  });
}

/** Which of them; what stands together holds together. */
function withScopes(command: Command): Command {
  return withWatch(command)
    .option("--scope <scope...>", "only of these scopes")
    .addOption(new Option("--scope-kind <kind>", "only of this kind of scope").choices(SCOPE_KINDS));
}

interface SetOptions {
  readonly window: Window;
  readonly soft?: true;
  readonly timeZone?: string;
}

/** The limit of this scope, measure and window, made or changed. */
async function set(run: Run, scope: string, measure: Measure, amount: string, options: SetOptions): Promise<void> {
  const mode = options.soft === true ? "soft" : "hard";
  const found = (await run.api.all("listLimits", { query: { scope: [scope] } })).limits.find(
    (limit) =>
      limit.measure === measure &&
      limit.window === options.window &&
      limit.time_zone === (options.timeZone ?? limit.time_zone),
  );
  if (found === undefined) {
    const zone = given({ time_zone: options.timeZone });
    const body = { scope, measure, amount, window: options.window, mode, ...zone } as const;
    return shown(run, await run.api.call("createLimit", { body }));
  }
  const body = { amount, mode, version: found.version } as const;
  shown(run, await run.api.call("updateLimit", { params: { id: found.id }, body }));
}

async function remove(run: Run, limits: readonly Limit[], what: string): Promise<void> {
  if (limits.length === 0) throw new CommandFailed("missing", `there is no ${what}`);
  await run.confirm(
    `Delete ${limits.map((limit) => `${limit.scope} ${measured(limit.amount, limit.measure)} a ${limit.window}`).join(", ")}?`,
  );
  for (const { id } of limits) await run.api.call("deleteLimit", { params: { id } });
  run.show({ deleted: limits.map(({ id }) => id) }, () => limits.map(({ id }) => `Deleted ${id}`));
}

function windowOption(): Option {
  return new Option("-w, --window <window>", "what time it is for").choices(WINDOWS).default("lifetime");
}

export function budgetCommands(program: Command, terminal: Terminal): void {
  const budgets = program
    .command("budgets")
    .summary("what a scope may spend, in US dollars")
    .description("what a scope may spend: limits in US dollars");
  withScopes(budgets.command("list"))
    .description("budgets with what is settled, held and left")
    .action(acting(terminal, (run, options: ListOptions) => list(run, { ...options, measure: "usd" }, "budgets")));
  budgets
    .command("set <scope> <amount>")
    .description("make or change the budget of a scope: `set session:run-42 25.00`")
    .addOption(windowOption())
    .option("--soft", "tell, and never block")
    .option("--time-zone <zone>", "where a day or month begins (default: UTC)")
    .action(
      acting(terminal, (run, scope: string, amount: string, options: SetOptions) =>
        set(run, scope, "usd", amount, options),
      ),
    );
  budgets
    .command("show <scope>")
    .description("the budgets of one scope")
    .action(
      acting(terminal, async (run, scope: string) => {
        const answer = await run.api.all("listLimits", { query: { scope: [scope], measure: "usd" } });
        if (answer.limits.length === 0) throw new CommandFailed("missing", `there is no budget of ${scope}`);
        run.list(answer, answer.limits, LIMIT_COLUMNS, "");
      }),
    );
  budgets
    .command("delete <scope>")
    .description("take the budget of a scope away")
    .addOption(new Option("-w, --window <window>", "only the one of this window").choices(WINDOWS))
    .action(
      acting(terminal, async (run, scope: string, { window }: { window?: string }) => {
        const { limits } = await run.api.all("listLimits", { query: { scope: [scope], measure: "usd" } });
        const own = limits.filter((limit) => window === undefined || limit.window === window);
        await remove(run, own, `budget of ${scope}`);
      }),
    );
}

interface ChangeOptions {
  readonly amount?: string;
  readonly mode?: "hard" | "soft";
  readonly ifVersion?: number;
}

export function limitCommands(program: Command, terminal: Terminal): void {
  const limits = program
    .command("limits")
    .summary("the same with tokens and requests")
    .description("what a scope may use in a window: dollars, tokens, requests");
  withScopes(limits.command("list"))
    .description("limits with what is settled, held and left")
    .addOption(new Option("--measure <measure>", "only of this measure").choices(MEASURES))
    .action(acting(terminal, (run, options: ListOptions) => list(run, options, "limits")));
  limits
    .command("show <id>")
    .description("one limit, with its state now")
    .action(
      acting(terminal, async (run, id: string) => shown(run, await run.api.call("getLimit", { params: { id } }))),
    );
  limits
    .command("set <scope> <measure> <amount>")
    .description("make or change a limit: `set agent:sdr requests 600 --window minute`")
    .addOption(windowOption())
    .option("--soft", "tell, and never block")
    .option("--time-zone <zone>", "where a day or month begins (default: UTC)")
    .action(
      acting(terminal, async (run, scope: string, measure: string, amount: string, options: SetOptions) => {
        const known = MEASURES.find((name) => name === measure);
        if (known === undefined)
          throw new CommandFailed("usage", `measure: expected ${MEASURES.join(", ")}, not ${measure}`);
        await set(run, scope, known, amount, options);
      }),
    );
  limits
    .command("change <id>")
    .description("change amount or mode of one limit")
    .option("--amount <amount>", "the new amount")
    .addOption(new Option("--mode <mode>", "whether it blocks").choices(["hard", "soft"]))
    .option("--if-version <version>", "only if it is still this version", whole)
    .action(
      acting(terminal, async (run, id: string, { amount, mode, ifVersion }: ChangeOptions) => {
        expectSome({ amount, mode }, "--amount or --mode");
        shown(
          run,
          await run.api.call("updateLimit", { params: { id }, body: given({ amount, mode, version: ifVersion }) }),
        );
      }),
    );
  limits
    .command("delete <id>")
    .description("remove a limit")
    .action(
      acting(terminal, async (run, id: string) =>
        remove(run, [await run.api.call("getLimit", { params: { id } })], id),
      ),
    );
}
