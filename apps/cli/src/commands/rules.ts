import { Argument, Option, type Command } from "commander";
import type { AnomalyRule, Price, ReservedCheck } from "@tollhouse/contract/control-client";
import { expectSome, given, seconds, whole } from "../arguments.ts";
import { CommandFailed } from "../exit-codes.ts";
import { acting, type Run } from "../run.ts";
import { count, money, pricePerMillion, time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

const RULE_COLUMNS: readonly Column<AnomalyRule>[] = [
  { head: "KIND", cell: ({ kind }) => kind },
  { head: "PER", cell: ({ per }) => per },
  {
    head: "THRESHOLD",
    cell: ({ kind, threshold }) => (kind === "velocity" ? money(threshold) : count(threshold)),
    align: "right",
  },
  { head: "IN", cell: ({ window_seconds }) => `${window_seconds} s`, align: "right" },
  {
    head: "ACTION",
    cell: ({ action, freeze_seconds }) => (freeze_seconds === null ? action : `${action} ${freeze_seconds} s`),
  },
  { head: "HIT", cell: ({ triggered }) => count(triggered.calls), align: "right", leaveOut: 1 },
  { head: "ID", cell: ({ id }) => id, leaveOut: 2 },
];

function ruleShown(run: Run, rule: AnomalyRule): void {
  run.show(rule, () => [
    ...run.facts([
      ["id", rule.id],
      ["kind", `${rule.kind} per ${rule.per}`],
      [
        "threshold",
        `${rule.kind === "velocity" ? money(rule.threshold) : count(rule.threshold)} in ${rule.window_seconds} s`,
      ],
      ["action", rule.freeze_seconds === null ? rule.action : `${rule.action} for ${rule.freeze_seconds} s`],
      ["triggered", `${count(rule.triggered.calls)} times`],
      ["version", String(rule.version)],
    ]),
    ...rule.triggered.last.map((hit) => `  ${time(hit.at)}  ${hit.scope}  ${hit.decision}`),
  ]);
}

interface RuleOptions {
  readonly per: AnomalyRule["per"];
  readonly window: number;
  readonly action: AnomalyRule["action"];
  readonly freezeFor?: number;
}

const KINDS = ["loop", "burst", "velocity"] as const;
const ACTIONS = ["alert", "freeze", "block"] as const;

export function anomalyCommands(program: Command, terminal: Terminal): void {
  const rules = program
    .command("anomaly-rules")
    .summary("loops, bursts, spending too fast")
    .description("what counts as a loop, a burst or spending too fast, and what follows");
  rules
    .command("list")
    .description("all of them, the oldest first")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.call("listAnomalyRules", {});
        run.list(answer, answer.anomaly_rules, RULE_COLUMNS, "No anomaly rule yet.");
      }),
    );
  rules
    .command("show <id>")
    .description("one of them, and when it was triggered last")
    .action(
      acting(terminal, async (run, id: string) =>
        ruleShown(run, await run.api.call("getAnomalyRule", { params: { id } })),
      ),
    );
  rules
    .command("create")
    .addArgument(new Argument("<kind>", "what counts as too much").choices(KINDS))
    .argument("<threshold>", "calls that are alike, calls, or dollars")
    .description("`create loop 5 --window 1m --action freeze --freeze-for 10m`")
    .addOption(
      new Option("--per <dimension>", "whose calls are counted together")
        .choices(["session", "agent", "user"])
        .default("session"),
    )
    .requiredOption("--window <duration>", "how long it looks back", seconds)
    .addOption(new Option("--action <action>", "what follows").choices(ACTIONS).default("alert"))
    .option("--freeze-for <duration>", "how long a session stays frozen", seconds)
    .action(
      acting(terminal, async (run, kind: (typeof KINDS)[number], threshold: string, options: RuleOptions) => {
        const body = { kind, threshold, per: options.per, window_seconds: options.window, action: options.action };
        ruleShown(
          run,
          await run.api.call("createAnomalyRule", {
            body: { ...body, ...given({ freeze_seconds: options.freezeFor }) },
          }),
        );
      }),
    );
  changingCommands(rules, terminal);
}

