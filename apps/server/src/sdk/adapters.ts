import type { Dialect } from "@tollhouse/contract";
import { anthropic, gemini, openai, type ProviderAdapter } from "@tollhouse/providers";

const ADAPTERS: { readonly [D in Dialect]: ProviderAdapter } = { openai, anthropic, gemini };

/** Providers that an SDK may call without their being configured here, and do not speak as OpenAI does. */
const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ["anthropic", "anthropic"],
  ["gemini", "gemini"],
  ["google", "gemini"],
  ["vertex", "gemini"],
  ["google-vertex", "gemini"],
]);

export type AdapterOf = (provider: string) => ProviderAdapter;

/** How a provider tells its usage: as configured, else by its name; most of the others tell it as OpenAI does. */
export function createAdapterOf(configured: ReadonlyMap<string, { readonly adapter: ProviderAdapter }>): AdapterOf {
  return (provider) => configured.get(provider)?.adapter ?? ADAPTERS[DIALECTS.get(provider) ?? "openai"];
}
