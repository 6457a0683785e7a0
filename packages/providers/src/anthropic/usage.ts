import type { CallFacts, Usage, UsageReport } from "@tollhouse/contract";
import { isObject } from "./fields.ts";
import type { JsonObject } from "./fields.ts";

/** What a message, streamed or whole, says of its own cost. */
export interface MessageSeen {
  /** The `usage` object: of a stream, the start's with what later events put in its place. */
  readonly usage: unknown;
  /** The model that answered. A stream's start names the one asked for; a `fallback` block names the one that took over. */
  readonly model: unknown;
  readonly id: unknown;
  readonly stopReason: unknown;
  /** Was there any content block? */
  readonly hasContent: boolean;
}

/** No call has a million million tokens: a count above it is damage, and its sum would leave the safe integers. */
const COUNT_MAX = 1e12;

/**
 * Disjoint usage of one message. `input_tokens`, cache reads and cache writes stand beside each other; thinking is inside
 * `output_tokens`; compaction and advisor iterations are in no top-level field and are added.
 *
 * Null where input or output is missing or no count: both are always sent, so the rest is no usage (unknown is never zero).
 * Never throws.
 */
export function reportOf(seen: MessageSeen, facts: CallFacts): UsageReport | null {
  const usage = seen.usage;
  if (!isObject(usage) || count(usage["input_tokens"]) === null || count(usage["output_tokens"]) === null) return null;
  const doubts: string[] = [];
  const sum = refusedUnbilled(seen, usage, doubts) ? new Tokens() : tokensOf(usage, facts, doubts);
  const served = addIterations(usage["iterations"], sum, textOf(seen.model), facts, doubts);
  return {
    usage: { ...sum.classes(), ...toolUnits(usage["server_tool_use"], doubts) },
    model: served,
    tier: usage["speed"] === "fast" ? "fast" : textOf(usage["service_tier"]),
    geo: textOf(usage["inference_geo"]),
    providerId: textOf(seen.id),
    costNano: null,
    doubt: doubts.length === 0 ? null : doubts.join("; "),
  };
}

/** What is known before the answer is complete: the input side of `message_start`, whose output count is a placeholder. */
export function partialOf(seen: MessageSeen, facts: CallFacts): UsageReport | null {
  if (!isObject(seen.usage)) return null;
  const report = reportOf({ ...seen, stopReason: null, usage: { ...seen.usage, output_tokens: 0 } }, facts);
  if (report === null) return null;
  const { output: _, ...usage } = report.usage;
  return { ...report, usage };
}

class Tokens {
  input = 0;
  cacheRead = 0;
  cacheWrite5m = 0;
  cacheWrite1h = 0;
  output = 0;
  reasoning = 0;

  add(other: Tokens): void {
    this.input += other.input;
    this.cacheRead += other.cacheRead;
    this.cacheWrite5m += other.cacheWrite5m;
    this.cacheWrite1h += other.cacheWrite1h;
    this.output += other.output;
    this.reasoning += other.reasoning;
  }

  classes(): Usage {
    return {
      input: this.input,
      ...(this.cacheRead > 0 && { input_cache_read: this.cacheRead }),
      ...(this.cacheWrite5m > 0 && { input_cache_write_5m: this.cacheWrite5m }),
      ...(this.cacheWrite1h > 0 && { input_cache_write_1h: this.cacheWrite1h }),
      output: this.output,
      ...(this.reasoning > 0 && { output_reasoning: this.reasoning }),
    };
  }
}

function tokensOf(usage: JsonObject, facts: CallFacts, doubts: string[]): Tokens {
  const tokens = new Tokens();
  tokens.input = readCount(usage, "input_tokens", doubts);
  tokens.cacheRead = readCount(usage, "cache_read_input_tokens", doubts);
  readWrites(usage, facts, tokens, doubts);
  tokens.output = readCount(usage, "output_tokens", doubts);
  const details = usage["output_tokens_details"];
  const thinking = isObject(details) ? readCount(details, "thinking_tokens", doubts) : 0;
  if (thinking > tokens.output)
    doubts.push(`thinking_tokens ${thinking} above output_tokens ${tokens.output}: clamped`);
  tokens.reasoning = Math.min(thinking, tokens.output);
  tokens.output -= tokens.reasoning;
  return tokens;
}

