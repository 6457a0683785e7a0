import { Option, type Command } from "commander";
import type { Plan } from "@tollhouse/contract/control-client";
import { CommandFailed } from "../exit-codes.ts";
import { acting, type Run } from "../run.ts";
import type { Column } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { summaryLines } from "./reports.ts";

interface EraseOptions {
  readonly configuration: "refuse" | "remove";
}

async function erase(run: Run, id: string, { configuration }: EraseOptions): Promise<void> {
  await run.confirm(`Forget ${id} for good: salt, names and stored texts?`);
  const erased = await run.api.call("eraseUser", { params: { id }, query: { configuration } });
  run.show(erased, () => [
    erased.erased
      ? `Forgot ${id}${erased.sequence === null ? "" : `, with entry ${erased.sequence}`}.`
      : `There was nothing of ${id} to forget.`,
    ...erased.removed.map((one) => `removed: ${one.kind} ${one.id} in ${one.environment}`),
    ...erased.remains.map((what) => `remains: ${what}`),
  ]);
}

export function userCommands(program: Command, terminal: Terminal): void {
  const users = program
    .command("users")
    .summary("what a user spends; forgetting one")
    .description("what a user spends; forgetting one");
  users
    .command("show <user>")
    .description("today, this month, ever; by readable id or pseudonym")
    .action(
      acting(terminal, async (run, id: string) => {
        const summary = await run.api.call("getUserSummary", { params: { id } });
        run.show(summary, () => [
          `user ${summary.user}${summary.plan === null ? "" : `, on plan ${summary.plan}`}`,
          "",
          ...summaryLines(run, summary),
        ]);
      }),
    );
  users
    .command("erase <user>")
    .description("forget a user; the ledger goes on to verify")
    .addOption(
      new Option("--configuration <what>", "what is set for the user: refuse while there is any, or remove it")
        .choices(["refuse", "remove"])
        .default("refuse"),
    )
    .action(acting(terminal, erase));
}

const PLAN_COLUMNS: readonly Column<Plan>[] = [
  { head: "PLAN", cell: ({ name }) => name, cutTo: 16 },
  { head: "DESCRIPTION", cell: ({ description }) => description || "–", cutTo: 20 },
  { head: "VERSION", cell: ({ version }) => String(version), align: "right" },
];

/** `user:ada` or `customer:acme`: those who can be on a plan. */
function holderOf(text: string): { readonly kind: "User" | "Customer"; readonly id: string } {
  const [, kind, id] = /^(user|customer):(.+)$/.exec(text) ?? [];
  if (id === undefined) throw new CommandFailed("usage", `expected user:<id> or customer:<id>, not ${text}`);
  return { kind: kind === "user" ? "User" : "Customer", id };
}

export function planCommands(program: Command, terminal: Terminal): void {
  const plans = program
    .command("plans")
    .summary("what policies attach to, and who is on them")
    .description("names that policies attach to, and who is on them");
  plans
    .command("list")
    .description("plans of an environment")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.all("listPlans", {});
        run.list(answer, answer.plans, PLAN_COLUMNS, "No plan yet.");
      }),
    );
  plans
    .command("show <plan>")
    .description("one plan")
    .action(
      acting(terminal, async (run, name: string) => {
        const plan = await run.api.call("getPlan", { params: { name } });
        run.list(plan, [plan], PLAN_COLUMNS, "");
      }),
    );
  plans
    .command("set <plan>")
    .description("make or describe a plan; what it allows is in the policies attached to it")
    .option("--description <text>", "for people")
    .action(
      acting(terminal, async (run, name: string, { description }: { description?: string }) => {
        const plan = await run.api.call("putPlan", {
          params: { name },
          body: description === undefined ? {} : { description },
        });
        run.list(plan, [plan], PLAN_COLUMNS, "");
      }),
    );
  plans
    .command("delete <plan>")
    .description("delete a plan that nothing is attached to, and nobody is on")
    .action(
      acting(terminal, async (run, name: string) => {
        await run.confirm(`Delete the plan ${name}?`);
        await run.api.call("deletePlan", { params: { name } });
        run.show({ deleted: name }, () => [`Deleted the plan ${name}`]);
      }),
    );
  holderCommands(plans, terminal);
}

function holderCommands(plans: Command, terminal: Terminal): void {
  plans
    .command("assign <who> <plan>")
    .description("put user:<id> or customer:<id> on a plan, from the next call on")
    .action(
      acting(terminal, async (run, who: string, plan: string) => {
        const { kind, id } = holderOf(who);
        const assigned = await run.api.call(`assign${kind}Plan`, { params: { id }, body: { plan } });
        run.show(assigned, () => [`${who} is on the plan ${assigned.plan}`]);
      }),
    );
  plans
    .command("of <who>")
    .description("the plan that user:<id> or customer:<id> was put on")
    .action(
      acting(terminal, async (run, who: string) => {
        const { kind, id } = holderOf(who);
        run.show(await run.api.call(`get${kind}Plan`, { params: { id } }), ({ plan }) => [plan]);
      }),
    );
  plans
    .command("unassign <who>")
    .description("take user:<id> or customer:<id> off their plan")
    .action(
      acting(terminal, async (run, who: string) => {
        const { kind, id } = holderOf(who);
        await run.api.call(`unassign${kind}Plan`, { params: { id } });
        run.show({ unassigned: who }, () => [`${who} is on no plan of their own`]);
      }),
    );
}
