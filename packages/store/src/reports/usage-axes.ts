import { DIMENSIONS } from "@tollhouse/contract";

/** What calls are told apart by: the seven dimensions, and what every call has. */
export const USAGE_AXES = [...DIMENSIONS, "model", "provider", "key", "environment"] as const;
export type UsageAxis = (typeof USAGE_AXES)[number];

export const USAGE_TIMES = ["hour", "day", "month"] as const;
export type UsageTime = (typeof USAGE_TIMES)[number];

/** What a usage report can be grouped by. Days and months are UTC's, or those of a time zone. */
export const USAGE_GROUPS = [...USAGE_AXES, ...USAGE_TIMES] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** Axes of which there may be as many values as calls. */
export const PARTIES = ["session", "user", "customer"] as const;
export type Party = (typeof PARTIES)[number];

/** A roll-up of one party, and all that it tells apart beside the environment. */
export interface PartyTable {
  readonly table: string;
  readonly axes: readonly UsageAxis[];
}

/** What of the product called: these depend on each other, so that a party has few combinations of them. */
const CALLER = ["key", "agent", "feature", "service", "team"] as const;

/** The shortest first. Customers alone are as short by day as by month. */
export const DAYS: readonly PartyTable[] = [
  { table: "usage_by_user_feature", axes: ["user", ...CALLER] },
  { table: "usage_by_customer", axes: ["customer"] },
];
export const MONTHS: readonly PartyTable[] = [
  { table: "usage_by_user_monthly", axes: ["user"] },
  { table: "usage_by_customer_model", axes: ["customer", "provider", "model"] },
  { table: "usage_by_customer_feature", axes: ["customer", ...CALLER] },
];

export function isAxis(group: UsageGroup): group is UsageAxis {
  return (USAGE_AXES as readonly string[]).includes(group);
}

export function isTime(group: UsageGroup): group is UsageTime {
  return !isAxis(group);
}

export function isParty(axis: UsageAxis): axis is Party {
  return (PARTIES as readonly string[]).includes(axis);
}

/** The column of the ledger and of each roll-up that has it. */
export function columnOf(axis: UsageAxis): string {
  return axis === "user" ? "user_pseudonym" : axis;
}
