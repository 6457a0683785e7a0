import { Option, type Command } from "commander";
import { stringify } from "yaml";
import type { Policy, PolicyVersion, Rehearsal, RehearsedChange } from "@tollhouse/contract/control-client";
import { given, moment, whole } from "../arguments.ts";
import { CommandFailed } from "../exit-codes.ts";
import { differences, documentOf, planOf, readPolicies, type PolicyPlan } from "../policies/policy-files.ts";
import { rehearsed } from "../policies/rehearsal.ts";
import { acting, type Run } from "../run.ts";
import { count, money, time } from "../terminal/amounts.ts";
import { plain, type Column } from "../terminal/table.ts";
import { remark, styled, type Terminal } from "../terminal/terminal.ts";

const COLUMNS: readonly Column<Policy>[] = [
  { head: "NAME", cell: ({ name }) => name, cutTo: 14 },
  { head: "FOR", cell: ({ attach }) => attachedTo(attach), cutTo: 10 },
  { head: "MODE", cell: ({ mode }) => mode },
  { head: "PRIORITY", cell: ({ priority }) => String(priority), align: "right", leaveOut: 1 },
  { head: "VERSION", cell: ({ version }) => String(version), align: "right", leaveOut: 2 },
  { head: "ID", cell: ({ id }) => id },
];

function attachedTo(attach: Policy["attach"]): string {
  return attach === "default"
    ? attach
    : Object.entries(attach)
        .map(([level, name]) => `${level}:${name}`)
        .join("");
}

async function policiesOf(run: Run): Promise<readonly Policy[]> {
  return (await run.api.all("listPolicies", {})).policies;
}

/** By id, or by a name that only one of them has. */
async function policyOf(run: Run, target: string): Promise<Policy> {
  if (/^pol_[0-9A-Za-z_-]+$/.test(target)) return run.api.call("getPolicy", { params: { id: target } });
  const found = (await policiesOf(run)).filter(({ name }) => name === target);
  const [policy] = found;
  if (policy === undefined) throw new CommandFailed("missing", `there is no policy named ${target}`);
  if (found.length > 1)
    throw new CommandFailed("conflict", `several are named ${target}: ${found.map(({ id }) => id).join(", ")}`);
  return policy;
}

function planLines(run: Run, plan: PolicyPlan, prune: boolean): string[] {
  const { terminal } = run;
  return [
    ...plan.create.map(({ name, attach }) => styled(terminal, "green", `+ ${plain(name)} (${attachedTo(attach)})`)),
    ...plan.change.flatMap(({ from, lines }) => [
      styled(terminal, "yellow", `~ ${plain(from.name)} (version ${from.version})`),
      ...lines.map((line) => styled(terminal, line.startsWith("+") ? "green" : "red", `    ${plain(line)}`)),
    ]),
    ...plan.extra.map(({ name, id }) =>
      prune ? styled(terminal, "red", `- ${plain(name)} (${id})`) : `  ${plain(name)} (${id}) is not in the file`,
    ),
    `${plan.create.length} to make, ${plan.change.length} to change, ${prune ? plan.extra.length : 0} to delete, ${plan.unchanged} as they are.`,
  ];
}

function planAnswer(plan: PolicyPlan, prune: boolean) {
  return {
    create: plan.create.map(({ name }) => name),
    change: plan.change.map(({ from, lines }) => ({
      name: from.name,
      id: from.id,
      version: from.version,
      differences: lines,
    })),
    delete: prune ? plan.extra.map(({ name, id }) => ({ name, id })) : [],
    not_in_file: prune ? [] : plan.extra.map(({ name, id }) => ({ name, id })),
    unchanged: plan.unchanged,
  };
}

interface FileOptions {
  readonly file: string;
  readonly prune?: true;
}

async function diff(run: Run, { file, prune }: FileOptions): Promise<void> {
  const plan = planOf(readPolicies(run.terminal.cwd, file), await policiesOf(run));
  run.show(planAnswer(plan, prune === true), () => planLines(run, plan, prune === true));
  if (plan.create.length + plan.change.length + plan.extra.length > 0)
    throw new CommandFailed("no", `the environment is not what ${file} says`);
}

