import { InvalidArgumentError, type Command } from "commander";
import type { Retention } from "@tollhouse/contract/control-client";
import { whole } from "../arguments.ts";
import { acting, type Run } from "../run.ts";
import { time } from "../terminal/amounts.ts";
import type { Terminal } from "../terminal/terminal.ts";

const FOR_EVER = "forever";

function monthsOf(text: string): number | null {
  if (text === FOR_EVER) return null;
  const months = whole(text);
  if (months < 1) throw new InvalidArgumentError(`Expected at least 1, or ${FOR_EVER}.`);
  return months;
}

function lines({ environment, detail_months: months, purged_before: purged, removing }: Retention): string[] {
  return [
    `${environment}: details of calls are kept ${months === null ? "for ever" : `for ${months} whole ${months === 1 ? "month" : "months"} behind the running one`}`,
    ...(purged === null ? [] : [`Those before ${time(purged)} ${removing ? "are being" : "were"} removed.`]),
  ];
}

async function set(run: Run, detail_months: number | null, { ifVersion }: { ifVersion?: number }): Promise<void> {
  if (detail_months !== null)
    await run.confirm(
      `Remove for good who and what calls were, once ${detail_months} whole months are over behind them?`,
    );
  run.show(await run.api.call("updateRetention", { body: { detail_months } }, ifVersion), lines);
}

export function retentionCommands(program: Command, terminal: Terminal): void {
  const retention = program
    .command("retention")
    .summary("for how long details of calls are kept")
    .description("for how long it is kept who and what single calls were; sums and the chain stay");
  retention
    .command("show")
    .description("as it is, and what was removed")
    .action(acting(terminal, async (run) => run.show(await run.api.call("getRetention", {}), lines)));
  retention
    .command("set")
    .argument("<months>", `whole months behind the running one, or ${FOR_EVER}`, monthsOf)
    .description("older details, and texts kept of their calls, go within the hour, for good")
    .option("--if-version <version>", "only if it is still this version", whole)
    .action(acting(terminal, set));
}
