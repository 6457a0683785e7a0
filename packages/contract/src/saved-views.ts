import { z } from "zod";

/** Pages of the dashboard whose question can be kept. */
export const VIEW_PAGES = ["explore", "calls"] as const;
const NAME_LENGTH_MAX = 64;
const SEARCH_LENGTH_MAX = 2_048;

export const viewNameSchema = z
  .string()
  // oxlint-disable-next-line no-control-regex
  .regex(/^[^\u0000-\u001f\u007f/]+$/, { error: "expected a name without control characters and slashes" })
  .max(NAME_LENGTH_MAX, { error: `expected at most ${NAME_LENGTH_MAX} characters` });

/** A question of the viewer's own: which page, and what stands behind the `?` of its address. */
export const viewPutSchema = z.strictObject({
  page: z.enum(VIEW_PAGES),
  search: z.string().max(SEARCH_LENGTH_MAX, { error: `expected at most ${SEARCH_LENGTH_MAX} characters` }),
});
