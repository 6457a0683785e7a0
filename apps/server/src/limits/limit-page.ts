import { parseScope, type LimitAnswer, type ParsedScope } from "@tollhouse/contract";
import type { LimitedCall } from "@tollhouse/engine";
import { limitIds, type Database } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { LimitService } from "./limit-service.ts";

export interface LimitPageAsked {
  /** Ids above this. */
  readonly after: string;
  readonly limit: number;
  /** null = any. */
  readonly scopes: readonly string[] | null;
}

export interface LimitPage {
  readonly limits: readonly LimitAnswer[];
  readonly next_cursor: string | null;
}

/**
 * Limits by id, each with its state now. Ids come from the database's index, and what a limit is from the snapshot in force: a million limits
 * are neither copied nor sorted for a page. Those of given scopes are looked up, as a call does.
 */
export async function limitPage(
  db: Database,
  service: LimitService,
  place: Place,
  { after, limit, scopes }: LimitPageAsked,
): Promise<LimitPage> {
  const ids =
    scopes === null
      ? await limitIds(db, place, after, limit + 1)
      : [...new Set(scopes.flatMap((scope) => limitsOfScope(service, scope)))].filter((id) => id > after).toSorted();
  const page = ids.slice(0, limit);
  return {
    // One that was deleted since the database was asked is left out.
    limits: await service.answers(page),
    next_cursor: ids.length > limit ? (page.at(-1) ?? null) : null,
  };
}

/** Ids of the limits that were made for this very scope: no default budget, which is nobody's to change. */
export function limitsOfScope(service: LimitService, scope: string): string[] {
  const parsed = parseScope(scope);
  if (parsed === null) return [];
  const limits = service.snapshot.match(callOf(parsed));
  return limits.filter((limit) => limit.scope === scope && !limit.derived).map((limit) => limit.id);
}

/** A call that says nothing but this scope. */
function callOf({ kind, value }: ParsedScope): LimitedCall {
  const nothing: LimitedCall = { dimensions: {}, model: "", provider: "", key: null };
  if (kind === "org") return nothing;
  if (kind === "key" || kind === "model" || kind === "provider") return { ...nothing, [kind]: value };
  return { ...nothing, dimensions: { [kind]: value } };
}
