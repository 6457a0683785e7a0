import { DIMENSIONS, USAGE_CLASSES, type Dimensions, type Usage } from "@tollhouse/contract";
import { z } from "zod";

/** Fields that many endpoints take or answer. */

/** Dollars with nine places; of tokens and requests a whole number. Never a float. */
export const amount: z.ZodString = z.string().regex(/^-?\d+(\.\d{9})?$/);
export const dollars: z.ZodString = z.string().regex(/^-?\d+\.\d{9}$/);
export const time = z.iso.datetime();
export const hash: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/);
export const sequence = z.int().min(1);
export const nextCursor = z.string().nullable();

export const dimensions: z.ZodType<Dimensions> = z.strictObject(
  Object.fromEntries(DIMENSIONS.map((name) => [name, z.string().optional()])),
);
export const usage: z.ZodType<Usage> = z.strictObject(
  Object.fromEntries(USAGE_CLASSES.map((name) => [name, z.int().min(0).optional()])),
);

/** RFC 3339, or a day, which begins in UTC. What else `Date.parse` reads depends on the machine's time zone. */
const instantText = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** A moment as milliseconds since 1970. */
export const instant = z
  .string()
  .transform((text, context) => {
    const ms = instantText.safeParse(text).success ? Date.parse(text) : NaN;
    if (ms >= 0) return ms;
    context.addIssue({ code: "custom", message: "expected a time such as 2026-11-01T00:00:00Z" });
    return z.NEVER;
  })
  .optional();

/** Text that is compared with a column; PostgreSQL has no text with U+0000. */
export function filterText(lengthMax: number): z.ZodOptional<z.ZodString> {
  return (
    z
      .string()
      .max(lengthMax)
      // oxlint-disable-next-line no-control-regex
      .regex(/^[^\u0000-\u001f\u007f]*$/, { error: "expected a text without control characters" })
      .optional()
  );
}

const VALUES_MAX = 100;

/** A parameter that may be given several times, as texts that are compared with a column; `of`: the only ones there are. */
export function valuesOf(lengthMax: number, of?: readonly string[]): z.ZodType<string[] | undefined> {
  const text = filterText(lengthMax).unwrap();
  const one = of === undefined ? text : text.refine((value) => of.includes(value), { error: "expected a known value" });
  return z
    .union([one, z.array(one).max(VALUES_MAX, { error: `expected at most ${VALUES_MAX} values` })])
    .transform((asked) => (typeof asked === "string" ? [asked] : asked))
    .optional();
}

export const pageLimit = z.coerce
  .number({ error: "expected a whole number from 1 to 1000" })
  .int()
  .min(1)
  .max(1000)
  .default(100);
export const sequenceCursor = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, { error: "expected the next_cursor of an earlier answer" })
  .optional();

export const decisionParams = z.strictObject({ id: z.string().max(64) });