interface Applied {
  readonly name: string;
  readonly id: string;
  readonly version: number;
}

async function applySteps(run: Run, plan: PolicyPlan, deleted: readonly Policy[], applied: Applied[]): Promise<void> {
  for (const body of plan.create) applied.push(await run.api.call("createPolicy", { body }));
  // What somebody else changed since the plan was made is a conflict, and not overwritten.
  for (const { from, to } of plan.change)
    applied.push(await run.api.call("updatePolicy", { params: { id: from.id }, body: to }, from.version));
  for (const { id, version } of deleted) await run.api.call("deletePolicy", { params: { id } }, version);
}

async function apply(run: Run, { file, prune }: FileOptions): Promise<void> {
  const plan = planOf(readPolicies(run.terminal.cwd, file), await policiesOf(run));
  const deleted = prune === true ? plan.extra : [];
  const steps = plan.create.length + plan.change.length + deleted.length;
  if (!run.json) for (const line of planLines(run, plan, prune === true)) remark(run.terminal, line);
  if (steps > 0) await run.confirm("Apply this?");
  const applied: Applied[] = [];
  try {
    await applySteps(run, plan, deleted, applied);
  } catch (error) {
    // In JSON standard error is the problem alone; `diff` says what is left to do.
    if (applied.length > 0 && !run.json)
      remark(run.terminal, `Broke off; applied before: ${applied.map(({ name }) => plain(name)).join(", ")}`);
    throw error;
  }
  run.show(
    { ...planAnswer(plan, prune === true), applied: applied.map(({ name, id, version }) => ({ name, id, version })) },
    () => [
      ...applied.map(({ name, id, version }) => `Applied ${plain(name)}: ${id} version ${version}`),
      ...deleted.map(({ name, id }) => `Deleted ${plain(name)}: ${id}`),
      ...(steps === 0 ? ["Nothing to do."] : []),
    ],
  );
}

const CHANGE_COLUMNS: readonly Column<RehearsedChange>[] = [
  { head: "CHANGE", cell: ({ change }) => change.replaceAll("_", " ") },
  { head: "MODEL", cell: ({ model, to_model }) => (to_model === null ? model : `${model} → ${to_model}`), cutTo: 10 },
  { head: "REASON", cell: ({ reason_code }) => reason_code ?? "–", cutTo: 8 },
  { head: "COST", cell: ({ cost }) => money(cost), align: "right", leaveOut: 1 },
  { head: "DECISION", cell: ({ decision }) => decision },
];

function rehearsalLines(run: Run, rehearsal: Rehearsal): string[] {
  const reasons = (by: Readonly<Record<string, number>>): string =>
    Object.entries(by)
      .map(([name, calls]) => `${name} ${count(calls)}`)
      .join(", ");
  const { newly_blocked, unjudged } = rehearsal;
  return [
    ...run.facts([
      ["calls", `${count(rehearsal.calls)} from ${time(rehearsal.from)} to ${time(rehearsal.to)}`],
      ["unchanged", count(rehearsal.unchanged)],
      ["newly blocked", `${count(newly_blocked.calls)}  ${reasons(newly_blocked.by_reason)}`.trimEnd()],
      ["newly allowed", count(rehearsal.newly_allowed)],
      ["downgraded", count(rehearsal.downgraded)],
      ["not judged", `${count(unjudged.calls)}  ${reasons(unjudged.by_reason)}`.trimEnd()],
      ["not spent", `${money(rehearsal.cost.not_spent)} of ${money(rehearsal.cost.recorded)}`],
    ]),
    ...(rehearsal.changes.length === 0 ? [] : ["", ...run.table(rehearsal.changes, CHANGE_COLUMNS)]),
    ...(rehearsal.changes_left_out === 0 ? [] : [`… and ${count(rehearsal.changes_left_out)} more (--limit)`]),
  ];
}

interface RehearseOptions {
  readonly file?: string;
  readonly replaces?: string;
  readonly without?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
}

