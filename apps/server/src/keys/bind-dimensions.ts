import { DIMENSIONS, type Dimension } from "@tollhouse/contract";
import type { KeyGrant } from "./key-grant.ts";

const NOTHING: readonly Dimension[] = Object.freeze([]);

/**
 * Makes `said` what the key allows: fixed values in, what its holder may not set out. Answers the names of what was ignored; a header
 * that says what is fixed anyway is no spoof.
 */
export function bindDimensions(grant: KeyGrant, said: Partial<Record<Dimension, string>>): readonly Dimension[] {
  let ignored: Dimension[] | null = null;
  for (const name of DIMENSIONS) {
    const fixed = grant.fixed[name];
    const value = said[name];
    if (fixed !== undefined) {
      if (value !== undefined && value !== fixed) (ignored ??= []).push(name);
      said[name] = fixed;
    } else if (value !== undefined && grant.settable !== null && !grant.settable.has(name)) {
      (ignored ??= []).push(name);
      delete said[name];
    }
  }
  return ignored ?? NOTHING;
}
