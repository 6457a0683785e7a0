import { Option, type Command } from "commander";
import type { Member, MemberMade } from "@tollhouse/contract/control-client";
import { expectSome, given, whole } from "../arguments.ts";
import { acting, type Run } from "../run.ts";
import { time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import { readSecret, remark, type Terminal } from "../terminal/terminal.ts";

const ROLES = ["viewer", "operator", "admin", "owner"] as const;

const COLUMNS: readonly Column<Member>[] = [
  { head: "ID", cell: ({ id }) => id },
  { head: "E-MAIL", cell: ({ email }) => email, cutTo: 16 },
  { head: "ROLE", cell: ({ role }) => role },
  { head: "STATE", cell: ({ state }) => state },
  { head: "NAME", cell: ({ name }) => name, cutTo: 12, leaveOut: 2 },
  { head: "LAST SIGN-IN", cell: (member) => lastSignIn(member), leaveOut: 1 },
];

function lastSignIn({ last_sign_in_at }: Member): string {
  return last_sign_in_at === null ? "never" : time(last_sign_in_at);
}

function memberShown(run: Run, member: Member): void {
  run.show(member, () =>
    run.facts([
      ["member", member.id],
      ["name", member.name],
      ["e-mail", member.email],
      ["role", member.role],
      ["state", member.state],
      ["signs in", member.single_sign_on ? "at the identity provider" : "with a password"],
      ["last sign-in", lastSignIn(member)],
      ["since", time(member.created_at)],
      ["version", String(member.version)],
    ]),
  );
}

/** The one-time text alone on standard output, so that it can be piped; what it is for beside it. */
function madeShown(run: Run, made: MemberMade): void {
  run.show(made, () => (made.invitation === null ? [made.id] : [made.invitation.token]));
  if (run.json || made.invitation === null) return;
  remark(
    run.terminal,
    `${made.id} sets a password at /dashboard/invitation#<this text> until ${time(made.invitation.expires_at)}.`,
  );
}

interface MemberFields {
  readonly name?: string;
  readonly role?: (typeof ROLES)[number];
  readonly ifVersion?: number;
}

export function memberCommands(program: Command, terminal: Terminal): void {
  program
    .command("whoami")
    .summary("whose key this is, and what it may")
    .description("whose key this is, and what it may")
    .action(
      acting(terminal, async (run) => {
        const session = await run.api.call("getCurrentSession", {});
        run.show(session, () =>
          run.facts([
            ["actor", session.actor],
            ["tenant", session.tenant],
            ["environments", session.environments.join(", ")],
            ["may", session.permissions.join(", ")],
          ]),
        );
      }),
    );
  const members = program
    .command("members")
    .summary("people who sign in to the dashboard")
    .description("people who sign in to the dashboard, and what they may do there (the admin key only)");
  members
    .command("list")
    .description("members of the tenant")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.all("listMembers", {});
        run.list(answer, answer.members, COLUMNS, "No member: the dashboard makes the first owner with the admin key.");
      }),
    );
  members
    .command("show <id>")
    .description("one of them")
    .action(
      acting(terminal, async (run, id: string) =>
        memberShown(run, await run.api.call("getMember", { params: { id } })),
      ),
    );
  changingCommands(members, terminal);
}

function changingCommands(members: Command, terminal: Terminal): void {
  members
    .command("create <email>")
    .description("let somebody sign in; the one-time text for their password is on standard output, this once")
    .addOption(new Option("--role <role>", "what they may do").choices(ROLES).makeOptionMandatory())
    .option("--name <name>", "how they are called; else the address")
    .option("--with-password", "with a first password: typed when asked, or on standard input")
    .action(
      acting(
        terminal,
        async (run, email: string, fields: MemberFields & { role: (typeof ROLES)[number]; withPassword?: true }) => {
          const password = fields.withPassword ? await readSecret(run.terminal, `Password of ${email}`) : undefined;
          const body = { email, name: fields.name ?? email, role: fields.role, ...given({ password }) };
          madeShown(run, await run.api.call("createMember", { body }));
        },
      ),
    );
  members
    .command("change <id>")
    .description("another name or role; another role ends their sessions")
    .option("--name <name>", "how they are called")
    .addOption(new Option("--role <role>", "what they may do").choices(ROLES))
    .option("--if-version <version>", "only if it is still this version", whole)
    .action(
      acting(terminal, async (run, id: string, { name, role, ifVersion }: MemberFields) => {
        expectSome({ name, role }, "--name or --role");
        const body = given({ name, role, version: ifVersion });
        memberShown(run, await run.api.call("updateMember", { params: { id }, body }));
      }),
    );
  for (const [verb, disabled] of [
    ["disable", true],
    ["enable", false],
  ] as const)
    members
      .command(`${verb} <id>`)
      .description(disabled ? "let them sign in no more; their sessions end at once" : "let them sign in again")
      .action(
        acting(terminal, async (run, id: string) =>
          memberShown(run, await run.api.call("updateMember", { params: { id }, body: { disabled } })),
        ),
      );
  members
    .command("invite <id>")
    .description("a new one-time text, for who forgot the password; the one of now and their sessions end")
    .action(
      acting(terminal, async (run, id: string) => {
        await run.confirm(`End the password and the sessions of ${id}?`);
        madeShown(run, await run.api.call("inviteMember", { params: { id } }));
      }),
    );
  members
    .command("delete <id>")
    .description("forget them, for good and at once")
    .action(
      acting(terminal, async (run, id: string) => {
        await run.confirm(`Delete the member ${id}?`);
        await run.api.call("deleteMember", { params: { id } });
        run.show({ deleted: id }, () => [`Deleted ${id}`]);
      }),
    );
}
