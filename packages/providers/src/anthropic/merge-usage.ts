import { isObject } from "./fields.ts";

/**
 * Usage of a stream so far: counts are cumulative, so a later one *replaces* the earlier; null or absent keeps it. A new
 * object: the one before may be in the hands of a caller.
 */
export function mergeUsage(before: Record<string, unknown> | null, usage: unknown): Record<string, unknown> | null {
  if (!isObject(usage)) return before;
  const merged: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(usage))
    if ((value !== null || !Object.hasOwn(merged, key)) && key !== "__proto__") merged[key] = value;
  return merged;
}
