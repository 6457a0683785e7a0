/**
 * Usage is a vector of *disjoint* classes: no unit is in two of them. Providers overlap their counts differently
 * (cached tokens inside prompt tokens, or beside them); the provider adapter makes them disjoint.
 * The order is the order in the ledger entry's body and must never change; append only.
 */
export const USAGE_CLASSES = [
  "input",
  "input_cache_read",
  "input_cache_write_5m",
  "input_cache_write_1h",
  "input_audio",
  "input_audio_cached",
  "input_image",
  "output",
  "output_reasoning",
  "output_audio",
  "output_image",
  // Not tokens: priced per unit.
  "web_search_call",
  "web_fetch_call",
  "file_search_call",
  "code_interpreter_call",
  "grounded_prompt",
  "image",
  "audio_second",
  "character",
] as const;

export type UsageClass = (typeof USAGE_CLASSES)[number];

/** Whole units (tokens, calls, images, seconds rounded up, characters). A missing class is 0 of a *known* usage. */
export type Usage = { readonly [K in UsageClass]?: number };

/** Classes counted by a limit whose measure is `tokens`. */
export const TOKEN_CLASSES: readonly UsageClass[] = USAGE_CLASSES.slice(0, 11);

export const INPUT_CLASSES: readonly UsageClass[] = USAGE_CLASSES.slice(0, 7);
export const OUTPUT_CLASSES: readonly UsageClass[] = USAGE_CLASSES.slice(7, 11);

/** Where the usage of a call comes from. An explicit zero from the provider is `reported`, never `unknown`. */
export const USAGE_SOURCES = ["reported", "counted", "estimated", "unknown"] as const;
export type UsageSource = (typeof USAGE_SOURCES)[number];

export function tokensOf(usage: Usage): number {
  let sum = 0;
  for (const name of TOKEN_CLASSES) sum += usage[name] ?? 0;
  return sum;
}

export function inputTokensOf(usage: Usage): number {
  let sum = 0;
  for (const name of INPUT_CLASSES) sum += usage[name] ?? 0;
  return sum;
}

export function outputTokensOf(usage: Usage): number {
  let sum = 0;
  for (const name of OUTPUT_CLASSES) sum += usage[name] ?? 0;
  return sum;
}
