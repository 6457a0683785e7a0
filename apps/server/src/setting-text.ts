import { isIP } from "node:net";
import { ROLES, type Role } from "@tollhouse/contract";
import { COSIGNATURE, parseVerifierKey, toBase64, type NoteKey } from "@tollhouse/ledger";
import { readRedisUrls, sha256 } from "@tollhouse/store";
import { z } from "zod";

const NANO_PER_USD_PLACES = 9;
/** Ten digits of dollars: far inside an int64 of nano-dollars. */
const BUDGET_USD_MAX = 9_000_000_000n * 10n ** 9n;

/** Exact decimal text to an integer of 10^-places; null where the text is not such a decimal. Never through a float. */
export function parseDecimal(text: string, places: number): bigint | null {
  const match = /^(\d{1,10})(?:\.(\d{1,12}))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > places) return null;
  return BigInt(match[1] + fraction.padEnd(places, "0"));
}

/** How the text of a setting is read, and what it was expected to be. */
export type Read<T> = readonly [schema: z.ZodType<T, string>, expected: string];

export function checked<T>(expected: string, read: (text: string) => T | undefined): Read<T> {
  const schema = z.string().transform((text, context) => {
    const value = read(text);
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `expected ${expected}` });
    return z.NEVER;
  });
  return [schema, expected];
}

export function oneOf<const T extends string>(...values: readonly T[]): Read<T> {
  const expected = values.map((value) => `\`${value}\``).join(" or ");
  return checked(expected, (text) => values.find((value) => value === text));
}

export function integer(min: number, max: number): Read<number> {
  return checked(`a whole number from ${min} to ${max}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

export function bytes(min: string, max: string): Read<number> {
  const [least, most] = [readBytes(min) ?? 0, readBytes(max) ?? 0];
  return checked(`a number of bytes from ${min} to ${max}, such as \`64 MiB\``, (text) => {
    const value = readBytes(text);
    return value !== undefined && value >= least && value <= most ? value : undefined;
  });
}

function readBytes(text: string): number | undefined {
  const match = /^(\d{1,15}) ?([KMGT]iB)?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNITS[match[2] ?? ""] ?? Number.NaN);
}

function readUrl(text: string, schemes: readonly string[]): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && schemes.includes(url.protocol) && url.host !== "" ? url : undefined;
}

