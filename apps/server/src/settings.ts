import { resolve } from "node:path";
import { parse } from "yaml";
import type { z } from "zod";
import { DEFAULT_AUTH, providersSchema } from "./provider-settings.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { SETTINGS, yamlKey } from "./settings-table.ts";
import type { Setting } from "./setting.ts";
import { missingSignInSettings } from "./single-sign-on/sign-in-settings.ts";

type Values = { readonly [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]["schema"]> };

/**
 * Everything Tollhouse can be told, read once at start and never again. Paths are absolute, money is nano-dollars, a missing
 * optional setting is null. The only place that reads the environment.
 */
export interface Settings extends Omit<
  Values,
  "auth" | "openaiApiKey" | "openaiBaseUrl" | "anthropicApiKey" | "anthropicBaseUrl" | "geminiApiKey" | "geminiBaseUrl"
> {
  readonly auth: "open" | "required";
  /** `openai`, `anthropic`, `gemini`, then those of the file. */
  readonly providers: readonly ProviderSettings[];
  readonly demo: boolean;
}

export interface SettingsInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Without `node` and the script. */
  readonly argv: readonly string[];
  /** Content of the file that `configFile` named; null = there is none. */
  readonly yamlText: string | null;
  readonly cwd: string;
}

export interface SettingsProblem {
  readonly name: string;
  /** Ready to follow the name: "expected …" or "unknown …". */
  readonly problem: string;
}

/** Every wrong setting at once, one a line. Holds no value of a secret setting. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly SettingsProblem[];
  constructor(problems: readonly SettingsProblem[]) {
    const lines = problems.map(({ name, problem }) => `  ${name}: ${problem}`);
    super(`Tollhouse cannot start with these settings:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/** Flags and the settings they set; the value is null for flags that take none. */
const FLAGS: Readonly<Record<string, string | null>> = {
  "--config": "config",
  "--role": "TOLLHOUSE_ROLE",
  "--host": "TOLLHOUSE_HOST",
  "--port": "TOLLHOUSE_PORT",
  "--data-dir": "TOLLHOUSE_DATA_DIR",
  "--demo": null,
};

/** Ours, but no settings: how many rounds the tests of this repository run, and where the command line and docs/api.md go. */
const OTHERS_VARIABLES = [
  "TOLLHOUSE_ENVIRONMENT",
  "TOLLHOUSE_KEY",
  "TOLLHOUSE_LONG",
  "TOLLHOUSE_PROFILE",
  "TOLLHOUSE_PROFILES",
  "TOLLHOUSE_RANDOM_COUNT",
  "TOLLHOUSE_SEED",
  "TOLLHOUSE_SEEDS",
  "TOLLHOUSE_TENANT",
  "TOLLHOUSE_URL",
];

const VARIABLES: readonly string[] = Object.values(SETTINGS).map((setting) => setting.variable);

/** Which file to read, relative to the working directory. `required`: it was named, so it must exist. */
export function configFile(argv: readonly string[]): { readonly path: string; readonly required: boolean } {
  const named = readFlags(argv, []).get("config");
  return named === undefined ? { path: "tollhouse.yaml", required: false } : { path: named, required: true };
}

/** Flag before environment before file before default. Throws SettingsError with every problem found. */
export function loadSettings(input: SettingsInput): Settings {
  const problems: SettingsProblem[] = [];
  const flags = readFlags(input.argv, problems);
  const env = ownVariables(input.env);
  const file = readFile(input.yamlText, problems);
  findUnknown(env, file, problems);
  const values = {} as Record<keyof typeof SETTINGS, unknown>;
  for (const [name, setting] of Object.entries(SETTINGS) as [keyof typeof SETTINGS, Setting<unknown>][])
    values[name] = readSetting(setting, flags, env, file, problems);
  const own = providersSchema(input.env).safeParse(file.get("providers") ?? []);
  for (const issue of own.error?.issues ?? [])
    problems.push({ name: `providers${pathText(issue.path)}`, problem: issue.message });
  if (problems.length > 0) throw new SettingsError(problems);
  return compose(values as Values, own.data ?? [], flags.has("--demo"), input.cwd);
}

