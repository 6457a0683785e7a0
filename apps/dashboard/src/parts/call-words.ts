import type { Call } from "@tollhouse/contract/control-client";

/** In the order in which somebody asks whose a call was. */
export const DIMENSIONS_SHOWN = ["customer", "team", "service", "feature", "agent", "user", "session"] as const;

/** Classes of usage in words; a class of another release as it is called. */
export const USAGE_WORDS: Readonly<Record<string, string>> = {
  input: "Input tokens",
  input_cache_read: "Input tokens, read from the cache",
  input_cache_write_5m: "Input tokens, kept in the cache for 5 minutes",
  input_cache_write_1h: "Input tokens, kept in the cache for an hour",
  input_audio: "Input tokens of audio",
  input_audio_cached: "Input tokens of audio, read from the cache",
  input_image: "Input tokens of pictures",
  output: "Output tokens",
  output_reasoning: "Output tokens of reasoning",
  output_audio: "Output tokens of audio",
  output_image: "Output tokens of pictures",
  web_search_call: "Web searches",
  web_fetch_call: "Web pages fetched",
  file_search_call: "File searches",
  code_interpreter_call: "Code sessions",
  grounded_prompt: "Grounded prompts",
  image: "Pictures",
  audio_second: "Seconds of audio",
  character: "Characters",
};

/** Tokens in and out; null where nothing is known. Classes that are no tokens (images, seconds) are in neither. */
export function tokensOf(usage: Call["usage"]): { readonly input: number; readonly output: number } | null {
  if (usage === null) return null;
  const sum = (side: string): number =>
    Object.entries(usage).reduce((total, [name, count]) => (name.startsWith(side) ? total + (count ?? 0) : total), 0);
  return { input: sum("input"), output: sum("output") };
}
