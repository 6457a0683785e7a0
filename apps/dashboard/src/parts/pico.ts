/** Classes of usage that are no tokens, and how one of them is called. All others are priced by the million. */
const UNITS: Readonly<Record<string, string>> = {
  call: "call",
  web_search_call: "web search",
  web_fetch_call: "web fetch",
  file_search_call: "file search",
  code_interpreter_call: "code session",
  grounded_prompt: "grounded prompt",
  image: "image",
  audio_second: "second of audio",
};

/** How each class of tokens is called by people who pay for it. */
const CLASSES: Readonly<Record<string, string>> = {
  input: "input",
  input_cache_read: "cached input",
  input_cache_write_5m: "cache write, 5 minutes",
  input_cache_write_1h: "cache write, 1 hour",
  input_audio: "audio input",
  input_audio_cached: "cached audio input",
  input_image: "image input",
  output: "output",
  output_reasoning: "reasoning",
  output_audio: "audio output",
  output_image: "image output",
  character: "characters",
};

export interface ShownPrice {
  readonly name: string;
  /** `$0.075`: to the last digit, for a price that was rounded is another one. */
  readonly usd: string;
  /** `a million`, `an image`. */
  readonly per: string;
}

/** A price in pico-dollars a unit, as people say it. */
export function shownPrice(usageClass: string, pico: string): ShownPrice {
  const unit = UNITS[usageClass];
  if (unit !== undefined) return { name: unit, usd: shifted(pico, 12), per: "each" };
  return { name: CLASSES[usageClass] ?? usageClass, usd: shifted(pico, 6), per: "a million" };
}

/** A whole number over 10^places: no price goes through a float. */
function shifted(whole: string, places: number): string {
  const digits = whole.padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  return `$${digits.slice(0, -places).replaceAll(/\B(?=(\d{3})+$)/g, ",")}.${fraction.padEnd(2, "0")}`;
}
