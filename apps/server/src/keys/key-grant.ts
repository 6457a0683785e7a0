import type { Dimensions, KeyPermission, Settable } from "@tollhouse/contract";
import { compileGlobs, type GlobList } from "@tollhouse/engine";
import type { ApiKey } from "@tollhouse/store";
import { SmoothedRate } from "./smoothed-rate.ts";

/** A stored key made ready for the call path: nothing of it is compiled, parsed or searched for again on a call. */
export interface KeyGrant {
  /** Whose key it is: 32 hex digits. */
  readonly tenant: string;
  readonly key: ApiKey;
  readonly permissions: ReadonlySet<KeyPermission>;
  readonly fixed: Dimensions;
  /** null = all that are not fixed. */
  readonly settable: ReadonlySet<Settable> | null;
  /** null = all. */
  readonly models: GlobList | null;
  readonly requests: SmoothedRate | null;
  readonly tokens: SmoothedRate | null;
}

/** `before`: the grant of the version before, whose rates go on where they are the same: changing a name refills nothing. */
export function grantOf(tenant: string, key: ApiKey, before: KeyGrant | null): KeyGrant {
  const { rules } = key;
  return {
    tenant,
    key,
    permissions: new Set(rules.permissions),
    fixed: rules.fixed as Dimensions,
    settable: rules.settable === null ? null : new Set(rules.settable),
    models: rules.models === null ? null : compileGlobs(rules.models, false),
    requests: rateOf(rules.requests_per_minute, before?.requests ?? null),
    tokens: rateOf(rules.tokens_per_minute, before?.tokens ?? null),
  };
}

function rateOf(perMinute: number | null, before: SmoothedRate | null): SmoothedRate | null {
  if (perMinute === null) return null;
  return before?.perMinute === perMinute ? before : new SmoothedRate(perMinute);
}
