import type { PolicyVersion } from "@tollhouse/contract";
import { PolicyInvalid, type PolicySnapshot } from "@tollhouse/engine";

/** Null: two processes went past a bound together that each of them kept. What is stored is in force all the same. */
export function withStored(
  old: PolicySnapshot,
  ids: readonly string[],
  stored: readonly PolicyVersion[],
): PolicySnapshot | null {
  const byId = new Map(stored.map((policy) => [policy.id, policy]));
  let next = old;
  try {
    for (const id of ids) {
      const policy = byId.get(id);
      if (policy === undefined) next = next.without(id);
      else if (next.byId(id)?.giver.version !== policy.version) next = next.with(policy);
    }
    return next;
  } catch (error) {
    if (error instanceof PolicyInvalid) return null;
    throw error;
  }
}