/**
 * The split by time to live is sent whole with a message, and not again where a later event of a stream restates the
 * total: the rest is then written as the request asked (tools at the provider write for five minutes).
 */
function readWrites(usage: JsonObject, facts: CallFacts, tokens: Tokens, doubts: string[]): void {
  const total = readCount(usage, "cache_creation_input_tokens", doubts);
  const split = usage["cache_creation"];
  if (isObject(split)) {
    tokens.cacheWrite5m = readCount(split, "ephemeral_5m_input_tokens", doubts);
    tokens.cacheWrite1h = readCount(split, "ephemeral_1h_input_tokens", doubts);
  }
  const named = tokens.cacheWrite5m + tokens.cacheWrite1h;
  if (named > total && count(usage["cache_creation_input_tokens"]) !== null)
    doubts.push(`cache writes by time to live (${named}) above cache_creation_input_tokens ${total}`);
  const rest = Math.max(0, total - named);
  if (facts.cacheWrite !== "1h") tokens.cacheWrite5m += rest;
  else {
    tokens.cacheWrite1h += rest;
    if (rest > 0 && named > 0) doubts.push(`${rest} cache write tokens without a time to live: priced as 1h`);
  }
}

/**
 * "You are not billed for a request that returns stop_reason refusal without any output", though its usage shows input
 * (Anthropic, streaming refusals). Told as zero, with the shown numbers in the doubt, so that an invoice that says
 * otherwise can be explained. A refusal that reports output is billed as reported.
 */
function refusedUnbilled(seen: MessageSeen, usage: JsonObject, doubts: string[]): boolean {
  if (seen.stopReason !== "refusal" || seen.hasContent || count(usage["output_tokens"]) !== 0) return false;
  doubts.push(
    `refused before any output: not billed, though usage shows input_tokens ${String(usage["input_tokens"])}`,
  );
  return true;
}

/**
 * `iterations`: the `message` entries are in the top-level fields already. Returns the model that served.
 * Tokens of another model are added at this call's price for want of a second one, and doubted by name.
 */
function addIterations(
  value: unknown,
  sum: Tokens,
  model: string | null,
  facts: CallFacts,
  doubts: string[],
): string | null {
  if (!Array.isArray(value)) return model;
  const iterations = value.filter(isObject);
  const fallback = iterations.findLast((entry) => entry["type"] === "fallback_message");
  const served = (fallback === undefined ? null : textOf(fallback["model"])) ?? model;
  for (const entry of iterations) {
    const type = textOf(entry["type"]) ?? "untyped";
    const other = textOf(entry["model"]);
    if (type === "fallback_message") continue;
    if (type === "message") {
      // With a fallback the top level is the serving model's; a declined attempt is billed only if it had begun to answer.
      if (fallback === undefined || other === served || count(entry["output_tokens"]) === 0) continue;
      doubts.push(`declined attempt of ${other ?? "an unnamed model"} added`);
    } else if (type !== "compaction" && type !== "advisor_message")
      doubts.push(`iteration of unknown type ${type} added`);
    if (type !== "message" && other !== null && other !== served)
      doubts.push(`${type} tokens of ${other} priced as the call's model`);
    sum.add(tokensOf(entry, facts, doubts));
  }
  return served;
}

function toolUnits(value: unknown, doubts: string[]): Usage {
  if (!isObject(value)) return {};
  const searches = readCount(value, "web_search_requests", doubts);
  const fetches = readCount(value, "web_fetch_requests", doubts);
  for (const [key, units] of Object.entries(value))
    if (key !== "web_search_requests" && key !== "web_fetch_requests" && typeof units === "number" && units > 0)
      doubts.push(`server_tool_use.${key.slice(0, 64)} has no unit here`);
  return { ...(searches > 0 && { web_search_call: searches }), ...(fetches > 0 && { web_fetch_call: fetches }) };
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX ? value : null;
}

/** 0 where the field is absent or null: the API leaves out what does not apply. */
function readCount(object: JsonObject, key: string, doubts: string[]): number {
  const value = object[key] ?? 0;
  const read = count(value);
  if (read === null) doubts.push(`${key} is no count`);
  return read ?? 0;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
