import { z } from "zod";
import { parseScope } from "./dimensions.ts";

export const MEASURES = ["usd", "tokens", "requests"] as const;
export type Measure = (typeof MEASURES)[number];

export const WINDOWS = ["minute", "hour", "day", "month", "rolling_24h", "lifetime"] as const;
export type WindowKind = (typeof WINDOWS)[number];

export const MODES = ["hard", "soft"] as const;
export type LimitMode = (typeof MODES)[number];

const scope = z.string().refine((text) => parseScope(text) !== null, {
  error: "expected `org` or `<dimension>:<value>`, such as `session:run-42` or `team:search`",
});
export const timeZoneSchema: z.ZodType<string> = z
  .string()
  .refine(isZone, { error: "expected an IANA time zone, such as `Europe/Berlin`" });

/** A decimal string: dollars with at most nine places for `usd`, a whole number for `tokens` and `requests`. Never a float. */
export const limitAmountSchema: z.ZodType<string> = z
  .string({ error: 'expected a decimal string, such as "25.00"' })
  .regex(/^\d{1,10}(\.\d{1,9})?$/, {
    error: 'expected a decimal string with at most nine places, such as "25.00"',
    // What is no number is not too large as well.
    abort: true,
  })
  .refine((text) => Number(text) <= 9_000_000_000, { error: "expected at most 9000000000" });

/** `POST /api/v1/limits`. Unknown fields are rejected by name. */
export const limitCreateSchema: z.ZodType<LimitCreate> = z
  .strictObject({
    scope,
    measure: z.enum(MEASURES),
    amount: limitAmountSchema,
    window: z.enum(WINDOWS),
    mode: z.enum(MODES),
    time_zone: timeZoneSchema.optional(),
  })
  .superRefine((limit, context) => {
    if (limit.measure !== "usd" && limit.amount.includes("."))
      context.addIssue({ code: "custom", path: ["amount"], message: `expected a whole number of ${limit.measure}` });
  });

/** `PUT /api/v1/limits/{id}`: what may change; the version is the one that was read (a lost update is refused). */
export const limitUpdateSchema: z.ZodType<LimitUpdate> = z.strictObject({
  amount: limitAmountSchema.optional(),
  mode: z.enum(MODES).optional(),
  version: z.number().int().positive().optional(),
});

export interface LimitCreate {
  scope: string;
  measure: Measure;
  amount: string;
  window: WindowKind;
  mode: LimitMode;
  time_zone?: string | undefined;
}

export interface LimitUpdate {
  amount?: string | undefined;
  mode?: LimitMode | undefined;
  version?: number | undefined;
}

/** State of a limit's counter in its window now. `usd`: decimal strings with nine places; else whole numbers as strings. */
export interface LimitState {
  settled: string;
  reserved: string;
  remaining: string;
  /** RFC 3339, UTC; null for `lifetime`. */
  resets_at: string | null;
}

/** A limit as the control API answers it. */
export interface LimitAnswer {
  id: string;
  scope: string;
  measure: Measure;
  amount: string;
  window: WindowKind;
  time_zone: string;
  mode: LimitMode;
  version: number;
  state: LimitState;
}

function isZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
