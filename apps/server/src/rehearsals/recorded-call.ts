import {
  DIMENSIONS,
  inputTokensOf,
  outputTokensOf,
  tokensOf,
  type DecisionPolicy,
  type Dimensions,
  type Endpoint,
  type Measure,
  type ReasonCode,
  type Usage,
} from "@tollhouse/contract";
import { ENTRY_FLAGS, type LimitSeen } from "@tollhouse/ledger";
import type { RecordedEntry } from "@tollhouse/store";
import { policyOf } from "../policies/policy-decision.ts";

/** A call as its entry has it, ready to be decided once more. */
export interface RecordedCall {
  /** 32 hex digits. */
  readonly decision: string;
  readonly sequence: number;
  /** When it was decided. */
  readonly timeMs: number;
  readonly end: "settled" | "released" | "blocked";
  /** Did anybody ask whether it may be made? */
  readonly asked: boolean;
  readonly provider: string;
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly key: string | null;
  /** The user by the name that policies know, where there is one. */
  readonly dimensions: Dimensions;
  readonly user: RecordedUser | null;
  readonly plan: string | null;
  readonly reason: ReasonCode | null;
  readonly policy: DecisionPolicy | null;
  /** null: not known, or nothing was used. */
  readonly usage: Usage | null;
  /** Nano-dollars; null: not known. */
  readonly cost: bigint | null;
  /** What counters were moved by. */
  readonly used: { readonly [M in Measure]: bigint };
  /** What was held at the end, nano-dollars; 0 where no budget held it to anything. */
  readonly reserved: bigint;
  readonly priced: boolean;
  readonly tier: string | null;
  readonly geo: string | null;
  /** The limit that refused it, as it stood; null: none did. */
  readonly refusedBy: LimitSeen | null;
  /** What did not fit, in the unit of `refusedBy`. */
  readonly required: bigint | null;
  /** How every limit stood that it was held to or counted on. */
  readonly limits: readonly LimitSeen[];
}

/** `name` null: the readable id is not kept, and no policy or plan says it. `lookup` null: erased. */
export interface RecordedUser {
  readonly lookup: string | null;
  readonly name: string | null;
}

/** The name of a user whose readable id is not kept, where a policy or a plan knows it. */
export type NameOfUser = (lookup: string) => string | null;

/** null: the entry is not of one call. */
export function recordedCall(entry: RecordedEntry, nameOf: NameOfUser): RecordedCall | null {
  const end = endOf(entry);
  if (end === undefined) return null;
  const { fields, flags } = entry;
  const user = userOf(entry, nameOf);
  const dimensions = dimensionsOf(entry, user);
  const usage = fields.usage ?? null;
  const reserved = fields.reserved ?? 0n;
  const known = (flags & ENTRY_FLAGS.costUnknown) === 0;
  const policy = policyOf(fields.policy, fields.plan);
  return {
    decision: entry.entryId,
    sequence: Number(entry.sequence),
    timeMs: Number(entry.timeUs) / 1_000,
    end,
    asked: entry.type !== "usage_recorded" || policy !== null || fields.limits !== undefined || entry.refers,
    provider: fields.provider ?? "",
    model: fields.model ?? "",
    endpoint: (fields.endpoint ?? "chat_completions") as Endpoint,
    key: fields.key ?? null,
    dimensions,
    user,
    plan: fields.plan ?? null,
    reason: (fields.reason ?? null) as ReasonCode | null,
    policy,
    usage,
    cost: end === "settled" && known ? entry.amountNano : null,
    used: {
      // Without a known price it was settled at what was reserved.
      usd: known ? entry.amountNano : reserved,
      tokens: usage === null ? 0n : BigInt(tokensOf(usage)),
      requests: end === "settled" ? 1n : 0n,
    },
    reserved,
    priced: end === "blocked" ? fields.reason !== "PRICE_UNKNOWN" : fields.priceVersion !== undefined || known,
    tier: fields.tier ?? null,
    geo: fields.geo ?? null,
    refusedBy: fields.limits?.find(({ limitId }) => limitId === fields.limit) ?? null,
    required: fields.required ?? null,
    limits: fields.limits ?? [],
  };
}

/** What was said anew is of the call that it names; another correction is of none. */
function endOf({ type, flags, usageSource }: RecordedEntry): RecordedCall["end"] | undefined {
  if (type !== "correction") return ENDS[type as keyof typeof ENDS];
  if ((flags & ENTRY_FLAGS.restated) === 0) return undefined;
  return usageSource === "none" ? "released" : "settled";
}

const ENDS = {
  call_settled: "settled",
  usage_recorded: "settled",
  call_released: "released",
  call_blocked: "blocked",
} as const;

/** Upper bounds that were not recorded: what was used stands for them. NaN is too much of anything. */
export function tokensUsed({ usage }: RecordedCall): { readonly input: number; readonly output: number } {
  return usage === null
    ? { input: Number.NaN, output: Number.NaN }
    : { input: inputTokensOf(usage), output: outputTokensOf(usage) };
}

function userOf({ fields, user }: RecordedEntry, nameOf: NameOfUser): RecordedUser | null {
  if (fields.user === undefined) return null;
  if (user === null) return { lookup: null, name: null };
  return { lookup: user.lookup, name: user.readable ?? nameOf(user.lookup) };
}

function dimensionsOf({ fields }: RecordedEntry, user: RecordedUser | null): Dimensions {
  const said: { [D in (typeof DIMENSIONS)[number]]?: string } = {};
  for (const name of DIMENSIONS) {
    const value = name === "user" ? undefined : fields[name];
    if (value !== undefined) said[name] = value;
  }
  // Not a name that anybody can have given: it has a control character.
  if (user !== null) said.user = user.name ?? `\u0001${user.lookup ?? "erased"}`;
  return said;
}