function changingCommands(rules: Command, terminal: Terminal): void {
  rules
    .command("change <id>")
    .description("change threshold, window or action, in force at once")
    .option("--threshold <threshold>", "how much is too much")
    .option("--window <duration>", "how long it looks back", seconds)
    .addOption(new Option("--action <action>", "what follows").choices(ACTIONS))
    .option("--freeze-for <duration>", "how long a session stays frozen", seconds)
    .option("--if-version <version>", "only if it is still this version", whole)
    .action(
      acting(
        terminal,
        async (run, id: string, options: Partial<RuleOptions> & { threshold?: string; ifVersion?: number }) => {
          const change = given({
            threshold: options.threshold,
            window_seconds: options.window,
            action: options.action,
            freeze_seconds: options.freezeFor,
          });
          expectSome(change, "--threshold, --window, --action or --freeze-for");
          const body = { ...change, ...given({ version: options.ifVersion }) };
          ruleShown(run, await run.api.call("updateAnomalyRule", { params: { id }, body }));
        },
      ),
    );
  rules
    .command("delete <id>")
    .description("remove one; sessions that it froze stay frozen")
    .action(
      acting(terminal, async (run, id: string) => {
        await run.confirm(`Delete the anomaly rule ${id}?`);
        await run.api.call("deleteAnomalyRule", { params: { id } });
        run.show({ deleted: id }, () => [`Deleted ${id}`]);
      }),
    );
}

/** Dollars for a million, as providers write them. */
const PRICE_COLUMNS: readonly Column<Price>[] = [
  { head: "PROVIDER", cell: ({ provider }) => provider },
  { head: "MODEL", cell: ({ model }) => model, cutTo: 20 },
  ...(["input", "input_cache_read", "output"] as const).map((name) => ({
    head: { input: "INPUT", input_cache_read: "CACHED", output: "OUTPUT" }[name],
    cell: ({ prices }: Price) => pricePerMillion(prices[name]),
    align: "right" as const,
  })),
];

interface PricesWanted {
  readonly provider?: string;
  readonly model?: string;
}

async function prices(run: Run, query: PricesWanted): Promise<void> {
  const answer = await run.api.call("listPrices", { query });
  if (query.model !== undefined && answer.prices.length === 0)
    throw new CommandFailed("missing", `there is no price of ${query.provider} ${query.model}`);
  run.show(answer, () => [
    ...(answer.prices.length === 0 ? ["No such price."] : run.table(answer.prices, PRICE_COLUMNS)),
    `Dollars for a million units; price book ${answer.version}.`,
  ]);
}

export function priceCommands(program: Command, terminal: Terminal): void {
  const command = program.command("prices").summary("what calls are priced by").description("what calls are priced by");
  command
    .command("list")
    .description("the price book in force")
    .option("--provider <name>", "only of this provider")
    .action(acting(terminal, (run, { provider }: { provider?: string }) => prices(run, given({ provider }))));
  command
    .command("show <provider> <model>")
    .description("the row that a call of this model would be rated with now")
    .action(acting(terminal, (run, provider: string, model: string) => prices(run, { provider, model })));
}

const CHECK_COLUMNS: readonly Column<ReservedCheck>[] = [
  { head: "MODEL", cell: ({ model }) => model, cutTo: 10 },
  { head: "HELD", cell: ({ reserved }) => money(reserved), align: "right" },
  { head: "EXPIRES", cell: ({ expires_at }) => time(expires_at), leaveOut: 1 },
  { head: "DECISION", cell: ({ decision }) => decision },
];

export function checkCommands(program: Command, terminal: Terminal): void {
  program
    .command("checks")
    .summary("checks of SDKs that were never recorded")
    .description("checks of SDKs that held an amount and were never recorded, or hold one now")
    .addOption(new Option("--state <state>", "which").choices(["unconfirmed", "open"]).default("unconfirmed"))
    .option("--limit <count>", "at most this many", whole, 50)
    .action(
      acting(terminal, async (run, { state, limit }: { state: "unconfirmed" | "open"; limit: number }) => {
        const answer = await run.api.all("listChecks", { query: { state } }, limit);
        run.list(answer, answer.checks, CHECK_COLUMNS, `No check is ${state}.`);
      }),
    );
  const logging = program
    .command("payload-logging")
    .summary("whether texts that SDKs log are kept")
    .description("whether texts that SDKs log are kept");
  logging
    .command("show")
    .description("as it is")
    .action(acting(terminal, async (run) => run.show(await run.api.call("getPayloadLogging", {}), loggingLines)));
  logging
    .command("set")
    .addArgument(new Argument("<switch>", "whether they are kept").choices(["on", "off"]))
    .description("switch it; what is kept already is kept until its own time is over")
    .option("--days <days>", "how long texts are kept", whole)
    .action(
      acting(terminal, async (run, word: string, { days }: { days?: number }) => {
        const body = { enabled: word === "on", ...given({ retention_days: days }) };
        run.show(await run.api.call("updatePayloadLogging", { body }), loggingLines);
      }),
    );
}

function loggingLines(logging: {
  readonly environment: string;
  readonly enabled: boolean;
  readonly retention_days: number;
}): string[] {
  return [
    `${logging.environment}: texts are ${logging.enabled ? `kept for ${logging.retention_days} days` : "not kept"}`,
  ];
}
