import type { Command } from "commander";
import type { System, SystemNode } from "@tollhouse/contract/control-client";
import { systemChecks, type Check } from "../doctor/checks.ts";
import { examine } from "../doctor/examine.ts";
import { CommandFailed } from "../exit-codes.ts";
import { acting, type Run } from "../run.ts";
import { count, time } from "../terminal/amounts.ts";
import { plain, type Column } from "../terminal/table.ts";
import { styled, type Terminal } from "../terminal/terminal.ts";
import { watching, withWatch } from "../watch.ts";

const STYLES = { ok: "green", warn: "yellow", fail: "red", unknown: "dim" } as const;
const WORDS = { ok: "ok  ", warn: "warn", fail: "FAIL", unknown: "?   " } as const;

function checkLines(run: Run, checks: readonly Check[]): string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.flatMap(({ name, state, found, next }) => [
    `${styled(run.terminal, STYLES[state], WORDS[state])}  ${plain(name).padEnd(width)}  ${plain(found)}`,
    ...(next === null ? [] : [`      ${" ".repeat(width)}  → ${plain(next)}`]),
  ]);
}

const NODE_COLUMNS: readonly Column<SystemNode>[] = [
  { head: "NODE", cell: ({ name }) => name, cutTo: 12 },
  { head: "STATE", cell: ({ state, live }) => (live || state === "stopped" ? state : "lost") },
  { head: "ROLES", cell: ({ roles }) => roles.join(","), leaveOut: 1 },
  { head: "CALLS", cell: ({ calls_in_flight }) => count(calls_in_flight), align: "right" },
  { head: "HELD", cell: ({ reservations }) => count(reservations), align: "right" },
  { head: "UNTOLD", cell: ({ untold }) => count(untold), align: "right" },
  { head: "VERSION", cell: ({ version }) => version },
  { head: "LAST BEAT", cell: ({ last_beat_at }) => time(last_beat_at), leaveOut: 2 },
];

function systemLines(run: Run, system: System): string[] {
  const { node, reservations, nodes } = system;
  return [
    ...run.facts([
      ["node", `${node.name} (${node.roles.join(", ")}), version ${node.version}, since ${time(node.started_at)}`],
      [
        "held",
        `${count(reservations.pending)} reservations${reservations.oldest_at === null ? "" : `, the oldest since ${time(reservations.oldest_at)}`}`,
      ],
    ]),
    "",
    ...checkLines(run, systemChecks(system)),
    ...(nodes === null || nodes.length === 0 ? [] : ["", ...run.table(nodes, NODE_COLUMNS)]),
  ];
}

async function doctor(run: Run): Promise<void> {
  const checks = await examine(run.api);
  const failed = checks.filter(({ state }) => state === "fail").length;
  run.show({ failed, checks }, () => checkLines(run, checks));
  if (failed > 0) throw new CommandFailed("no", `${failed} of ${checks.length} checks failed`);
}

export function systemCommands(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .description("is everything well? Each line says what to do where it is not; exit code 1 if anything failed")
    .summary("is everything well, and what to do if not")
    .action(acting(terminal, doctor));
  withWatch(program.command("system"))
    .description("processes, stores, what is under way (the admin key only)")
    .summary("processes, stores, what is under way")
    .action(
      acting(terminal, (run, { watch }: { watch?: number }) =>
        watching(run, watch, async () => {
          const system = await run.api.call("getSystem", {});
          return () => run.show(system, () => systemLines(run, system));
        }),
      ),
    );
}
