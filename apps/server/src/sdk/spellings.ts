import { DIMENSIONS } from "@tollhouse/contract";
import { Problem } from "../control/problem.ts";

export type JsonObject = Record<string, unknown>;

/** What clients call a field of ours, in snake_case. Beside these each field has its own name. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["user_id", "user"],
  ["session_id", "session"],
  ["agent_id", "agent"],
  ["feature_id", "feature"],
  ["feature_name", "feature"],
  ["service_name", "service"],
  ["team_id", "team"],
  ["customer_id", "customer"],
  ["org_id", "customer"],
  ["prompt", "input"],
  ["messages", "input"],
  ["estimated_input_tokens", "input_tokens"],
  ["max_tokens", "max_output_tokens"],
  ["max_completion_tokens", "max_output_tokens"],
  ["estimated_cost_usd", "estimated_cost"],
  ["ttl", "ttl_seconds"],
  ["check_id", "decision_id"],
  ["usage_metadata", "usage"],
  ["status_code", "status"],
]);

const FIELDS: ReadonlySet<string> = new Set([
  ...DIMENSIONS,
  "provider",
  "model",
  "endpoint",
  "service_tier",
  "input_tokens",
  "input",
  "max_output_tokens",
  "estimated_cost",
  "reserve",
  "ttl_seconds",
  "decision_id",
  "usage",
  "response",
  "request",
  "response_id",
  "status",
  "latency_ms",
  "timestamp",
  "idempotency_key",
]);

/** Counts that `/usage` also takes beside the other fields, where there is no usage object. */
const FLAT_USAGE: ReadonlySet<string> = new Set([
  "prompt_tokens",
  "completion_tokens",
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "cached_tokens",
  "reasoning_tokens",
]);

/**
 * A body with its fields as the schemas name them: camelCase, snake_case and the names of other SDKs are read; two spellings of one field
 * are refused, and what is no field of ours keeps its name, so that the schema refuses it by that.
 */
export function spelled(body: JsonObject, flatUsage = false): JsonObject {
  const out: JsonObject = {};
  const written = new Map<string, string>();
  const usage: JsonObject = {};
  const counts = new Map<string, string>();
  const put = (as: string, name: string, value: unknown): void => {
    // Set as a field it would be the prototype, and no schema would see it.
    if (as === "__proto__") throw wrong(name, "unknown field");
    const before = written.get(as);
    if (before !== undefined) throw twice(name, before);
    written.set(as, name);
    out[as] = value;
  };
  for (const [name, value] of Object.entries(body)) {
    const snake = snakeOf(name);
    const as = ALIASES.get(snake) ?? snake;
    if (flatUsage && FLAT_USAGE.has(snake)) {
      const before = counts.get(snake);
      if (before !== undefined) throw twice(name, before);
      counts.set(snake, name);
      usage[snake] = value;
    } else if (as === "dimensions") for (const [each, text] of dimensionsIn(value)) put(each, `${name}.${each}`, text);
    else put(FIELDS.has(as) ? as : name, name, value);
  }
  const [first] = counts.values();
  if (first !== undefined) put("usage", first, usage);
  return out;
}

function dimensionsIn(value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong("dimensions", "expected an object");
  return Object.entries(value).map(([name, text]) => {
    const snake = snakeOf(name);
    const as = ALIASES.get(snake) ?? snake;
    if (!(DIMENSIONS as readonly string[]).includes(as)) throw wrong(`dimensions.${name}`, "unknown field");
    return [as, text];
  });
}

function twice(name: string, before: string): Problem {
  return wrong(name, `the same field as ${before}: expected one of them`);
}

export function wrong(field: string, problem: string): Problem {
  return new Problem("REQUEST_INVALID", `${field}: ${problem}`, [{ field, problem }]);
}

/** `maxOutputTokens` → `max_output_tokens`, `ephemeral1hInputTokens` → `ephemeral_1h_input_tokens`. */
export function snakeOf(name: string): string {
  const words = /[A-Z]/.test(name) ? name.replaceAll(/(?<=[a-z])(?=[0-9])/g, "_") : name;
  return words.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `prompt_token_count` → `promptTokenCount`. */
export function camelOf(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Every key, at every depth; two spellings of one are refused. */
export function respelled(value: unknown, spell: (name: string) => string, at: string): unknown {
  if (Array.isArray(value)) return value.map((each, i) => respelled(each, spell, `${at}.${i}`));
  if (typeof value !== "object" || value === null) return value;
  const written = new Map<string, string>();
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const as = spell(name);
      const before = written.get(as);
      if (before !== undefined) throw twice(`${at}.${name}`, `${at}.${before}`);
      written.set(as, name);
      return [as, respelled(each, spell, `${at}.${name}`)];
    }),
  );
}
