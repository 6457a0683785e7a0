import type { Command } from "commander";
import { Api, ProblemAnswer } from "../api/api.ts";
import { CommandFailed } from "../exit-codes.ts";
import { normalUrl } from "../profiles/connection.ts";
import { DEFAULT_URL, profilesFile, readProfiles, writeProfiles, type Profile } from "../profiles/profiles.ts";
import { acting, type Run } from "../run.ts";
import type { Column } from "../terminal/table.ts";
import { askLine, readSecret, type Terminal } from "../terminal/terminal.ts";

/** What a profile's key turned out to be, when it was given. */
async function accessOf(profile: Profile, signal: AbortSignal): Promise<string> {
  const api = new Api({ ...profile, signal });
  try {
    await api.call("listTenants", { query: { limit: 1 } });
    return "the admin key";
  } catch (error) {
    if (!(error instanceof ProblemAnswer)) throw error;
    // A key that may only call is right too: it is the only one that is told what it lacks.
    if (error.problem.reason_code === "PERMISSION_MISSING") return "a key";
    throw error;
  }
}

async function login(run: Run): Promise<void> {
  const { terminal, options } = run;
  const { env } = terminal;
  const profiles = readProfiles(env);
  const name = options.profile ?? (env["TOLLHOUSE_PROFILE"] || profiles.current);
  const before = profiles.profiles[name];
  const known = options.url ?? (env["TOLLHOUSE_URL"] || undefined);
  const url = normalUrl(known ?? (await askLine(terminal, "Address", before?.url ?? DEFAULT_URL)));
  const key = await readSecret(terminal, "Key");
  const profile: Profile = {
    url,
    key,
    environment: options.environment ?? before?.environment ?? null,
    tenant: options.tenant ?? before?.tenant ?? null,
  };
  const access = await accessOf(profile, terminal.interrupted);
  writeProfiles(env, { current: name, profiles: { ...profiles.profiles, [name]: profile } });
  run.show({ profile: name, url, access }, () => [`Logged in to ${url} with ${access}, as profile ${name}.`]);
}

function logout(run: Run): void {
  const { env } = run.terminal;
  const { current, profiles } = readProfiles(env);
  const name = run.options.profile ?? current;
  const profile = profiles[name];
  if (profile === undefined) throw new CommandFailed("missing", `there is no profile ${name}`);
  writeProfiles(env, { current, profiles: { ...profiles, [name]: { ...profile, key: null } } });
  run.show({ profile: name, url: profile.url }, () => [`Forgot the key of profile ${name}.`]);
}

type Named = Omit<Profile, "key"> & { readonly name: string; readonly current: boolean; readonly key: "kept" | null };

const COLUMNS: readonly Column<Named>[] = [
  { head: "PROFILE", cell: ({ name, current }) => `${current ? "*" : " "} ${name}` },
  { head: "ADDRESS", cell: ({ url }) => url, cutTo: 20 },
  { head: "ENVIRONMENT", cell: ({ environment }) => environment ?? "–" },
  { head: "TENANT", cell: ({ tenant }) => tenant ?? "–" },
  { head: "KEY", cell: ({ key }) => key ?? "none" },
];

function listed(run: Run): void {
  const { current, profiles } = readProfiles(run.terminal.env);
  const all = Object.entries(profiles).map(([name, profile]) => ({
    ...profile,
    name,
    current: name === current,
    key: profile.key === null ? null : ("kept" as const),
  }));
  run.list({ profiles: all }, all, COLUMNS, "No profile yet: `tollhouse login` makes one.");
}

const SETTABLE = ["url", "environment", "tenant"] as const;

function set(run: Run, field: string, value: string | undefined): void {
  const { env } = run.terminal;
  const known = SETTABLE.find((name) => name === field);
  if (known === undefined)
    throw new CommandFailed("usage", `expected ${SETTABLE.join(", ")}, not ${field} (a key: \`tollhouse login\`)`);
  const { current, profiles } = readProfiles(env);
  const name = run.options.profile ?? current;
  const before = profiles[name] ?? { url: DEFAULT_URL, key: null, environment: null, tenant: null };
  const to = known === "url" ? normalUrl(value ?? DEFAULT_URL) : (value ?? null);
  // A key belongs to the installation that it was given for.
  const key = known === "url" && to !== before.url ? null : before.key;
  writeProfiles(env, { current, profiles: { ...profiles, [name]: { ...before, key, [known]: to } } });
  listed(run);
}

export function profileCommands(program: Command, terminal: Terminal): void {
  program
    .command("login")
    .summary("keep the key of an installation")
    .description("keep the key of an installation: typed when asked, or on standard input")
    .action(acting(terminal, login));
  program
    .command("logout")
    .summary("forget the key of a profile")
    .description("forget the key of a profile")
    .action(acting(terminal, logout));
  const config = program
    .command("config")
    .summary("profiles: installations and environments")
    .description("profiles: several installations and environments");
  config.command("list").description("profiles, without their keys").action(acting(terminal, listed));
  config
    .command("use <profile>")
    .description("the profile of commands that name none")
    .action(
      acting(terminal, (run, name: string) => {
        const { profiles } = readProfiles(terminal.env);
        if (profiles[name] === undefined) throw new CommandFailed("missing", `there is no profile ${name}`);
        writeProfiles(terminal.env, { current: name, profiles });
        listed(run);
      }),
    );
  config
    .command("set <field> [value]")
    .description("url, environment or tenant of a profile; without a value: none")
    .action(acting(terminal, set));
  config
    .command("remove <profile>")
    .description("forget a profile and its key")
    .action(
      acting(terminal, (run, name: string) => {
        const { current, profiles } = readProfiles(terminal.env);
        const { [name]: removed, ...rest } = profiles;
        if (removed === undefined) throw new CommandFailed("missing", `there is no profile ${name}`);
        writeProfiles(terminal.env, { current, profiles: rest });
        listed(run);
      }),
    );
  config
    .command("path")
    .description("the file that they are in")
    .action(acting(terminal, (run) => run.show({ path: profilesFile(terminal.env) }, ({ path }) => [path])));
}
