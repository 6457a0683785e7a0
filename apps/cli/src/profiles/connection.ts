import { CommandFailed } from "../exit-codes.ts";
import { DEFAULT_URL, readProfiles, type Profile } from "./profiles.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly profile?: string;
  readonly url?: string;
  readonly environment?: string;
  readonly tenant?: string;
  readonly json?: true;
  readonly yes?: true;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Where a command goes, and as whom: an option wins over a variable, a variable over the profile. A key is never an option: others see those. */
export function connectionOf(options: GlobalOptions, env: Env): Profile {
  const profile = chosenProfile(options, env);
  const url = normalUrl(options.url ?? (env["TOLLHOUSE_URL"] || profile?.url || DEFAULT_URL));
  return {
    url,
    key: env["TOLLHOUSE_KEY"] || env["TOLLHOUSE_ADMIN_KEY"] || keyFor(url, profile),
    environment: options.environment ?? (env["TOLLHOUSE_ENVIRONMENT"] || profile?.environment || null),
    tenant: options.tenant ?? (env["TOLLHOUSE_TENANT"] || profile?.tenant || null),
  };
}

function chosenProfile(options: GlobalOptions, env: Env): Profile | null {
  const { current, profiles } = readProfiles(env);
  const named = options.profile ?? (env["TOLLHOUSE_PROFILE"] || undefined);
  const profile = profiles[named ?? current];
  if (profile !== undefined) return profile;
  if (named === undefined) return null;
  const known = Object.keys(profiles).join(", ") || "none yet";
  throw new CommandFailed(
    "usage",
    `there is no profile ${named} (${known}): \`tollhouse login --profile ${named}\` makes it`,
  );
}

/** The key of a profile goes to the installation that it was given for, and to no other. */
function keyFor(url: string, profile: Profile | null): string | null {
  return profile !== null && normalUrl(profile.url) === url ? profile.key : null;
}

export function normalUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new CommandFailed("usage", `${text} is no address: expected http://host:port or https://host`);
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
