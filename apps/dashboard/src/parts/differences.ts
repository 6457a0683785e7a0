export interface Difference {
  /** Where: `fixed.team`. */
  readonly field: string;
  /** null: it was not there, or is gone. */
  readonly before: string | null;
  readonly after: string | null;
}

/** What changed from one document to the next, field by field; of documents within documents, their fields. */
export function differencesOf(before: unknown, after: unknown): Difference[] {
  const was = new Map(fieldsOf(before, ""));
  const is = new Map(fieldsOf(after, ""));
  return [...new Set([...was.keys(), ...is.keys()])]
    .map((field) => ({ field, before: was.get(field) ?? null, after: is.get(field) ?? null }))
    .filter((difference) => difference.before !== difference.after);
}

function fieldsOf(value: unknown, path: string): [string, string][] {
  if (value === null || value === undefined) return path === "" ? [] : [[path, "none"]];
  if (typeof value !== "object") return [[path === "" ? "value" : path, textOf(value)]];
  if (Array.isArray(value) && value.every((item) => typeof item !== "object" || item === null))
    return [[path, value.length === 0 ? "none" : value.map(textOf).join(", ")]];
  return Object.entries(value).flatMap(([name, part]) => fieldsOf(part, path === "" ? name : `${path}.${name}`));
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
