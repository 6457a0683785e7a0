import { parseScope, type LimitAnswer, type ParsedScope } from "@tollhouse/contract";
import type { Limit, LimitedCall } from "@tollhouse/engine";
import { limitIds, type Database, type LimitFilter } from "@tollhouse/store";
import type { Place } from "../place.ts";
import type { LimitService } from "./limit-service.ts";

export interface LimitPageAsked extends LimitFilter {
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
  { scopes, ...asked }: LimitPageAsked,
): Promise<LimitPage> {
  const { limit } = asked;
  const ids =
    scopes === null ? await limitIds(db, place, { ...asked, limit: limit + 1 }) : idsOfScopes(service, scopes, asked);
  const page = ids.slice(0, limit);
  return {
    // One that was deleted since the database was asked is left out.
    limits: await service.answers(page),
    next_cursor: ids.length > limit ? (page.at(-1) ?? null) : null,
  };
}

function idsOfScopes(
  service: LimitService,
  scopes: readonly string[],
  asked: Omit<LimitPageAsked, "scopes">,
): string[] {
  const { after, measure, kind } = asked;
  const found = scopes
    .filter((scope) => kind === null || parseScope(scope)?.kind === kind)
    .flatMap((scope) => ofScope(service, scope))
    .filter((limit) => limit.id > after && (measure === null || limit.measure === measure));
  return [...new Set(found.map(({ id }) => id))].toSorted();
}

/** Ids of the limits that were made for this very scope: no default budget, which is nobody's to change. */
export function limitsOfScope(service: LimitService, scope: string): string[] {
  return ofScope(service, scope).map(({ id }) => id);
}

function ofScope(service: LimitService, scope: string): readonly Limit[] {
  const parsed = parseScope(scope);
  if (parsed === null) return [];
  return service.snapshot.match(callOf(parsed)).filter((limit) => limit.scope === scope && !limit.derived);
}

/** A call that says nothing but this scope. */
function callOf({ kind, value }: ParsedScope): LimitedCall {
  const nothing: LimitedCall = { dimensions: {}, model: "", provider: "", key: null };
  if (kind === "org") return nothing;
  if (kind === "key" || kind === "model" || kind === "provider") return { ...nothing, [kind]: value };
  return { ...nothing, dimensions: { [kind]: value } };
}
