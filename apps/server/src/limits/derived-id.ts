import { createHmac, createSecretKey } from "node:crypto";

/**
 * Ids of the limits that DEFAULT_BUDGET makes: the same after every restart and on every node, and keyed, so that nobody can name two
 * sessions whose budgets share a counter.
 */
export function createDerivedId(key: Uint8Array, environment: string): (scope: string) => string {
  const secret = createSecretKey(key);
  return (scope) => `lim_${createHmac("sha256", secret).update(`${environment}\0${scope}`).digest("hex").slice(0, 26)}`;
}
