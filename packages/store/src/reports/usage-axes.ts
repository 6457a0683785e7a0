import { DIMENSIONS } from "@tollhouse/contract";

/** What calls are told apart by: the seven dimensions, and what every call has. */
export const USAGE_AXES = [...DIMENSIONS, "model", "provider", "key", "environment"] as const;
export type UsageAxis = (typeof USAGE_AXES)[number];

export const USAGE_TIMES = ["hour", "day", "month"] as const;
export type UsageTime = (typeof USAGE_TIMES)[number];

/** What a usage report can be grouped by. Days and months are UTC's, or those of a time zone. */
export const USAGE_GROUPS = [...USAGE_AXES, ...USAGE_TIMES] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** Axes of which there may be as many values as calls, and the table of days that each has for itself. */
export const PARTIES = {
  session: "usage_by_session",
  user: "usage_by_user",
  customer: "usage_by_customer",
} as const;
export type Party = keyof typeof PARTIES;

export function isAxis(group: UsageGroup): group is UsageAxis {
  return (USAGE_AXES as readonly string[]).includes(group);
}

export function isTime(group: UsageGroup): group is UsageTime {
  return !isAxis(group);
}

export function isParty(axis: UsageAxis): axis is Party {
  return axis in PARTIES;
}

/** The column of the ledger and of each roll-up that has it. */
export function columnOf(axis: UsageAxis): string {
  return axis === "user" ? "user_pseudonym" : axis;
}
