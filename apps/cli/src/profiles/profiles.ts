import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { CommandFailed } from "../exit-codes.ts";

/** One installation, and what to say to it unless a command says otherwise. */
export interface Profile {
  readonly url: string;
  readonly key: string | null;
  readonly environment: string | null;
  readonly tenant: string | null;
}

export interface Profiles {
  readonly current: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

type Env = Readonly<Record<string, string | undefined>>;

export const DEFAULT_URL = "http://127.0.0.1:8787";
const NONE: Profiles = { current: "default", profiles: {} };

/** `TOLLHOUSE_PROFILES`, or where this system keeps what a user set. */
export function profilesFile(env: Env): string {
  if (env["TOLLHOUSE_PROFILES"]) return env["TOLLHOUSE_PROFILES"];
  const base = env["XDG_CONFIG_HOME"] || (process.platform === "win32" ? env["APPDATA"] : undefined);
  return join(base ?? join(env["HOME"] || homedir(), ".config"), "tollhouse", "profiles.json");
}

export function readProfiles(env: Env): Profiles {
  const file = profilesFile(env);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return NONE;
  // Who can read a key can spend with it; a file copied from elsewhere is how that happens.
  if (process.platform !== "win32" && (stat.mode & 0o077) !== 0)
    throw new CommandFailed("access", `${file} holds keys and others can read it: \`chmod 600 ${file}\``);
  try {
    const read = JSON.parse(readFileSync(file, "utf8")) as Partial<Profiles>;
    if (typeof read.current === "string" && typeof read.profiles === "object") return read as Profiles;
  } catch {
    // Told below, without what stands in it.
  }
  throw new CommandFailed("refused", `${file} is not a file of profiles: mend or remove it, then \`tollhouse login\``);
}

/** Whole or not at all, and never readable by others, not even for a moment. */
export function writeProfiles(env: Env, profiles: Profiles): void {
  const file = profilesFile(env);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}