/** A policy of the file takes the place of the one that has its name, as `apply` would. */
async function rehearse(run: Run, { file, replaces, without, from, to, limit }: RehearseOptions): Promise<void> {
  const [policy, ...more] = file === undefined ? [null] : readPolicies(run.terminal.cwd, file);
  if (more.length > 0)
    throw new CommandFailed("usage", `${file}: expected one policy to rehearse, not ${more.length + 1}`);
  const own =
    policy === null || policy === undefined ? [] : (await policiesOf(run)).filter(({ name }) => name === policy.name);
  const named = replaces ?? without;
  const replaced = named === undefined ? own[0]?.id : (await policyOf(run, named)).id;
  const body = { policy: policy ?? null, ...given({ replaces: replaced, from, to }), limit };
  const rehearsal = await rehearsed(run, body, limit);
  run.show(rehearsal, () => rehearsalLines(run, rehearsal));
}

function versionLines(versions: readonly PolicyVersion[]): string[] {
  return versions.flatMap(({ version, created_at, policy }, at) => {
    const before = versions[at + 1]?.policy ?? null;
    const head = `version ${version}  ${time(created_at)}${policy === null ? "  deleted" : ""}`;
    return [
      head,
      ...(policy === null || before === null
        ? []
        : differences(documentOf(before), documentOf(policy)).map((line) => `    ${plain(line)}`)),
    ];
  });
}

function readingCommands(policies: Command, terminal: Terminal): void {
  policies
    .command("list")
    .description("policies of an environment")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.all("listPolicies", {});
        run.list(answer, answer.policies, COLUMNS, "No policy yet.");
      }),
    );
  policies
    .command("get <policy>")
    .description("one policy by id or name, as YAML that `apply` takes again")
    .action(
      acting(terminal, async (run, target: string) => {
        const policy = await policyOf(run, target);
        run.show(policy, () => [
          `# ${policy.id} version ${policy.version}, ${time(policy.created_at)}`,
          stringify(documentOf(policy)).trimEnd(),
        ]);
      }),
    );
  policies
    .command("versions <policy>")
    .description("every version, the newest first, and what changed; of a deleted one by its id")
    .action(
      acting(terminal, async (run, target: string) => {
        const id = target.startsWith("pol_") ? target : (await policyOf(run, target)).id;
        const answer = await run.api.all("listPolicyVersions", { params: { id } });
        run.show(answer, () => versionLines(answer.versions));
      }),
    );
}

export function policyCommands(program: Command, terminal: Terminal): void {
  const policies = program
    .command("policies")
    .summary("what may be asked for, and by whom")
    .description("what may be asked for, by whom, and what each may spend");
  readingCommands(policies, terminal);
  policies
    .command("diff")
    .description("does the environment differ from a file? Exit code 1 if it does")
    .requiredOption("-f, --file <file>", "YAML: one policy a document, or a list under `policies:`")
    .option("--prune", "what is not in the file counts as to be deleted")
    .action(acting(terminal, diff));
  policies
    .command("apply")
    .description("make the environment what a file says: shows the plan, asks, applies")
    .requiredOption("-f, --file <file>", "YAML: one policy a document, or a list under `policies:`")
    .option("--prune", "delete what is not in the file")
    .action(acting(terminal, apply));
  policies
    .command("rehearse")
    .description("what would a policy have refused, allowed or made cheaper? Changes nothing")
    .option("-f, --file <file>", "YAML with one policy; takes the place of the one of its name")
    .option("--replaces <policy>", "it takes the place of this one instead")
    .addOption(
      new Option("--without <policy>", "without a file: as if this one were deleted").conflicts(["file", "replaces"]),
    )
    .option("--from <time>", "2026-11-20T00:00:00Z, or how long ago: 24h (default: 7d)", moment)
    .option("--to <time>", "the same (default: now)", moment)
    .option("--limit <calls>", "calls that are told one by one", whole, 20)
    .action(acting(terminal, rehearse));
  policies
    .command("delete <policy>")
    .description("delete a policy by id or name; its versions stay")
    .action(
      acting(terminal, async (run, target: string) => {
        const policy = await policyOf(run, target);
        await run.confirm(`Delete the policy ${plain(policy.name)} (${policy.id})?`);
        await run.api.call("deletePolicy", { params: { id: policy.id } }, policy.version);
        run.show({ deleted: policy.id }, () => [`Deleted ${policy.id}`]);
      }),
    );
}
