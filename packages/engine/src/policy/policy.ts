import type { OnExceed, PolicyLevel, PolicyMode, ScopeKind } from "@tollhouse/contract";
import type { Limit } from "../limits/limit.ts";
import type { Condition } from "./condition.ts";
import type { GlobList } from "./glob.ts";

/** A document that cannot be compiled: nothing of it may be in force, and the environment's other policies stay as they were. */
export class PolicyInvalid extends Error {
  override readonly name = "PolicyInvalid";
  readonly policy: string;
  /** Of the document, such as `models.deny`. */
  readonly field: string;
  readonly expected: string;
  constructor(policy: string, field: string, expected: string) {
    super(`${policy}: ${field}: ${expected}`);
    this.policy = policy;
    this.field = field;
    this.expected = expected;
  }
}

/** Which policy gave a value. */
export interface Giver {
  readonly policy: string;
  readonly version: number;
  readonly name: string;
  /** `user:alice`, `feature:search`, `plan:free`, `default`. */
  readonly attachment: string;
}

export const LISTS = ["models", "providers", "endpoints", "features"] as const;
export type ListName = (typeof LISTS)[number];

/** What can be set one by one. Limits are settings too, one for each measure, window, mode and scope: see `LimitSetting`. */
export type SettingValues = { readonly [L in ListName as `${L}.allow` | `${L}.deny`]: GlobList } & {
  /** Nano-dollars. */
  readonly "caps.cost": bigint;
  readonly "caps.input_tokens": number;
  readonly "caps.output_tokens": number;
  readonly output_clamp: "allowed" | "forbidden";
  readonly fail_mode: "closed" | "open";
  readonly on_exceed: OnExceed;
};
export type SettingName = keyof SettingValues;
export type Setting = { [S in SettingName]: { readonly name: S; readonly value: SettingValues[S] } }[SettingName];

export type LimitSetting = Pick<Limit, "measure" | "amount" | "window" | "timeZone" | "mode"> & {
  /** null: whoever is on the plan, which only the call says. */
  readonly scope: ScopeKind | null;
};

/** Who can be on a plan. */
export const PLAN_HOLDERS = ["user", "customer"] as const;
export type PlanHolder = (typeof PLAN_HOLDERS)[number];

/** Immutable. Holds what is set and nothing else: an environment may have a hundred thousand of them. */
export interface CompiledPolicy {
  readonly giver: Giver;
  readonly level: PolicyLevel;
  /** What it is attached to, within its level; empty for `default`. */
  readonly key: string;
  readonly priority: number;
  readonly createdMs: number;
  readonly mode: PolicyMode;
  readonly condition: Condition | null;
  readonly settings: readonly Setting[];
  readonly limits: readonly LimitSetting[];
}

/** What one limit of a policy replaces in a less specific one. The zone is no part of it: a zone of one's own replaces too. */
export function limitSlot({ measure, window, mode }: LimitSetting, scope: ScopeKind): string {
  return `${measure} ${window} ${mode} ${scope}`;
}
