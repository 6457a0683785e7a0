/** Reading JSON that anybody may have written: a wrong type reads as absent, and nothing here throws or recurses. */
export type JsonObject = Readonly<Record<string, unknown>>;

const EMPTY: JsonObject = Object.freeze({});

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object itself, or an empty one. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : EMPTY;
}

export function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** Null where it is no text, or empty. */
export function textOf(value: unknown): string | null {
  return typeof value === "string" && value.length > 0 ? value : null;
}

/** No call has a million million tokens: a count above it is damage, and its sum would leave the safe integers. */
const COUNT_MAX = 1e12;

/** A count a provider reports: a whole number from 0. An explicit zero is a count, a missing or impossible one is null. */
export function countOf(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= COUNT_MAX ? value : null;
}
