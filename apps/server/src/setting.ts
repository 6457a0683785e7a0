import type { z } from "zod";
import type { Read } from "./setting-text.ts";

/**
 * One setting. Its YAML name is the variable in lower case without `TOLLHOUSE_` (`yamlKey`). `schema` reads the trimmed text,
 * wherever it came from: the file is read without YAML's own types, so that `default_budget: 10.10` never becomes a float.
 */
export interface Setting<T> {
  readonly variable: string;
  readonly schema: z.ZodType<T, string>;
  /** Text that is read where nothing is set; null: the value is then null. */
  readonly fallback: string | null;
  readonly expected: string;
  readonly meaning: string;
  /** Never echoed in an error. */
  readonly secret: boolean;
  /** Is an empty text a value? Otherwise it counts as not set: compose files hand on empty variables. */
  readonly emptyIsValue: boolean;
}

export interface Extras {
  readonly secret?: boolean;
  readonly emptyIsValue?: boolean;
}

export function required<T>(
  variable: string,
  fallback: string,
  [schema, expected]: Read<T>,
  meaning: string,
  extras: Extras = {},
): Setting<T> {
  return {
    variable,
    schema,
    fallback,
    expected,
    meaning,
    secret: extras.secret ?? false,
    emptyIsValue: extras.emptyIsValue ?? false,
  };
}

export function optional<T>(
  variable: string,
  [schema, expected]: Read<T>,
  meaning: string,
  extras: Extras = {},
): Setting<T | null> {
  return { ...required<T | null>(variable, "", [schema, expected], meaning, extras), fallback: null };
}

export const secret: Extras = { secret: true };
