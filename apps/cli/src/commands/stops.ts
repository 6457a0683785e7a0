import type { Command } from "commander";
import type { Block } from "@tollhouse/contract/control-client";
import { given, scopeOf, seconds } from "../arguments.ts";
import { CommandFailed } from "../exit-codes.ts";
import { acting, type Run } from "../run.ts";
import { count, time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

const COLUMNS: readonly Column<Block>[] = [
  { head: "SCOPE", cell: ({ scope }) => scope, cutTo: 14 },
  { head: "STATE", cell: ({ state }) => state },
  { head: "UNTIL", cell: ({ expires_at }) => (expires_at === null ? "lifted" : time(expires_at)), leaveOut: 2 },
  { head: "BY", cell: ({ operator }) => operator, cutTo: 8, leaveOut: 1 },
  { head: "REASON", cell: ({ reason }) => reason, cutTo: 10 },
  { head: "ID", cell: ({ id }) => id, leaveOut: 3 },
];

function shown(run: Run, block: Block): void {
  run.show(block, () =>
    run.facts([
      ["id", block.id],
      ["scope", block.scope],
      ["state", block.state],
      ["since", time(block.created_at)],
      ["until", block.expires_at === null ? "lifted" : time(block.expires_at)],
      ["by", block.operator],
      ["reason", block.reason],
    ]),
  );
}

interface StopOptions {
  readonly reason: string;
  readonly for?: number;
  readonly everywhere?: true;
}

async function kill(run: Run, scope: string, { reason, for: expires_in, everywhere }: StopOptions): Promise<void> {
  const preview =
    everywhere === true
      ? await run.api.call("previewKillSwitchEverywhere", { body: { scope } })
      : await run.api.call("previewKillSwitch", { body: { scope } });
  await run.confirm(
    `Stop ${scope}${everywhere === true ? " in every environment" : ""}? It made ${count(preview.calls_last_hour)} calls in the last hour, ${count(preview.running_calls)} run now.`,
  );
  const body = { scope, reason, ...given({ expires_in }) };
  if (everywhere === true) {
    const made = await run.api.call("createKillSwitchEverywhere", { body });
    run.show(made, () => [
      ...made.kill_switches.map(
        (one) => `Stopped ${scope} in ${one.environment}; ${count(one.ended_calls)} running calls ended. ${one.id}`,
      ),
      ...made.not_changed.map((one) => `NOT stopped in ${one.environment}: ${one.reason_code}: ${one.detail}`),
    ]);
    return failIfSome(made.not_changed.length, "could not be stopped everywhere");
  }
  const made = await run.api.call("createKillSwitch", { body });
  run.show(made, () => [`Stopped ${scope}; ${count(made.ended_calls)} running calls ended. ${made.id}`]);
}

function failIfSome(left: number, what: string): void {
  if (left > 0) throw new CommandFailed("unavailable", what);
}

/** By id, or every active one of a scope: who has pulled it twice means both. */
async function unkill(run: Run, target: string, everywhere: boolean): Promise<void> {
  if (everywhere) {
    const answer = await run.api.call("deleteKillSwitchEverywhere", { query: { scope: target } });
    if (answer.lifted.length + answer.not_changed.length === 0)
      throw new CommandFailed("missing", `there is no kill switch on ${target} in any environment`);
    run.show(answer, () => [
      ...answer.lifted.map((one) => `Lifted ${one.id} in ${one.environment}`),
      ...answer.not_changed.map((one) => `NOT lifted in ${one.environment}: ${one.reason_code}: ${one.detail}`),
    ]);
    return failIfSome(answer.not_changed.length, "could not be lifted everywhere");
  }
  const { kill_switches } = await run.api.call("listKillSwitches", {});
  const lifted = matching(kill_switches, target, "kill switch");
  for (const { id } of lifted) await run.api.call("deleteKillSwitch", { params: { id } });
  run.show({ lifted: lifted.map(({ id }) => id) }, () => lifted.map(({ id, scope }) => `Lifted ${scope} ${id}`));
}

function matching(blocks: readonly Block[], target: string, what: string): readonly Block[] {
  const found = blocks.filter(({ id, scope, state }) => id === target || (scope === target && state === "active"));
  if (found.length === 0) throw new CommandFailed("missing", `there is no ${what} on ${target}`);
  return found;
}

export function killCommands(program: Command, terminal: Terminal): void {
  program
    .command("kill <scope...>")
    .summary("stop a scope at once, running calls too")
    .description("stop a scope at once, running calls too: `kill agent sdr-agent`")
    .requiredOption("--reason <text>", "why, for those who are refused and for the audit")
    .option("--for <duration>", "lift it by itself after this: 30m, 2h", seconds)
    .option("--everywhere", "in every environment")
    .action(acting(terminal, (run, scope: string[], options: StopOptions) => kill(run, scopeOf(scope), options)));
  program
    .command("unkill <scope...>")
    .summary("lift the kill switches of a scope")
    .description("lift the kill switches of a scope, or one by its id")
    .option("--everywhere", "in every environment")
    .action(
      acting(terminal, (run, scope: string[], options: { everywhere?: true }) =>
        unkill(run, scopeOf(scope), options.everywhere === true),
      ),
    );
  const switches = program
    .command("kill-switches")
    .summary("what is stopped, and who would be")
    .description("what is stopped, and who would be");
  switches
    .command("list")
    .description("kill switches, and those that expired of late")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.call("listKillSwitches", {});
        run.list(answer, answer.kill_switches, COLUMNS, "Nothing is stopped.");
      }),
    );
  switches
    .command("show <id>")
    .description("one kill switch")
    .action(
      acting(terminal, async (run, id: string) => shown(run, await run.api.call("getKillSwitch", { params: { id } }))),
    );
  switches
    .command("preview <scope...>")
    .description("who would be hit; changes nothing")
    .option("--everywhere", "in every environment")
    .action(
      acting(terminal, async (run, words: string[], options: { everywhere?: true }) => {
        const operation = options.everywhere === true ? "previewKillSwitchEverywhere" : "previewKillSwitch";
        const preview = await run.api.call(operation, { body: { scope: scopeOf(words) } });
        run.show(preview, () => [
          `${preview.scope}: ${count(preview.calls_last_hour)} calls in the last hour, ${count(preview.running_calls)} running now.`,
          ...preview.running.map(
            (call) => `  ${call.decision}  ${call.provider} ${call.model} since ${time(call.started_at)}`,
          ),
        ]);
      }),
    );
}

