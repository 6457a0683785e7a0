import type { PolicyDocument, PolicyVersion } from "@tollhouse/contract";
import { compilePolicies, type PolicySnapshot } from "@tollhouse/engine";

/** The policies that a rehearsal decides by. */
export interface RehearsedPolicies {
  readonly snapshot: PolicySnapshot;
  /** By id. */
  readonly documents: ReadonlyMap<string, PolicyVersion>;
  /** The version whose place the draft takes, as far as the two say the same; null = there is no such. */
  readonly replaced: Replaced | null;
  readonly draft: PolicyVersion | null;
}

/** What of a recorded decision still stands, because the draft says it in the same words. */
export interface Replaced {
  readonly id: string;
  readonly version: number;
  readonly same: ReadonlySet<string>;
}

export const DRAFT_ID = "pol_draft";

/** Throws PolicyInvalid for a draft that cannot be compiled. `inForce` has the policy that is replaced. */
export function rehearsedPolicies(
  inForce: readonly PolicyVersion[],
  document: PolicyDocument | null,
  replaces: string | undefined,
  nowMs: number,
): RehearsedPolicies {
  const old = inForce.find(({ id }) => id === replaces);
  const others = inForce.filter((policy) => policy !== old);
  const draft: PolicyVersion | null =
    document === null
      ? null
      : {
          ...document,
          mode: "enforce",
          id: old?.id ?? DRAFT_ID,
          version: (old?.version ?? 0) + 1,
          created_at: new Date(nowMs).toISOString(),
        };
  const before = compilePolicies(others);
  return {
    snapshot: draft === null ? before : before.with(draft),
    documents: new Map([...others, ...(draft === null ? [] : [draft])].map((policy) => [policy.id, policy])),
    replaced:
      old === undefined || draft === null ? null : { id: old.id, version: old.version, same: sameSettings(old, draft) },
    draft,
  };
}

function sameSettings(old: PolicyVersion, draft: PolicyVersion): ReadonlySet<string> {
  const said = (policy: PolicyVersion): ReadonlyMap<string, unknown> =>
    new Map<string, unknown>([
      ["when", policy.when],
      ["limits", policy.limits],
      ["on_exceed", policy.on_exceed],
      ...(["cost", "input_tokens", "output_tokens"] as const).map(
        (cap) => [`caps.${cap}`, policy.caps?.[cap]] as const,
      ),
    ]);
  const ofDraft = said(draft);
  // Of a policy that was only observed nothing was decided.
  if (old.mode !== "enforce") return new Set(old.when === draft.when ? ["when"] : []);
  return new Set([...said(old)].filter(([name, value]) => equal(value, ofDraft.get(name))).map(([name]) => name));
}

/** Both are JSON, with their fields in the order of one schema. */
function equal(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
