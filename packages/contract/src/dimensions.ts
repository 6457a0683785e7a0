/** The attribution axes, in the order in which limits are looked at (tightest scope first). */
export const DIMENSIONS = ["session", "agent", "feature", "service", "user", "team", "customer"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

/** Values a call carries. Absent = not set; never an empty string. */
export type Dimensions = { readonly [D in Dimension]?: string };

/** A value longer than this is refused: dimension values are keys of counters and labels of reports. */
export const DIMENSION_VALUE_LENGTH_MAX = 256;

/** `agent:sdr-agent`, `org`, `model:gpt-4o-mini`, … */
export type Scope = string;

export const SCOPE_KINDS = [...DIMENSIONS, "key", "model", "provider"] as const;
export type ScopeKind = "org" | (typeof SCOPE_KINDS)[number];

export interface ParsedScope {
  readonly kind: ScopeKind;
  /** Empty for `org`. */
  readonly value: string;
}

/** Returns null where the text is not a scope: unknown kind, missing value, value too long, control characters. */
export function parseScope(text: string): ParsedScope | null {
  if (text === "org") return { kind: "org", value: "" };
  const colon = text.indexOf(":");
  if (colon <= 0) return null;
  const kind = text.slice(0, colon);
  const value = text.slice(colon + 1);
  if (!(SCOPE_KINDS as readonly string[]).includes(kind) || !isDimensionValue(value)) return null;
  return { kind: kind as ScopeKind, value };
}

/**
 * Control characters are refused, those of a terminal (U+009B begins a command) too: these values go into log lines, metrics and headers.
 * And half a surrogate pair, which UTF-8 has not: kept, it would be another value than the one that was counted.
 */
export function isDimensionValue(value: string): boolean {
  if (value.length === 0 || value.length > DIMENSION_VALUE_LENGTH_MAX) return false;
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u001f\u007f-\u009f]/.test(value) && value.isWellFormed();
}