/** Texts that must never appear in a log line: provider keys, our keys, passwords inside URLs, in each spelling they have. */
export function secretsOf(settings: Settings): string[] {
  const secrets = settings.providers.map((provider) => provider.apiKey);
  secrets.push(
    settings.adminKey,
    settings.oidcClientSecret,
    settings.checkpointBucketCredentials?.secretAccessKey ?? null,
  );
  for (const encoding of ["hex", "base64", "base64url"] as const)
    for (const key of [settings.masterKey, settings.checkpointWebhookSecret, ...(settings.ledgerSigningKeys ?? [])])
      secrets.push(key?.toString(encoding) ?? null);
  for (const text of [settings.databaseUrl, ...(settings.redisUrls ?? [])]) {
    const { password = "", searchParams } = text === null ? {} : new URL(text);
    const ofSentinel = searchParams?.get("sentinel_password") ?? "";
    secrets.push(password, decodeURIComponent(password), ofSentinel, encodeURIComponent(ofSentinel));
  }
  return [...new Set(secrets.filter((secret) => secret !== null && secret !== ""))] as string[];
}

/** 127.0.0.0/8, ::1 and `localhost`: what only this machine can reach. */
export function isLoopbackHost(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|::1|localhost)$/i.test(host);
}

function compose(values: Values, own: readonly ProviderSettings[], demo: boolean, cwd: string): Settings {
  const { openaiApiKey, openaiBaseUrl, anthropicApiKey, anthropicBaseUrl, geminiApiKey, geminiBaseUrl, ...rest } =
    values;
  const loopback = isLoopbackHost(values.host);
  const problems = contradictions(values, loopback);
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    ...rest,
    dataDir: resolve(cwd, values.dataDir),
    ledgerSigningKeyFile: values.ledgerSigningKeyFile === null ? null : resolve(cwd, values.ledgerSigningKeyFile),
    auth: values.auth ?? (loopback ? "open" : "required"),
    providers: [
      builtIn("openai", openaiBaseUrl, openaiApiKey),
      builtIn("anthropic", anthropicBaseUrl, anthropicApiKey),
      builtIn("gemini", geminiBaseUrl, geminiApiKey),
      ...own,
    ],
    demo,
  };
}

/** Settings that need, or exclude, each other. */
function contradictions(values: Values, loopback: boolean): SettingsProblem[] {
  const problems: SettingsProblem[] = [];
  if (values.auth === "open" && !loopback)
    problems.push({
      name: "TOLLHOUSE_AUTH",
      problem: `expected \`required\`, because TOLLHOUSE_HOST (${values.host}) is not a loopback address`,
    });
  if (values.databaseUrl !== null && values.masterKey === null)
    problems.push({
      name: "TOLLHOUSE_MASTER_KEY",
      problem: `expected ${SETTINGS.masterKey.expected}, because DATABASE_URL is set`,
    });
  if (values.redisUrls !== null && values.databaseUrl === null)
    problems.push({
      name: "DATABASE_URL",
      problem: `expected ${SETTINGS.databaseUrl.expected}, because REDIS_URL is set`,
    });
  if (values.checkpointWebhooks !== null && values.checkpointWebhookSecret === null)
    problems.push({
      name: "TOLLHOUSE_CHECKPOINT_WEBHOOK_SECRET",
      problem: `expected ${SETTINGS.checkpointWebhookSecret.expected}, because TOLLHOUSE_CHECKPOINT_WEBHOOKS is set`,
    });
  if (values.ledgerSigningCommand !== null && values.ledgerPublicKeys === null)
    problems.push({
      name: "TOLLHOUSE_LEDGER_PUBLIC_KEYS",
      problem: `expected ${SETTINGS.ledgerPublicKeys.expected}, because TOLLHOUSE_LEDGER_SIGNING_COMMAND is set`,
    });
  if (values.checkpointBucket !== null && values.checkpointBucketCredentials === null)
    problems.push({
      name: "TOLLHOUSE_CHECKPOINT_BUCKET_CREDENTIALS",
      problem: `expected ${SETTINGS.checkpointBucketCredentials.expected}, because TOLLHOUSE_CHECKPOINT_BUCKET is set`,
    });
  if (values.redisUrls === null && !values.roles.includes("gateway"))
    problems.push({
      name: "TOLLHOUSE_ROLE",
      problem: "expected `gateway` among the roles, because REDIS_URL is not set: one process has all counters",
    });
  return [...problems, ...missingSignInSettings(values)];
}

function builtIn(name: "openai" | "anthropic" | "gemini", baseUrl: string, apiKey: string | null): ProviderSettings {
  return { name, baseUrl, dialect: name, apiKey, auth: DEFAULT_AUTH[name], prices: "book" };
}

