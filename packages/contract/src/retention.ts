import { z } from "zod";

export const DETAIL_MONTHS = { least: 1, most: 1200 } as const;

/** `PUT /api/v1/retention`: for how many whole months behind the running one are details of calls kept? */
export interface Retention {
  /** null = for ever. */
  detail_months: number | null;
}

export interface RetentionAnswer extends Retention {
  environment: string;
  /** 0: never set. */
  version: number;
  /** What the setting means now: the first instant that it keeps. null = everything. */
  keeps_from: string | null;
  /** Calls before it have no details any more, for good. null = all have. */
  purged_before: string | null;
  /** Are those before it being removed still? */
  removing: boolean;
}

const expected = "expected a whole number of months, or null to keep them for ever";
export const retentionSchema: z.ZodType<Retention> = z.strictObject({
  detail_months: z
    .number({ error: expected })
    .int({ error: expected })
    .min(DETAIL_MONTHS.least, { error: `expected at least ${DETAIL_MONTHS.least}` })
    .max(DETAIL_MONTHS.most, { error: `expected at most ${DETAIL_MONTHS.most}` })
    .nullable(),
});
