import { TOKEN_CLASSES, USAGE_CLASSES } from "@tollhouse/contract";
import type { Dialect, UsageClass } from "@tollhouse/contract";
import { z } from "zod";
import { BASE_URL_EXPECTED, CREDENTIAL_EXPECTED, parseDecimal, readBaseUrl, readCredential } from "./setting-text.ts";

/** How the credential travels upstream. `api-key` is Azure's header. */
export const AUTH_KINDS = ["bearer", "api-key", "x-api-key", "x-goog-api-key", "none"] as const;
export type AuthKind = (typeof AUTH_KINDS)[number];

/** Own price of one model: exact pico-dollars per unit. A class that is missing has no price. */
export interface OwnPrice {
  readonly model: string;
  readonly pico: { readonly [K in UsageClass]?: bigint };
}

export interface ProviderSettings {
  /** First segment of its paths. */
  readonly name: string;
  readonly baseUrl: string;
  readonly dialect: Dialect;
  /** Null: the client brings its own credential, or `auth` is `none`; else PROVIDER_NOT_CONFIGURED. */
  readonly apiKey: string | null;
  readonly auth: AuthKind;
  readonly prices: "book" | "free" | readonly OwnPrice[];
}

/** First path segments that are Tollhouse's own (product.md §5): a provider of that name could never be reached. */
export const RESERVED_SEGMENTS: readonly string[] = [
  "openai",
  "anthropic",
  "gemini",
  "v1",
  "v1alpha",
  "v1beta",
  "api",
  "sdk",
  "evaluate",
  "usage",
  "dashboard",
  "assets",
  "health",
  "ready",
  "metrics",
];

export const DEFAULT_AUTH: { readonly [D in Dialect]: AuthKind } = {
  openai: "bearer",
  anthropic: "x-api-key",
  gemini: "x-goog-api-key",
};

/** US dollars for a million tokens → pico-dollars a token; US dollars a unit → pico-dollars a unit. */
function pricePlaces(usageClass: UsageClass): number {
  return TOKEN_CLASSES.includes(usageClass) ? 6 : 12;
}

function price(usageClass: UsageClass): z.ZodType<bigint | undefined, string | undefined> {
  const places = pricePlaces(usageClass);
  const unit = places === 6 ? "a million tokens" : "a unit";
  return z
    .string({ error: `expected US dollars for ${unit}` })
    .transform((text, context) => {
      const pico = parseDecimal(text, places);
      if (pico !== null) return pico;
      context.addIssue({
        code: "custom",
        message: `expected US dollars for ${unit} with at most ${places} places, such as "2.50"`,
      });
      return z.NEVER;
    })
    .optional();
}

function textOf(expected: string, read: (text: string) => string | undefined): z.ZodType<string, string> {
  return z
    .string({ error: `expected ${expected}` })
    .trim()
    .transform((text, context) => {
      const value = read(text);
      if (value !== undefined) return value;
      context.addIssue({ code: "custom", message: `expected ${expected}` });
      return z.NEVER;
    });
}

const ownPrice = z
  .strictObject({
    model: textOf("the name of a model", (text) => (text === "" ? undefined : text)),
    ...Object.fromEntries(USAGE_CLASSES.map((name) => [name, price(name)])),
  })
  .transform(({ model, ...pico }): OwnPrice => ({ model, pico }))
  .refine((row) => Object.keys(row.pico).length > 0, { error: "expected at least one price" });

const ownPrices = z.array(ownPrice).min(1, { error: "expected at least one row" });

/** Not a union: its error would not say which row, or which field of it, is wrong. */
function readPrices(value: unknown, context: z.RefinementCtx): ProviderSettings["prices"] {
  if (value === "book" || value === "free") return value;
  if (!Array.isArray(value)) {
    const message = "expected `book`, `free`, or a list of rows such as {model: my-model, input: 2.50, output: 10.00}";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  }
  const rows = ownPrices.safeParse(value);
  if (rows.success) return rows.data;
  for (const { path, message } of rows.error.issues) context.addIssue({ code: "custom", path: [...path], message });
  return z.NEVER;
}

const provider = z.strictObject({
  name: textOf("a name of lower-case letters, digits and hyphens, at most 32, beginning with a letter", (text) =>
    /^[a-z][a-z0-9-]{0,31}$/.test(text) ? text : undefined,
  ).refine((name) => !RESERVED_SEGMENTS.includes(name), {
    error: `expected a name that is no path of Tollhouse itself (${RESERVED_SEGMENTS.join(", ")})`,
  }),
  base_url: textOf(BASE_URL_EXPECTED, readBaseUrl),
  dialect: z.enum(["openai", "anthropic", "gemini"], { error: "expected `openai`, `anthropic` or `gemini`" }),
  api_key: textOf(CREDENTIAL_EXPECTED, readCredential).optional(),
  api_key_env: textOf("the name of an environment variable", (text) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) ? text : undefined,
  ).optional(),
  auth: z.enum(AUTH_KINDS, { error: `expected one of ${AUTH_KINDS.join(", ")}` }).optional(),
  prices: z.unknown().transform(readPrices).optional(),
});

/** The `providers:` list of the file. Names are unique; a credential is given once, or by the name of a variable that is set. */
export function providersSchema(env: Readonly<Record<string, string | undefined>>) {
  const one = provider.transform((entry, context): ProviderSettings => {
    const fail = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    if (entry.api_key !== undefined && entry.api_key_env !== undefined)
      fail("api_key_env", "expected only one of api_key and api_key_env");
    const named = entry.api_key_env === undefined ? undefined : readCredential(env[entry.api_key_env]?.trim() ?? "");
    if (entry.api_key_env !== undefined && named === undefined)
      fail("api_key_env", `expected a variable that is set to ${CREDENTIAL_EXPECTED}: ${entry.api_key_env}`);
    const apiKey = entry.api_key ?? named ?? null;
    const prices = entry.prices ?? "book";
    // What costs nothing is a model server of one's own, and those ask for no credential. Elsewhere the client may bring its own.
    const auth = entry.auth ?? (apiKey === null && prices === "free" ? "none" : DEFAULT_AUTH[entry.dialect]);
    return { name: entry.name, baseUrl: entry.base_url, dialect: entry.dialect, apiKey, auth, prices };
  });
  return z.array(one, { error: "expected a list of providers" }).superRefine((list, context) => {
    for (const [index, entry] of list.entries()) {
      if (list.findIndex((other) => other.name === entry.name) < index)
        context.addIssue({
          code: "custom",
          path: [index, "name"],
          message: "expected a name that no other provider has",
        });
    }
  });
}