function readFlags(argv: readonly string[], problems: SettingsProblem[]): Map<string, string> {
  const read = new Map<string, string>();
  for (let at = 0; at < argv.length; at++) {
    const [flag = "", inline] = (argv[at] ?? "").split(/=(.*)/s);
    const setting = Object.hasOwn(FLAGS, flag) ? FLAGS[flag] : undefined;
    if (setting === undefined) {
      problems.push({ name: flag, problem: `unknown flag${suggestion(flag, Object.keys(FLAGS))}` });
    } else if (setting === null) {
      if (inline === undefined) read.set(flag, "true");
      else problems.push({ name: flag, problem: "expected no value" });
    } else {
      const value = inline ?? argv[++at];
      if (value === undefined || value === "") problems.push({ name: flag, problem: "expected a value" });
      else read.set(setting, repeated(setting, read.get(setting), value));
    }
  }
  return read;
}

/** `--role gateway --role jobs` is `--role gateway,jobs`; of any other flag the last one counts. */
function repeated(setting: string, before: string | undefined, value: string): string {
  return setting === "TOLLHOUSE_ROLE" && before !== undefined ? `${before},${value}` : value;
}

/**
 * Kubernetes puts `TOLLHOUSE_PORT=tcp://10.0.0.7:8787`, `TOLLHOUSE_SERVICE_HOST`, … into every pod beside a Service named
 * tollhouse. They are not ours, and must not stop the start.
 */
function ownVariables(env: SettingsInput["env"]): Map<string, string> {
  const own = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || !(name.startsWith("TOLLHOUSE_") || VARIABLES.includes(name))) continue;
    if (/^TOLLHOUSE_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP))/.test(name)) continue;
    if (name === "TOLLHOUSE_PORT" && /^(tcp|udp):\/\//.test(value)) continue;
    if (!OTHERS_VARIABLES.includes(name)) own.set(name, value);
  }
  return own;
}

function readFile(text: string | null, problems: SettingsProblem[]): Map<string, unknown> {
  if (text === null) return new Map();
  let content: unknown;
  try {
    // Failsafe: every scalar stays the text that was written, so money is never a float and `no` is never false.
    content = parse(text, { schema: "failsafe", prettyErrors: true });
  } catch (error) {
    // Only the first line: the ones after it quote the file, where a secret may stand.
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    problems.push({ name: "tollhouse.yaml", problem: `expected valid YAML: ${reason}` });
    return new Map();
  }
  if (content === null || content === "") return new Map();
  if (typeof content === "object" && !Array.isArray(content)) return new Map(Object.entries(content));
  problems.push({ name: "tollhouse.yaml", problem: "expected `name: value` lines" });
  return new Map();
}

function findUnknown(env: Map<string, string>, file: Map<string, unknown>, problems: SettingsProblem[]): void {
  for (const name of env.keys()) {
    if (!VARIABLES.includes(name)) problems.push({ name, problem: `unknown setting${suggestion(name, VARIABLES)}` });
  }
  const keys = ["providers", ...VARIABLES.map(yamlKey)];
  for (const name of file.keys()) {
    if (!keys.includes(name)) problems.push({ name, problem: `unknown setting${suggestion(yamlKey(name), keys)}` });
  }
}

function readSetting(
  setting: Setting<unknown>,
  flags: Map<string, string>,
  env: Map<string, string>,
  file: Map<string, unknown>,
  problems: SettingsProblem[],
): unknown {
  const key = yamlKey(setting.variable);
  const candidates: readonly [string, unknown][] = [
    [setting.variable, flags.get(setting.variable)],
    [setting.variable, env.get(setting.variable)],
    [key, file.get(key)],
  ];
  for (const [name, value] of candidates) {
    if (value === undefined || (value === "" && !setting.emptyIsValue)) continue;
    const result = typeof value === "string" ? setting.schema.safeParse(value.trim()) : null;
    if (result?.success === true) return result.data;
    const shown = setting.secret || typeof value !== "string" ? "" : `, got ${JSON.stringify(value.slice(0, 80))}`;
    problems.push({ name, problem: `expected ${setting.expected}${shown}` });
    return null;
  }
  return setting.fallback === null ? null : setting.schema.parse(setting.fallback);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");
}

function suggestion(name: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .toSorted((a, b) => a.distance - b.distance)[0];
  return near !== undefined && near.distance <= Math.max(2, name.length / 3) ? `; did you mean ${near.candidate}?` : "";
}

/** Levenshtein, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
