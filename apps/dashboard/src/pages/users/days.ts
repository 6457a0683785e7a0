/** How far to look back, in days. */
export const DAYS = [1, 7, 30, 365] as const;
export type Days = (typeof DAYS)[number];

export interface DaysSearch {
  /** Absent: 30. */
  readonly days?: Days;
}

export function readDays({ days }: Record<string, unknown>): DaysSearch {
  const known = DAYS.find((each) => each === Number(days));
  return known === undefined ? {} : { days: known };
}