export function blockCommands(program: Command, terminal: Terminal): void {
  program
    .command("block <scope...>")
    .summary("put a user, customer or key on the blocklist")
    .description("put a user, a customer or a key on the blocklist: `block user ada`")
    .requiredOption("--reason <text>", "why, for those who are refused and for the audit")
    .option("--for <duration>", "unblock by itself after this: 30m, 7d", seconds)
    .action(
      acting(terminal, async (run, words: string[], { reason, for: expires_in }: StopOptions) => {
        const made = await run.api.call("createBlock", {
          body: { scope: scopeOf(words), reason, ...given({ expires_in }) },
        });
        run.show(made, () => [`Blocked ${made.scope}; ${count(made.ended_calls)} running calls ended. ${made.id}`]);
      }),
    );
  program
    .command("unblock <scope...>")
    .summary("take it off the blocklist")
    .description("take a scope off the blocklist, or one entry by its id")
    .action(
      acting(terminal, async (run, words: string[]) => {
        const target = scopeOf(words);
        const blocks = target.startsWith("blk_")
          ? [await run.api.call("getBlock", { params: { id: target } })]
          : (await run.api.all("listBlocks", { query: { scope: target } })).blocks;
        const lifted = matching(blocks, target, "block");
        for (const { id } of lifted) await run.api.call("deleteBlock", { params: { id } });
        run.show({ lifted: lifted.map(({ id }) => id) }, () =>
          lifted.map(({ id, scope }) => `Unblocked ${scope} ${id}`),
        );
      }),
    );
  const blocks = program
    .command("blocks")
    .summary("the blocklist")
    .description("the blocklist: users, customers and keys");
  blocks
    .command("list")
    .description("who is blocked, and what expired of late")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.all("listBlocks", { query: { limit: 1000 } });
        run.list(answer, answer.blocks, COLUMNS, "Nobody is blocked.");
      }),
    );
  blocks
    .command("show <id>")
    .description("one entry of the blocklist")
    .action(
      acting(terminal, async (run, id: string) => shown(run, await run.api.call("getBlock", { params: { id } }))),
    );
}
