import { BadRequest } from "../adapter.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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

/**
 * A field under each name the API takes for it. Requests are protobuf JSON: `maxOutputTokens` and `max_output_tokens` are
 * one field, and which wins when both are sent is not documented, so a bound is the largest of them. Null is absent.
 */
export function namesOf(camel: string): readonly string[] {
  const snake = camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return snake === camel ? [camel] : [camel, snake];
}

export function valuesOf(object: JsonObject, names: readonly string[]): unknown[] {
  return names.map((name) => object[name] ?? null).filter((value) => value !== null);
}

export function objectsOf(owners: readonly JsonObject[], names: readonly string[], field: string): JsonObject[] {
  return owners
    .flatMap((owner) => valuesOf(owner, names))
    .map((value) => {
      if (isObject(value)) return value;
      throw new BadRequest(field, "an object");
    });
}

/** The largest, null where none is given. Protobuf JSON writes an integer as a number or as a decimal string. */
export function largestInteger(
  owners: readonly JsonObject[],
  names: readonly string[],
  field: string,
  min: number,
): number | null {
  let largest: number | null = null;
  for (const value of owners.flatMap((owner) => valuesOf(owner, names))) {
    const read = typeof value === "string" && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
    if (typeof read !== "number" || !Number.isSafeInteger(read) || read < min)
      throw new BadRequest(field, `a whole number, ${min} or more`);
    largest = Math.max(largest ?? min, read);
  }
  return largest;
}

export function textsOf(owners: readonly JsonObject[], names: readonly string[], field: string): string[] {
  return owners
    .flatMap((owner) => valuesOf(owner, names))
    .map((value) => {
      if (typeof value === "string") return value;
      throw new BadRequest(field, "a string");
    });
}

/** Strings, numbers and keys of a value, without recursion. `skip` leaves a whole object out. */
export function collectTexts(roots: readonly unknown[], skip: (object: JsonObject) => boolean): string[] {
  const texts: string[] = [];
  const pending = [...roots];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next === "string") texts.push(next);
    else if (typeof next === "number") texts.push(String(next));
    else if (Array.isArray(next)) for (const item of next) pending.push(item);
    else if (isObject(next) && !skip(next))
      for (const [key, value] of Object.entries(next)) {
        texts.push(key);
        pending.push(value);
      }
  }
  return texts;
}
