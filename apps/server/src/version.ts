/** Of this release; `scripts/tidy.test.ts` holds it to the root package.json. */
export const VERSION = "0.1.0";
