import type { Limit, LimitSnapshot } from "@tollhouse/engine";

/** The snapshot with these limits as they are stored: without those of `ids` that are not there any more. */
export function withStored(old: LimitSnapshot, ids: readonly string[], stored: readonly Limit[]): LimitSnapshot {
  const byId = new Map(stored.map((limit) => [limit.id, limit]));
  let next = old;
  for (const id of ids) {
    const limit = byId.get(id);
    if (limit === undefined) next = next.without(id);
    // Of a deleted and a changed one the version tells which came last; an older one is never read after a newer one.
    else if (next.byId(id)?.version !== limit.version) next = next.with(limit);
  }
  return next;
}

/** Those that were there before, in their next version. */
export function* changedLimits(
  old: LimitSnapshot,
  next: LimitSnapshot,
  ids: readonly string[] | null,
): Generator<Limit, void> {
  const limits = ids === null ? next.all() : ids.map((id) => next.byId(id));
  for (const limit of limits) {
    const before = limit === undefined ? undefined : old.byId(limit.id);
    if (limit !== undefined && before !== undefined && before.version !== limit.version) yield limit;
  }
}