/** Base URL without a slash at its end. Credentials, query and fragment are refused: they would go into logs and paths. */
export function readBaseUrl(text: string): string | undefined {
  const url = readUrl(text, ["http:", "https:"]);
  if (url === undefined || url.username !== "" || url.password !== "" || /[?#]/.test(text)) return undefined;
  return url.href.replace(/\/+$/, "");
}

export const BASE_URL_EXPECTED = "an http or https URL without credentials, query or fragment";
export const baseUrl = checked(BASE_URL_EXPECTED, readBaseUrl);

export const CREDENTIAL_EXPECTED = "visible ASCII characters without spaces, at most 4096 of them";
/** A credential goes into a header: anything else is refused here and not at the first call. */
export function readCredential(text: string): string | undefined {
  return /^[\x21-\x7e]{1,4096}$/.test(text) ? text : undefined;
}
export const credential = checked(CREDENTIAL_EXPECTED, readCredential);

export function readHost(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  return isIP(bare) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(bare) ? bare : undefined;
}

export function readMasterKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length === 32 ? key : undefined;
}

export function readSeeds(text: string): readonly Buffer[] | undefined {
  const seeds = text.split(",").map((seed) => readMasterKey(seed.trim()));
  return seeds.every((seed) => seed !== undefined) ? seeds : undefined;
}

/** Public keys of Ed25519: their 32 bytes, or as SubjectPublicKeyInfo (RFC 8410), the form that key services give. */
export function readPublicKeys(text: string): readonly Buffer[] | undefined {
  const keys = text.split(",").map((each) => {
    const spki = /^[A-Za-z0-9+/]{59}=$/.test(each.trim()) ? Buffer.from(each.trim(), "base64") : null;
    return spki?.subarray(0, SPKI_HEAD.length).equals(SPKI_HEAD) === true
      ? spki.subarray(SPKI_HEAD.length)
      : readMasterKey(each.trim());
  });
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** Program and arguments with spaces between them. No shell reads it, so that nothing in it has another meaning. */
export function readCommand(text: string): readonly [string, ...string[]] | undefined {
  const [program, ...args] = text.split(/ +/).filter((part) => part !== "");
  return program === undefined || /["'`$\\]/.test(text) ? undefined : [program, ...args];
}

/** Like a base URL, but a query may be part of the place. */
export function readWebhooks(text: string): readonly string[] | undefined {
  const urls = text.split(",").map((each) => readUrl(each.trim(), ["http:", "https:"]));
  if (!urls.every((url) => url !== undefined && url.username === "" && url.password === "" && url.hash === ""))
    return undefined;
  return urls.map((url) => (url as URL).href);
}

/** A base URL and the word of a key, with a space between them. No two may be of one key. */
export function readWitnesses(text: string): readonly { readonly url: string; readonly key: NoteKey }[] | undefined {
  const witnesses = text.split(",").map((each) => {
    const [address = "", word = "", ...rest] = each.trim().split(/ +/);
    const [url, key] = [readBaseUrl(address), readWitnessKey(word)];
    return url === undefined || key === undefined || rest.length > 0 ? undefined : { url, key };
  });
  const known = witnesses.filter((witness) => witness !== undefined);
  const keys = new Set(known.map(({ key }) => toBase64(key.publicKey)));
  return known.length === witnesses.length && keys.size === known.length && known.length <= WITNESSES_MAX
    ? known
    : undefined;
}

/** Their signatures have to fit beside that of the ledger. */
const WITNESSES_MAX = 16;

function readWitnessKey(word: string): NoteKey | undefined {
  try {
    const key = parseVerifierKey(sha256, word);
    return key.algorithm === COSIGNATURE ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes behind `whsec_`, 24 to 64 of them (standardwebhooks.com). */
export function readWebhookSecret(text: string): Buffer | undefined {
  const [, data] = /^whsec_([A-Za-z0-9+/]{32,86}={0,2})$/.exec(text) ?? [];
  const secret = Buffer.from(data ?? "", "base64");
  return secret.length >= 24 && secret.length <= 64 ? secret : undefined;
}

/** Bucket and prefix. Characters that some spell as they are and some as %XX in a signature are refused. */
export function readBucket(text: string): string | undefined {
  const url = readBaseUrl(text);
  return url !== undefined && /^https?:\/\/[^/]+(\/[A-Za-z0-9._~-]+)+$/.test(url) ? url : undefined;
}

export interface BucketCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function readBucketCredentials(text: string): BucketCredentials | undefined {
  const [, accessKeyId, secretAccessKey] = /^([\x21-\x39\x3b-\x7e]{1,128}):([\x21-\x7e]{1,256})$/.exec(text) ?? [];
  return accessKeyId !== undefined && secretAccessKey !== undefined ? { accessKeyId, secretAccessKey } : undefined;
}

/** Null = sessions without a limit of their own have none. */
export function readBudget(text: string): bigint | null | undefined {
  if (text === "") return null;
  const nano = parseDecimal(text, NANO_PER_USD_PLACES);
  if (nano === null || nano > BUDGET_USD_MAX) return undefined;
  return nano === 0n ? null : nano;
}

/** Unlike a budget, nothing is an amount here: what may be spent unseen is 0 and not unbounded. */
export function readAllowance(text: string): bigint | undefined {
  const nano = parseDecimal(text, NANO_PER_USD_PLACES);
  return nano === null || nano > BUDGET_USD_MAX ? undefined : nano;
}

export function readRoles(text: string): readonly Role[] | undefined {
  const named = text.split(",").map((name) => name.trim());
  if (!named.every((name) => ROLES.some((role) => role === name))) return undefined;
  return ROLES.filter((role) => named.includes(role));
}

export function redisUrlsOf(text: string): readonly string[] | undefined {
  const urls = text.split(",").map((url) => url.trim());
  try {
    readRedisUrls(urls);
    return urls;
  } catch {
    return undefined;
  }
}

export const flag = checked("`true` or `false`", (text) =>
  text === "true" ? true : text === "false" ? false : undefined,
);
export const postgresUrl = checked("a URL such as `postgres://user:password@host:5432/tollhouse`", (text) =>
  readUrl(text, ["postgres:", "postgresql:"]) === undefined ? undefined : text,
);
