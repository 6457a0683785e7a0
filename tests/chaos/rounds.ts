/** Full counts in `npm run test:long`; reduced ones in `npm test`, so that none of them rots. */
export const LONG = process.env["TOLLHOUSE_LONG"] === "1";

/** Of every choice that the tests leave to chance. */
export const SEED = Number(process.env["TOLLHOUSE_SEED"] ?? "1");
