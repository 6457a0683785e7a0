/** Drops what hosts put around OpenAI's names: `openai/gpt-4o`, `ft:gpt-4o-mini:acme::x`. */
function bare(model: string): string {
  return model.toLowerCase().replace(/^.*\//, "").replace(/^ft:/, "");
}

/** Does the name say it is one of OpenAI's own text models? */
export function isOpenaiName(model: string): boolean {
  return /^(?:gpt-\d|chatgpt-|o\d|codex-|computer-use|text-embedding)/.test(bare(model));
}

const PLAIN_OPENAI = /^(?:gpt-3\.5|gpt-4|chatgpt-4o|davinci|babbage)|^gpt-5(?:\.\d+)?-(?:chat|search)/;
const PLAIN_HOSTED =
  /^(?:(?:meta-)?llama|mistral|mixtral|ministral|codestral|devstral|pixtral|open-mi|gemma|qwen2|phi-[34](?!.*reason)|deepseek-(?:chat|v\d)|command)/;

/**
 * Never thinks before it answers, by its family. Any name not known as such counts as a model that does: a deployment or a
 * new model whose hidden tokens were not held could pass a hard budget.
 */
export function isPlain(model: string): boolean {
  const name = bare(model);
  return PLAIN_OPENAI.test(name) || (PLAIN_HOSTED.test(name) && !/think|reason|r1/.test(name));
}

/** o-series and GPT-5 on: `max_tokens` is refused there, `max_completion_tokens` is the cap. */
export function refusesMaxTokens(model: string): boolean {
  return /^(?:o\d|codex-|gpt-(?:[5-9]|\d\d)|computer-use)/.test(bare(model));
}

/** GPT-5.6 on: writing the automatic prompt cache costs more than plain input, and every call may do it. */
export function billsCacheWrites(model: string): boolean {
  const version = /^gpt-(\d+)(?:\.(\d+))?/.exec(bare(model));
  if (version === null) return false;
  const major = Number(version[1]);
  return major > 5 || (major === 5 && Number(version[2] ?? 0) >= 6);
}
