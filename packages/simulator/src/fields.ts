/** A JSON object from outside: nothing is known of its fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** A field that the provider refuses. `expected` completes "expected …". Becomes a 400 in the provider's shape. */
export class FieldError extends Error {
  override readonly name = "FieldError";
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** A whole number ≥ `least`, or null where the field is absent or null. Throws a FieldError that names the field. */
export function countOf(body: Fields, field: string, least: number, prefix = ""): number | null {
  const value = body[field];
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new FieldError(
    prefix + field,
    `Invalid value for '${prefix}${field}': expected an integer of at least ${String(least)}.`,
  );
}
