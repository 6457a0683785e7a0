import { BadRequest } from "../adapter.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** null where the field is absent or null, which the API reads alike. */
export function optionalText(object: JsonObject, key: string, field: string): string | null {
  const value = object[key] ?? null;
  if (value === null || typeof value === "string") return value;
  throw new BadRequest(field, "a string");
}

export function optionalFlag(object: JsonObject, key: string, field: string): boolean | null {
  const value = object[key] ?? null;
  if (value === null || typeof value === "boolean") return value;
  throw new BadRequest(field, "true or false");
}

/** A whole number of tokens or uses. `"4096"`, `1.5`, `-1` and `1e300` are refused: each would be read as another bound. */
export function optionalCount(object: JsonObject, key: string, field: string): number | null {
  const value = object[key] ?? null;
  if (value === null) return null;
  if (typeof value === "number" && value >= 0 && Number.isSafeInteger(value)) return value;
  throw new BadRequest(field, "a whole number, 0 or more");
}

export function optionalArray(object: JsonObject, key: string, field: string): readonly unknown[] {
  const value = object[key] ?? null;
  if (value === null) return [];
  if (Array.isArray(value)) return value;
  throw new BadRequest(field, "an array");
}

/** The parsed JSON where it is an object, else null. Never throws. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
