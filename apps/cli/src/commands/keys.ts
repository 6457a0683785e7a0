import { Option, type Command } from "commander";
import type { Key, KeyMade } from "@tollhouse/contract/control-client";
import { ahead, expectSome, given, pair, seconds, several, whole } from "../arguments.ts";
import { acting, type Run } from "../run.ts";
import { count, time } from "../terminal/amounts.ts";
import type { Column } from "../terminal/table.ts";
import { remark, type Terminal } from "../terminal/terminal.ts";

const PERMISSIONS = ["call", "record", "read", "manage"] as const;

const COLUMNS: readonly Column<Key>[] = [
  { head: "ID", cell: ({ id }) => id },
  { head: "NAME", cell: ({ name }) => name, cutTo: 10 },
  { head: "STATE", cell: stateOf },
  { head: "MAY", cell: ({ permissions }) => permissions.join(","), cutTo: 6 },
  {
    head: "LAST USED",
    cell: ({ last_used_at }) => (last_used_at === null ? "never" : time(last_used_at)),
    leaveOut: 1,
  },
];

function stateOf({ revoked_at, expires_at }: Key): string {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && Date.parse(expires_at) <= Date.now() ? "expired" : "active";
}

function factsOf(key: Key): (readonly [string, string])[] {
  return [
    ["id", key.id],
    ["name", key.name],
    ["environment", key.environment],
    ["state", stateOf(key)],
    ["may", key.permissions.join(", ")],
    [
      "fixed",
      Object.entries(key.fixed)
        .map(([name, value]) => `${name}=${value}`)
        .join(", ") || "nothing",
    ],
    ["may set", key.settable === null ? "any other dimension" : key.settable.join(", ") || "nothing"],
    ["models", key.models === null ? "any" : key.models.join(", ")],
    ["a minute", `${count(key.requests_per_minute)} requests, ${count(key.tokens_per_minute)} tokens`],
    ["expires at", key.expires_at === null ? "never" : time(key.expires_at)],
    ["last used", key.last_used_at === null ? "never" : time(key.last_used_at)],
    ...(key.previous_valid_until === null
      ? []
      : ([["old secret", `valid until ${time(key.previous_valid_until)}`]] as const)),
    ["version", String(key.version)],
  ];
}

/** The secret alone on standard output, so that `$(tollhouse keys create …)` is it; it is shown this once. */
function secretShown(run: Run, made: KeyMade): void {
  run.show(made, () => [made.key]);
  if (run.json) return;
  remark(
    run.terminal,
    `${made.id} (${made.name}, ${made.environment}). This is its secret, shown this once: keep it now.`,
  );
}

interface KeyFields {
  readonly name?: string;
  readonly permissions?: (typeof PERMISSIONS)[number][];
  readonly fix?: Record<string, string>;
  readonly settable?: readonly string[];
  readonly models?: readonly string[];
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly expiresIn?: string;
  readonly expiresAt?: string;
  readonly ifVersion?: number;
}

function withFields(command: Command): Command {
  return command
    .addOption(new Option("--permissions <names...>", "what it may do (default: call)").choices(PERMISSIONS))
    .option("--fix <dimension=value>", "calls belong to this, whatever they say; may be repeated", pair)
    .option("--settable <dimensions>", "dimensions that its calls may name, by comma", several)
    .option("--models <globs>", "models that it may call, by comma", several)
    .option("--requests-per-minute <count>", "refuse more", whole)
    .option("--tokens-per-minute <count>", "refuse more", whole)
    .option("--expires-in <duration>", "until when: 30d", ahead)
    .option("--expires-at <time>", "until when: 2027-01-01T00:00:00Z");
}

function bodyOf(fields: KeyFields) {
  return given({
    permissions: fields.permissions,
    fixed: fields.fix,
    // Names that are none are refused by the server, which knows them.
    settable: fields.settable as Key["settable"] | undefined,
    models: fields.models,
    requests_per_minute: fields.requestsPerMinute,
    tokens_per_minute: fields.tokensPerMinute,
    expires_at: fields.expiresIn ?? fields.expiresAt,
  });
}

function changingCommands(keys: Command, terminal: Terminal): void {
  withFields(keys.command("create <name>"))
    .description("issue a key; its secret is on standard output, this once")
    .action(
      acting(terminal, async (run, name: string, fields: KeyFields) => {
        secretShown(run, await run.api.call("createKey", { body: { name, ...bodyOf(fields) } }));
      }),
    );
  withFields(keys.command("change <id>"))
    .description("change what a key may do")
    .option("--name <name>", "another name")
    .option("--if-version <version>", "only if it is still this version", whole)
    .action(
      acting(terminal, async (run, id: string, fields: KeyFields) => {
        const change = { ...bodyOf(fields), ...given({ name: fields.name }) };
        expectSome(change, "--name, --permissions, --models or another of `keys change --help`");
        const body = { ...change, ...given({ version: fields.ifVersion }) };
        const key = await run.api.call("updateKey", { params: { id }, body });
        run.show(key, () => run.facts(factsOf(key)));
      }),
    );
  keys
    .command("rotate <id>")
    .description("give a key a new secret; the old one stays valid for the overlap")
    .option("--overlap <duration>", "how long: 0s, 10m, 1d", seconds)
    .action(
      acting(terminal, async (run, id: string, { overlap }: { overlap?: number }) => {
        secretShown(
          run,
          await run.api.call("rotateKey", { params: { id }, body: given({ overlap_seconds: overlap }) }),
        );
      }),
    );
  keys
    .command("revoke <id>")
    .description("end a key, for good and at once")
    .action(
      acting(terminal, async (run, id: string) => {
        const key = await run.api.call("getKey", { params: { id } });
        await run.confirm(`Revoke ${key.name} (${id})? It does not come back.`);
        await run.api.call("revokeKey", { params: { id } });
        run.show({ revoked: id }, () => [`Revoked ${id} (${key.name})`]);
      }),
    );
}

export function keyCommands(program: Command, terminal: Terminal): void {
  const keys = program
    .command("keys")
    .summary("who may call, and what each key may do")
    .description("who may call, and what each key may do");
  keys
    .command("list")
    .description("keys of an environment, without their secrets")
    .action(
      acting(terminal, async (run) => {
        const answer = await run.api.all("listKeys", {});
        run.list(answer, answer.keys, COLUMNS, "No key yet.");
      }),
    );
  keys
    .command("show <id>")
    .description("one key, without its secret")
    .action(
      acting(terminal, async (run, id: string) => {
        const key = await run.api.call("getKey", { params: { id } });
        run.show(key, () => run.facts(factsOf(key)));
      }),
    );
  changingCommands(keys, terminal);
}
